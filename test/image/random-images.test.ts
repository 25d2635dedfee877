/** Images that the naive reference saves from random registers of random CPUs, decoded, encoded, normalised and compared. */

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  compareBytes,
  compareImages,
  decodeImage,
  encodeImage,
  holdsInitial,
  ImageError,
  imageLayout,
  normaliseImage,
} from "../../src/image/index.ts";
import type { XsaveImage } from "../../src/image/index.ts";
import { areaLayout } from "../../src/layout/area-layout.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { copyRegisters, Prng, randomCpu, randomiseRegisters, randomSubset, randomXcr0 } from "../reference/random-processors.ts";
import { type NaiveRegisters, naiveSave } from "../reference/naive-save.ts";

interface Saved {
  readonly image: XsaveImage;
  readonly registers: NaiveRegisters;
  readonly rfbm: bigint;
  readonly processors: Processors;
}

/** A save of random registers into memory that holds `fill` everywhere but in the header. */
function randomSave(prng: Prng, fill: "zeros" | "random"): Saved {
  const cpu = randomCpu(prng, "saved");
  const processors = new Processors(cpu, { xcr0: randomXcr0(prng, cpu), xss: cpu.xssSupported });
  randomiseRegisters(prng, processors, 0);
  const instruction = prng.pick(
    cpu.instructions.xsaves ? (["XSAVE", "XSAVEC", "XSAVES"] as const) : (["XSAVE", "XSAVEC"] as const),
  );
  const enabled = instruction === "XSAVES" ? processors.xcr0(0) | processors.xss(0) : processors.xcr0(0);
  const standard = instruction === "XSAVE";
  const rfbm = standard ? enabled : randomSubset(prng, enabled);
  const rows = cpu.components.filter(({ index }) => (rfbm >> BigInt(index)) & 1n);
  const bytes = new Uint8Array(areaLayout(cpu, rfbm, standard ? "standard" : "compacted").size);
  if (fill === "random") {
    prng.fill(bytes);
    bytes.fill(0, 512, 576);
  }
  const registers = copyRegisters(processors, 0);
  const save = {
    instruction,
    operandSize: 64,
    mode64: true,
    rows,
    pointers: "saved",
    registers: copyRegisters(processors, 0),
    rfbm,
  } as const;
  naiveSave(save, bytes);
  return { image: { bytes, form: standard ? "standard" : "compacted", rows }, registers, rfbm, processors };
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });
const property = (check: (prng: Prng) => void, numRuns = 200): void => {
  fc.assert(
    fc.property(seeds, (seed) => check(new Prng(seed))),
    { numRuns },
  );
};

test("a decoded save shows what the registers held, and initial values where they were initial", () => {
  property((prng) => {
    const { image, registers, rfbm } = randomSave(prng, "random");
    const { state, layout, warnings } = decodeImage(image);
    expect(warnings).toEqual([]);
    const initial = (index: number): boolean => (layout.xstateBv & (1n << BigInt(index))) === 0n;
    for (const [index, component] of state) {
      // A standard area always has a legacy region.
      if (index > 1 || image.form === "compacted") expect((rfbm >> BigInt(index)) & 1n).toBe(1n);
      if (index < 2) continue;
      const wanted = registers.extended.get(index) ?? new Uint8Array();
      if (initial(index)) expect([index, holdsInitial(component)]).toEqual([index, true]);
      else if (index === 15) expect([...component.bytes.subarray(0, 40)]).toEqual([...wanted.subarray(0, 40)]);
      else expect([index, ...component.bytes]).toEqual([index, ...wanted]);
    }
    const legacy = registers.legacy;
    const [x87, sse] = [state.get(0)?.bytes, state.get(1)?.bytes];
    if (x87 && !initial(0))
      expect([...x87.subarray(0, 24), ...x87.subarray(32, 160)]).toEqual([
        ...legacy.subarray(0, 24),
        ...legacy.subarray(32, 160),
      ]);
    if (sse && !initial(1)) expect([...sse.subarray(160)]).toEqual([...legacy.subarray(160, 416)]);
    // XSAVE stores MXCSR whatever XINUSE says, XSAVEC where it is not 1F80H: it is never lost.
    if (sse && rfbm & 6n) expect([...sse.subarray(24, 28)]).toEqual([...legacy.subarray(24, 28)]);
  });
});

test("encoding what was decoded gives the bytes of a save into zeroed memory", () => {
  property((prng) => {
    const { image } = randomSave(prng, "zeros");
    const decoded = decodeImage(image);
    const again = encodeImage(decoded.state, { form: image.form, rows: image.rows });
    const layout = imageLayout(image);
    // MXCSR_MASK of an init SSE component is in the standard form only.
    expect(compareBytes(image.bytes, again.bytes).filter(({ offset }) => offset < layout.size)).toEqual([]);
    expect(compareImages(decoded, decodeImage(again))).toEqual([]);
  });
});

test("stale bytes, software bytes and XSTATE_BV of initial components change nothing in a comparison and vanish in normalising", () => {
  property((prng) => {
    const { image, rfbm } = randomSave(prng, "zeros");
    const noisy = { ...image, bytes: image.bytes.slice() };
    prng.fill(noisy.bytes, 416, 96); // reserved and software-available
    noisy.bytes[5] = 0xa5;
    for (let st = 0; st < 8; st++) prng.fill(noisy.bytes, 32 + 16 * st + 10, 6);
    const { layout, state } = decodeImage(image);
    for (const { row, offset } of layout.components) {
      const component = state.get(row.index);
      if (!component?.inUse) prng.fill(noisy.bytes, offset, row.size);
      else if (row.index === 9 && row.size > 4) prng.fill(noisy.bytes, offset + 4, row.size - 4);
    }
    expect(compareImages(decodeImage(image), decodeImage(noisy))).toEqual([]);
    if (rfbm !== 0n) expect(compareBytes(image.bytes, noisy.bytes)).not.toEqual([]);
    const normal = normaliseImage(noisy);
    expect(Buffer.compare(normal.bytes, normaliseImage(image).bytes)).toBe(0);
    expect(Buffer.compare(normaliseImage(normal).bytes, normal.bytes)).toBe(0);
    expect(compareImages(decodeImage(image), decodeImage(normal))).toEqual([]);
  });
});

test("one flipped register bit is found, with its register and its byte in the image", () => {
  property((prng) => {
    const { image } = randomSave(prng, "zeros");
    const before = decodeImage(image);
    const live = before.layout.components.filter(
      ({ row }) => before.state.get(row.index)?.inUse && [2, 5, 6, 7, 19].includes(row.index),
    );
    if (live.length === 0) return;
    const { row, offset } = prng.pick(live);
    const at = prng.below(row.size);
    const bytes = image.bytes.slice();
    bytes[offset + at]! ^= 1 << prng.below(8);
    const differences = compareImages(before, decodeImage({ ...image, bytes }));
    expect(differences).toHaveLength(1);
    expect(differences[0]).toMatchObject({ component: row.index, offsets: [offset + at, offset + at] });
    const names: Record<number, string> = {
      2: `ymm${at >> 4}`,
      5: `k${at >> 3}`,
      6: `zmm${at >> 5}`,
      7: `zmm${16 + (at >> 6)}`,
      19: `r${16 + (at >> 3)}`,
    };
    expect(differences[0]?.register).toBe(names[row.index]);
    const base = row.index === 2 ? 16 + (at & 15) : row.index === 6 ? 32 + (at & 31) : at & (row.index === 7 ? 63 : 7);
    expect(differences[0]?.bytes).toEqual([base, base]);
  });
});

test("any bytes and any rows end in a decoded image or an ImageError", () => {
  property((prng) => {
    const { image } = randomSave(prng, "random");
    const bytes = image.bytes.slice(0, prng.chance(0.3) ? prng.below(image.bytes.length + 1) : undefined);
    prng.fill(bytes, 0, prng.chance(0.5) ? bytes.length : 0);
    if (bytes.length > 536 && prng.chance(0.7)) prng.fill(bytes, 512, 24);
    const odd = [0, 1, -1, 8, 2 ** 31, 2 ** 53, Number.NaN, Infinity];
    const rows = image.rows.map((row) => (prng.chance(0.2) ? { ...row, size: prng.pick(odd) } : row));
    try {
      const { state } = decodeImage({
        bytes,
        form: prng.pick(["standard", "compacted", "compacted-without-legacy"] as const),
        rows,
      });
      expect([...state.values()].reduce((sum, each) => sum + each.bytes.length, 0)).toBeLessThan(bytes.length + 1000);
    } catch (error) {
      expect(error).toBeInstanceOf(ImageError);
    }
  }, 1000);
});
