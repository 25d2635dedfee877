/** Restores of CPUs that are not here, computed by the naive reference. */

import { bitsOf, XCOMP_BV_COMPACTED } from "../../src/isa/feature-mask.ts";
import { MXCSR_OFFSET, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../../src/isa/xsave-area.ts";
import { x87PointerBits } from "../../src/isa/vendor-behaviour.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { exceptionPending } from "../../src/verify/hardware/load-registers.ts";
import { readU64, writeU32, writeU64 } from "../../src/verify/little-endian.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { type MutableRegisters, naiveRestore } from "../reference/naive-restore.ts";
import { naiveSave } from "../reference/naive-save.ts";
import { bytesJson, type CaseJson, cpuJson, largestArea, masksJson, type Registers, stateJson } from "./case-json.ts";
import { computedState, type ComputedState, TILEDATA, xgetbv1 } from "./compute-saves.ts";

/** What is done to a sound image. Some leave it sound; the reference says which. */
const CHANGES: readonly ((prng: Prng, image: Uint8Array, model: CpuModel) => void)[] = [
  (prng, image) => writeU64(image, XSTATE_BV_OFFSET, readU64(image, XSTATE_BV_OFFSET) ^ (1n << BigInt(prng.below(64)))),
  (prng, image) => writeU64(image, XCOMP_BV_OFFSET, readU64(image, XCOMP_BV_OFFSET) ^ (1n << BigInt(prng.below(64)))),
  (prng, image) => image.fill(1 << prng.below(8), 528 + prng.below(8), 536),
  (prng, image) => image.fill(1 << prng.below(8), 536 + prng.below(40), 576),
  (prng, image, { quirks }) => writeU32(image, MXCSR_OFFSET, (~quirks.mxcsrMask >>> 0) & (1 << (18 + prng.below(14)))),
];
const CHANGED_SHARE = 0.35;

const copyOf = (state: ComputedState, xfd: bigint): MutableRegisters => ({
  legacy: state.legacy.slice(),
  fcs: 0,
  fds: 0,
  extended: new Map([...state.components].map(([index, bytes]) => [index, bytes.slice()])),
  xinuse: state.xinuse,
  xfd,
});

/** Restores of a model: standard, compacted, and by XRSTORS where it has that. Bulldozer's rule would leave FIP's place open. */
export function computeRestores(model: CpuModel, name: string, xcr0: bigint, count: number, seed: number): CaseJson[] {
  const prng = new Prng(seed);
  const { instructions, quirks } = model;
  const kinds = ["standard", ...(instructions.xsavec ? ["compacted"] : []), ...(instructions.xsaves ? ["xrstors"] : [])];
  const xss = instructions.xsaves ? model.xssSupported : 0n;
  const cpu = cpuJson(model, name, xcr0, xss);
  return Array.from({ length: count }, (_, i) => {
    const kind = kinds[i % kinds.length] ?? "standard";
    const managed = kind === "xrstors" ? xcr0 | xss : xcr0;
    const image = new Uint8Array(largestArea(model, xcr0, xss));
    const saver = kind === "standard" ? "XSAVE" : kind === "compacted" ? "XSAVEC" : "XSAVES";
    const rows = model.components;
    const saved = copyOf(computedState(prng, model, xcr0, xss), 0n);
    const laidOut = prng.chance(0.5) ? managed : managed & prng.u64();
    naiveSave(
      { instruction: saver, operandSize: 64, mode64: true, rows, pointers: "saved", registers: saved, rfbm: laidOut },
      image,
    );
    if (prng.chance(CHANGED_SHARE)) prng.pick(CHANGES)(prng, image, model);
    const xfd = instructions.xfd && prng.chance(0.3) ? 1n << BigInt(TILEDATA) : 0n;
    const before = computedState(prng, model, xcr0, xss);
    const mask = prng.pick([managed, prng.u64(), prng.u64() & managed, 1n << BigInt(prng.pick(bitsOf(managed)))]);
    const after = copyOf(before, xfd);
    const misaligned = prng.chance(0.05);
    const vector = misaligned
      ? 13
      : naiveRestore(
          {
            instruction: kind === "xrstors" ? "XRSTORS" : "XRSTOR",
            operandSize: 64,
            mode64: true,
            rows,
            compaction: instructions.xsavec,
            mxcsrMask: quirks.mxcsrMask,
            pointers: quirks.x87Pointers,
            pointerBits: x87PointerBits(quirks),
            xinuseByValue: quirks.xinuseAfterRestore === "by-value",
            xcr0,
            xss: kind === "xrstors" ? xss : 0n,
            mask,
          },
          image,
          after,
        );
    return {
      id: `${model.id}-${i + 1}`,
      origin: "computed",
      cpu,
      group: vector === 0 ? kind : "refused",
      instruction: kind === "xrstors" ? "XRSTORS64" : "XRSTOR64",
      ...masksJson({ xcr0, xss, xfd, mask, rfbm: mask & managed }),
      compacted: (readU64(image, XCOMP_BV_OFFSET) & XCOMP_BV_COMPACTED) !== 0n,
      misaligned,
      fault: vector === 0 ? null : vector,
      image: bytesJson(image),
      ...(instructions.xgetbv1
        ? masksJson({ xinuseBefore: xgetbv1(before, xcr0), xinuseAfter: xgetbv1({ ...before, ...after }, xcr0) })
        : { xinuseBefore: null, xinuseAfter: null }),
      stateBefore: stateJson(before),
      stateAfter: stateJson(shown(model, { legacy: after.legacy, components: after.extended })),
      deviations: [],
    };
  });
}

/** As FXSAVE64 shows it: on AMD without FOP, FIP and FDP unless FSW.ES is set. */
function shown(model: CpuModel, { legacy, components }: Registers): Registers {
  if (model.quirks.x87Pointers !== "saved" && !exceptionPending(legacy)) legacy.fill(0, 6, 24);
  return { legacy, components };
}
