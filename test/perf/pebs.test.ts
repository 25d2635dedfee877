import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeAdaptivePebs } from "../../src/perf/pebs-adaptive.ts";
import { decodeArchitecturalPebs } from "../../src/perf/pebs-architectural.ts";
import { PebsError } from "../../src/perf/pebs-error.ts";
import { PebsBuffer, PebsRecord } from "../../src/perf/pebs-record.ts";
import { RegisterGroups } from "../../src/perf/register-groups.ts";
import { GENERAL_REGISTERS } from "../../src/perf/register-numbers.ts";
import { adaptiveRecord, architecturalRecord, type Fragment, pattern } from "./pebs-records.ts";

const GROUP_ORDER = ["XMM", "YMMH", "opmask", "ZMM_Hi256", "Hi16_ZMM", "APX", "SSP"] as const;
const SIZES = { XMM: 256, YMMH: 256, opmask: 64, ZMM_Hi256: 512, Hi16_ZMM: 1024 } as const;

/** The bytes of each group that a record delivers. */
function delivered(bytes: Uint8Array, record: PebsRecord): Record<string, Uint8Array> {
  const found: Record<string, Uint8Array> = {};
  record.groups.forEach((at, group) => {
    const name = GROUP_ORDER[group]!;
    if (at >= 0) found[name] = bytes.slice(at, at + (name in SIZES ? SIZES[name as keyof typeof SIZES] : 8));
  });
  return found;
}

function general(bytes: Uint8Array, record: PebsRecord): Record<string, bigint> {
  const out = new Int32Array(48);
  record.copyGeneral(new PebsBuffer(bytes), out);
  const view = new BigUint64Array(out.buffer);
  return Object.fromEntries(GENERAL_REGISTERS.map((name, i) => [name, view[i]!]));
}

describe("adaptive PEBS", () => {
  test("every combination of groups", () => {
    for (let groups = 0; groups < 64; groups++) {
      const before = pattern(24, 1);
      const { bytes, xmm, values } = adaptiveRecord(groups, { lbr: 5, prefix: before });
      const record = new PebsRecord();
      decodeAdaptivePebs(new PebsBuffer(bytes), 24, record);
      expect(record.size).toBe(bytes.length - 24);
      expect(delivered(bytes, record)).toEqual(groups & 4 ? { XMM: xmm } : {});
      expect(record.lbrCount).toBe(groups & 8 ? 5 : 0);
      if (groups & 2) expect(general(bytes, record)).toMatchObject(values);
    }
  });

  test("a record that does not add up", () => {
    const { bytes } = adaptiveRecord(0b110, {});
    const decode = (damaged: Uint8Array) => () => decodeAdaptivePebs(new PebsBuffer(damaged), 0, new PebsRecord());
    expect(decode(bytes.subarray(0, 16))).toThrow(/basic group: 32 bytes expected, 16 are left \(byte 0\)/);
    expect(decode(bytes.subarray(0, 200))).toThrow(PebsError);
    const size = bytes.slice();
    size[6] = 40;
    expect(decode(size)).toThrow(PebsError);
    const longer = new Uint8Array(bytes.length + 8);
    longer.set(bytes);
    new DataView(longer.buffer).setUint16(6, longer.length, true);
    expect(decode(longer)).toThrow(/the groups take 432 bytes, the format size says 440/);
  });
});

const fragment = fc.record({
  groups: fc.subarray(["XMM", "YMMH", "opmask", "ZMM_Hi256", "Hi16_ZMM"] as const),
  basic: fc.boolean(),
  aux: fc.boolean(),
  general: fc.boolean(),
  lbr: fc.constantFrom(0, 1, 2, 3 as const),
  lbrDepth: fc.integer({ min: 0, max: 64 }),
  counters: fc.boolean(),
});

describe("architectural PEBS", () => {
  test("groups spread over fragments, null links between them", () => {
    fc.assert(
      fc.property(fc.array(fragment, { minLength: 1, maxLength: 4 }), fc.boolean(), (fragments, nulls) => {
        const { bytes, groups, values } = architecturalRecord(fragments as Fragment[], nulls);
        const record = new PebsRecord();
        decodeArchitecturalPebs(new PebsBuffer(bytes), 0, record);
        expect(record.size).toBe(bytes.length);
        expect(delivered(bytes, record)).toEqual(groups);
        if (values) expect(general(bytes, record)).toMatchObject(values);
      }),
      { numRuns: 100 },
    );
  });

  test("a fragment of size 0 ends the walk with an error", () => {
    const { bytes } = architecturalRecord([{ groups: ["XMM"], basic: true }], false);
    bytes[0] = 0;
    bytes[1] = 0;
    expect(() => decodeArchitecturalPebs(new PebsBuffer(bytes), 0, new PebsRecord())).toThrow("a fragment of size 0 (byte 0)");
  });

  test("fragments and records of whole quadwords only: words would be read from the wrong place", () => {
    const decode = (bytes: Uint8Array, at: number) => () => decodeArchitecturalPebs(new PebsBuffer(bytes), at, new PebsRecord());
    const { bytes } = architecturalRecord([{ groups: ["XMM"] }, { groups: ["opmask"] }], false);
    expect(decode(bytes, 4)).toThrow("a record's offset 4 is no multiple of 8 (byte 4)");
    const view = new DataView(bytes.buffer);
    view.setUint16(0, view.getUint16(0, true) + 2, true);
    expect(decode(bytes, 0)).toThrow("fragment size 290 is no multiple of 8 (byte 0)");
    const adaptive = adaptiveRecord(0b100, {}).bytes;
    expect(() => decodeAdaptivePebs(new PebsBuffer(adaptive), 2, new PebsRecord())).toThrow("a record's offset 2");
    new DataView(adaptive.buffer).setUint16(6, 0x120 + 4, true);
    expect(() => decodeAdaptivePebs(new PebsBuffer(adaptive), 0, new PebsRecord())).toThrow(
      "the format size 292 is no multiple of 8",
    );
  });

  test("a chain of links without end, a depth beyond 64, groups beyond the fragment", () => {
    const links = new Uint8Array(64 * 1024);
    const view = new DataView(links.buffer);
    for (let at = 0; at < links.length; at += 16) view.setUint32(at, 16, true);
    const decode = (bytes: Uint8Array) => () => decodeArchitecturalPebs(new PebsBuffer(bytes), 0, new PebsRecord());
    expect(decode(links)).toThrow("more than 32 fragments (byte 512)");
    const { bytes } = architecturalRecord([{ groups: [], lbr: 3, lbrDepth: 2 }], false);
    new DataView(bytes.buffer).setUint32(16 + 16, 65, true);
    expect(decode(bytes)).toThrow(/LBR depth 65/);
    const short = architecturalRecord([{ groups: ["Hi16_ZMM"] }], false).bytes;
    new DataView(short.buffer).setUint16(0, 64, true);
    expect(decode(short)).toThrow(PebsError);
  });

  test("random bytes end in a record or a PebsError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 4096 }), (bytes) => {
        const buffer = new PebsBuffer(bytes);
        for (const decode of [decodeAdaptivePebs, decodeArchitecturalPebs]) {
          const record = new PebsRecord();
          try {
            decode(buffer, 0, record);
            expect(record.size).toBeLessThanOrEqual(bytes.length);
            record.groups.forEach((at) => expect(at).toBeLessThan(bytes.length));
          } catch (error) {
            expect(error).toBeInstanceOf(PebsError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

test("what a record delivers is captured and in use; the rest of an earlier record is gone", () => {
  const { bytes } = architecturalRecord([{ groups: ["XMM", "opmask"], general: true }], false);
  const buffer = new PebsBuffer(bytes);
  const record = new PebsRecord();
  decodeArchitecturalPebs(buffer, 0, record);
  const groups = new RegisterGroups();
  record.deliver(buffer, groups);
  expect(groups.captured).toBe((1 << 1) | (1 << 5) | (1 << 11));
  const second = adaptiveRecord(0, {});
  decodeAdaptivePebs(new PebsBuffer(second.bytes), 0, record);
  groups.clear();
  record.deliver(new PebsBuffer(second.bytes), groups);
  expect(groups.captured).toBe(0);
  const out = new Int32Array(4).fill(-1);
  groups.copy(0, 0, 4, out, 0);
  expect([...out]).toEqual([0, 0, 0, 0]);
});
