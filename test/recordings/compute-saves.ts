/** Saves of CPUs that are not here, computed by the naive reference. */

import { bitsOf, hasBit } from "../../src/isa/feature-mask.ts";
import { stateComponent } from "../../src/isa/state-component.ts";
import { INITIAL_MXCSR, LEGACY_UNWRITTEN_OFFSET, MXCSR_MASK_OFFSET, MXCSR_OFFSET, XMM_OFFSET } from "../../src/isa/xsave-area.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { readU32, readU64, writeU16, writeU32 } from "../../src/verify/little-endian.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { randomArea, randomState } from "../../src/verify/random/register-state.ts";
import type { StateSpace } from "../../src/verify/random/state-space.ts";
import { makeLegal } from "../reference/legal-supervisor.ts";
import { naiveSave } from "../reference/naive-save.ts";
import { bytesJson, type CaseJson, cpuJson, largestArea, masksJson, stateJson } from "./case-json.ts";

/** Registers of one processor, with what is in use. */
export interface ComputedState {
  readonly legacy: Uint8Array;
  readonly components: Map<number, Uint8Array>;
  readonly xinuse: bigint;
}

type Family = "XSAVE" | "XSAVEOPT" | "XSAVEC" | "XSAVES";

/** TILEDATA's bytes follow a pattern: random ones would make up most of the suite. */
export const TILEDATA = 18;

/** A legal state of a model, some components in init. What is in use is not in its initial configuration. */
export function computedState(prng: Prng, model: CpuModel, xcr0: bigint, xss: bigint): ComputedState {
  const space: StateSpace = {
    userMask: xcr0,
    xcr0,
    components: model.components,
    mxcsrMask: model.quirks.mxcsrMask,
    xsavec: model.instructions.xsavec,
    xsaveopt: model.instructions.xsaveopt,
    areaBytes: largestArea(model, xcr0, xss),
  };
  const image = randomState(prng, space);
  let xinuse = readU64(image, 512);
  const legacy = new Uint8Array(512);
  legacy.set(image.subarray(0, LEGACY_UNWRITTEN_OFFSET));
  legacy[5] = 0;
  for (let st = 0; st < 8; st++) legacy.fill(0, 42 + 16 * st, 48 + 16 * st);
  if (!hasBit(xinuse, 0)) {
    legacy.fill(0, 0, MXCSR_OFFSET).fill(0, 32, XMM_OFFSET);
    writeU16(legacy, 0, 0x37f);
  }
  if (!hasBit(xinuse, 1)) legacy.fill(0, XMM_OFFSET);
  writeU32(legacy, MXCSR_MASK_OFFSET, model.quirks.mxcsrMask);
  const components = new Map<number, Uint8Array>();
  for (const { index, size, standardOffset, supervisor } of model.components) {
    const bit = 1n << BigInt(index);
    if (((xcr0 | xss) & bit) === 0n) continue;
    const bytes = new Uint8Array(size);
    components.set(index, bytes);
    const inUse = supervisor ? prng.chance(0.7) : (xinuse & bit) !== 0n;
    for (const { offset, bytes: initial } of stateComponent(index)?.initial ?? []) bytes.set(initial, offset);
    const initial = bytes.slice();
    if (inUse && index === TILEDATA) for (let at = 0; at < size; at++) bytes[at] = (at >> 6) + (at & 63) * 3 + 1;
    else if (inUse && standardOffset !== undefined) bytes.set(image.subarray(standardOffset, standardOffset + size));
    else if (inUse) prng.fill(bytes);
    if (index === 9) bytes.fill(0, 4);
    if (supervisor && inUse) {
      makeLegal(index, bytes);
      if (index === 15) bytes[8] = prng.pick([8, 16, 32]);
    }
    if (Buffer.compare(bytes, initial) !== 0) xinuse |= bit;
    else xinuse &= ~bit;
  }
  if (legacy.subarray(XMM_OFFSET, LEGACY_UNWRITTEN_OFFSET).every((byte) => byte === 0)) xinuse &= ~2n;
  return { legacy, components, xinuse };
}

/** What XGETBV(1) says: user components, bit 1 also for MXCSR. */
export function xgetbv1({ legacy, xinuse }: ComputedState, xcr0: bigint): bigint {
  const mxcsr = readU32(legacy, MXCSR_OFFSET) !== INITIAL_MXCSR;
  return (xinuse | (mxcsr ? 2n : 0n)) & xcr0;
}

/** Saves of a model, every instruction that it has in turn. */
export function computeSaves(model: CpuModel, name: string, xcr0: bigint, count: number, seed: number): CaseJson[] {
  const prng = new Prng(seed);
  const families: Family[] = ["XSAVE"];
  if (model.instructions.xsaveopt) families.push("XSAVEOPT");
  if (model.instructions.xsavec) families.push("XSAVEC");
  if (model.instructions.xsaves) families.push("XSAVES", "XSAVES");
  const xss = model.instructions.xsaves ? model.xssSupported : 0n;
  const cpu = cpuJson(model, name, xcr0, xss);
  return Array.from({ length: count }, (_, i) => {
    const family = families[i % families.length] ?? "XSAVE";
    const operandSize = family === "XSAVE" && prng.chance(0.3) ? 32 : 64;
    const state = computedState(prng, model, xcr0, xss);
    const managed = xcr0 | (family === "XSAVES" ? xss : 0n);
    const mask = prng.pick([
      managed,
      prng.u64(),
      prng.u64() & managed,
      0xffff_ffff_ffff_ffffn,
      1n << BigInt(prng.pick(bitsOf(managed))),
    ]);
    const xfd = model.instructions.xfd && prng.chance(0.4) ? 1n << BigInt(TILEDATA) : 0n;
    const before = prefill(prng, largestArea(model, xcr0, xss), xcr0);
    const after = before.slice();
    const extended = new Map([...state.components].map(([index, bytes]) => [index, bytes.slice()]));
    naiveSave(
      {
        instruction: family,
        operandSize,
        mode64: true,
        rows: model.components,
        pointers: model.quirks.x87Pointers,
        pkruUpperKept: model.quirks.pkruUpperBytes === "kept",
        registers: { legacy: state.legacy, fcs: 0, fds: 0, extended, xinuse: state.xinuse, xfd },
        rfbm: mask & managed,
      },
      after,
    );
    const uintr = extended.get(14);
    return {
      id: `${model.id}-${i + 1}`,
      origin: "computed",
      cpu,
      group: xfd === 0n ? "random" : "xfd",
      instruction: operandSize === 32 ? family : `${family}64`,
      ...masksJson({ xcr0, xss, xfd, mask, rfbm: mask & managed, xinuse: xgetbv1(state, xcr0) }),
      xmmInUse: hasBit(state.xinuse, 1),
      loader: "xrstor",
      nmi: false,
      initComponents: null,
      fault: null,
      state: stateJson(state),
      ...(uintr && family === "XSAVES" ? masksJson({ uintrMiscAfter: readU64(uintr, 16) }) : {}),
      before: bytesJson(before),
      after: bytesJson(after),
      deviations: [],
    };
  });
}

/** A pattern outside the header, and any old header. */
function prefill(prng: Prng, length: number, xcr0: bigint): Uint8Array {
  const header = randomArea(prng, { xcr0, areaBytes: 576 }).subarray(512, 576);
  const pattern = new Uint8Array(64);
  prng.fill(pattern);
  const area = Uint8Array.from({ length }, (_, at) => pattern[at & 63] ?? 0);
  area.set(header, 512);
  return area;
}
