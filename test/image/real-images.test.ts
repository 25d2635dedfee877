/** Areas that real kernels and hypervisors wrote, with registers that are known from the programs that loaded them. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  compareImages,
  decodeImage,
  encodeImage,
  hexBytes,
  hexNumber,
  holdsInitial,
  readRegisters,
  selectRegisters,
  stateOfRegisters,
} from "../../src/image/index.ts";
import type { DecodedImage, RegisterInput } from "../../src/image/index.ts";
import { loadModel } from "../model/model-files.ts";
import { areasByThread, type KnownThread, SKIPPED, sharedBytes, sharedJson } from "./shared-images.ts";

// What the machine that wrote them enabled: no PKRU.
const rows = loadModel("amd-zen-5").components.filter(({ index }) => [2, 5, 6, 7].includes(index));
const decode = (bytes: Uint8Array): DecodedImage => decodeImage({ bytes, form: "standard", rows });

function shown(decoded: DecodedImage): Record<string, string> {
  const values = readRegisters(decoded.state, selectRegisters("all"));
  return Object.fromEntries(
    values.map(({ register, bytes }) => [register.name, register.view === "number" ? hexNumber(bytes) : hexBytes(bytes)]),
  );
}

const fixture = JSON.parse(readFileSync(new URL("fixtures/zen5-core-area.json", import.meta.url), "utf8")) as {
  readonly area: string;
  readonly registers: Readonly<Record<string, string>>;
};
const fixtureArea = Uint8Array.from(Buffer.from(fixture.area, "hex"));

test("the area of a core decodes to the registers that the program had loaded", () => {
  const decoded = decode(fixtureArea);
  expect(shown(decoded)).toMatchObject(fixture.registers);
  expect(decoded.warnings).toEqual([]);
  expect(decoded.layout.size).toBe(2432);
});

test("the same registers encode to an image that means the same, in every form", () => {
  const decoded = decode(fixtureArea);
  const { state } = decoded;
  for (const form of ["standard", "compacted", "compacted-without-legacy"] as const) {
    const image = encodeImage(state, { form, rows });
    expect(compareImages(decoded, decodeImage(image))).toEqual([]);
    expect(image.bytes.length).toBe(form === "compacted-without-legacy" ? 2432 - 512 : 2432);
  }
});

test("registers by name, written back, give the same values", () => {
  const wanted = fixture.registers;
  const { fcw, fsw, ftw } = shown(decode(fixtureArea));
  const given: Record<string, RegisterInput> = { ...wanted, fcw: fcw ?? "", fsw: fsw ?? "", ftw: ftw ?? "" };
  const image = encodeImage(stateOfRegisters(given, rows), { form: "compacted", rows });
  expect(shown(decodeImage(image))).toMatchObject(wanted);
});

describe.skipIf(SKIPPED)("all real images", () => {
  test.each(["core-random", "core-mt"])("%s: every thread", (name) => {
    const { threads } = sharedJson<{ threads: readonly KnownThread[] }>(`${name}.json`);
    const areas = areasByThread(sharedBytes(`${name}.elf`));
    expect([...areas.keys()].sort()).toEqual(threads.map(({ tid }) => tid).sort());
    for (const thread of threads) {
      const decoded = decode(areas.get(thread.tid) ?? new Uint8Array());
      expect(shown(decoded)).toMatchObject(thread.registers);
      // XSTATE_BV of a note may have a bit set for a component whose contents are initial.
      for (const [index, component] of decoded.state)
        expect([index, holdsInitial(component)]).toEqual([index, thread.initComponents.includes(index)]);
      const again = encodeImage(decoded.state, { form: "standard", rows });
      expect(compareImages(decoded, decodeImage(again))).toEqual([]);
    }
  });

  test("a KVM image of 4096 bytes", () => {
    const { loaded } = sharedJson<{ loaded: Readonly<Record<string, string | number>> }>("kvm-run-zmm.json");
    const decoded = decode(sharedBytes("kvm-run-zmm.bin"));
    const got = shown(decoded);
    for (const [name, value] of Object.entries(loaded)) {
      if (name === "width" || name === "mxcsr") continue;
      // Numbers are in memory order there, too.
      const bytes = name.startsWith("k") ? hexBytes(Uint8Array.from(Buffer.from(String(value), "hex")).toReversed()) : value;
      expect([name, name.startsWith("k") ? got[name]?.slice(2).padStart(16, "0") : got[name]]).toEqual([name, bytes]);
    }
    expect(got["mxcsr"]).toBe(loaded["mxcsr"]);
    // x87 was not touched: XSTATE_BV[0] = 0, and shown is the initial configuration.
    expect(decoded.layout.xstateBv).toBe(0xe6n);
    expect(got).toMatchObject({ fcw: "0x37f", fsw: "0x0", ftw: "0x0", ftag: "0xffff", st0: "00000000000000000000" });
  });
});
