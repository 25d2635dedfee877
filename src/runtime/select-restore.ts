/** The selection of restores: instruction and mask to a bound restore, then an area's XCOMP_BV to one of its routines. */

import { maskOf, maskPair } from "../isa/feature-mask.ts";
import { XCOMP_BV_OFFSET } from "../isa/xsave-area.ts";
import type { AreaMemory } from "./arena.ts";
import { bindSettledXinuse } from "./derive-xinuse.ts";
import { restore as restoreGenerally, restoreFaults, type RestoreFault } from "./general-restore.ts";
import { hasInstruction, isInstruction } from "./instruction-faults.ts";
import type { Processors } from "./processors.ts";
import { XCR0_OFFSET, XSS_OFFSET } from "./register-slots.ts";
import type { RestoreFamily } from "./restore-checks.ts";
import { restorePlan } from "./restore-plan.ts";
import { registerViews } from "./register-views.ts";
import { boundRestore } from "./restore-registers.ts";
import type { BoundRestore, RestoreRoutine } from "./restore-routine.ts";
import { stale, unknownInstruction, UnsupportedInstructionError } from "./select-save.ts";

/** A restore bound to an instruction, a mask, register files and memory. */
export interface SelectedRestore {
  /**
   * Restores. Returns 0, or the vector of the exception that the instruction raises (13 #GP, 7 #NM, and 14 where the
   * area does not lie in the memory); nothing has changed then, and `faults` says why. Throws StaleBindingError after a
   * change of XCR0 or IA32_XSS that changes RFBM. A restore by a generated routine allocates nothing, but for views
   * of the area when a place is restored from for the first time (and for tracking the modified optimisation, if that is on).
   */
  readonly restore: BoundRestore;
  /** Mask & XCR0 (XRSTORS: & (XCR0 | IA32_XSS)) when bound. */
  readonly rfbm: bigint;
  /**
   * `general`: no generated routine is for this mask. `generated-or-general`: the area decides; what fails a check or has
   * an XCOMP_BV of its own takes the general path, and `servedBy` says so.
   */
  readonly path: "generated-or-general" | "general";
  /** Names of the generated routines behind it. */
  readonly routines: readonly string[];
  /** Which path served the latest call of `restore`; `none` before the first. */
  servedBy(): "generated" | "general" | "none";
  /** Every cause of the exception that a restore of this area would raise now; empty if it would load the registers. */
  faults(processor: number, offset: number): RestoreFault[];
}

/** What to bind. */
export interface RestoreRequest {
  readonly instruction: RestoreFamily;
  /** EDX:EAX of the instruction. */
  readonly mask: bigint;
  /**
   * The one processor and the one area that will be restored, if there is just one: they are addressed by constants then,
   * which takes a third off. `restore` refuses every other.
   */
  readonly place?: { readonly processor: number; readonly offset: number };
}

interface BoundRoutine {
  readonly compacted: boolean;
  readonly restore: BoundRestore;
}

const XCR0_WORD = XCR0_OFFSET >> 2;
const XSS_WORD = XSS_OFFSET >> 2;
const XCOMP_WORD = XCOMP_BV_OFFSET >> 2;
const SERVED = ["none", "generated", "general"] as const;

/**
 * Binds a restore. `routines` is a generated model's list, or any part of it. All processors of the set must have the
 * same RFBM now. Throws UnsupportedInstructionError for XRSTORS where the CPU has none, AreaError or RangeError for a `place`
 * that is none.
 */
export function selectRestore(
  routines: readonly RestoreRoutine[],
  processors: Processors,
  areas: AreaMemory,
  request: RestoreRequest,
): SelectedRestore {
  const { instruction, mask } = request;
  const { cpu, i32: r, blockSize } = processors;
  if (!isInstruction(instruction)) throw unknownInstruction(instruction, "XRSTOR or XRSTORS");
  if (!hasInstruction(cpu, instruction))
    throw new UnsupportedInstructionError(`${cpu.id} has no ${instruction}: it would raise #UD`);
  const withXss = instruction === "XRSTORS" ? -1 : 0;
  const [maskLow, maskHigh] = maskPair(mask).map((word) => word | 0) as [number, number];
  const rfbm = mask & (processors.xcr0(0) | (withXss === 0 ? 0n : processors.xss(0)));
  const [rfbmLow, rfbmHigh] = maskPair(rfbm).map((word) => word | 0) as [number, number];
  const { place } = request;
  const placed = place ? areas.at(place.offset, 576) : areas;
  const onlyOne = place && registerViews(processors, place.processor);
  const fitting = routines.filter((routine) => fits(routine, processors, instruction, rfbm));
  const bound: readonly BoundRoutine[] = fitting.map((routine) => ({
    compacted: routine.xcompBv[1] !== 0,
    restore: boundRestore(routine, processors, placed, place?.processor),
  }));
  const settle = bindSettledXinuse(processors, rfbm);
  const { i32: q, offsetMask } = areas;
  const { blockMask } = registerViews(processors);
  const blockWords = blockSize >>> 2;
  const standard = bound.find((each) => !each.compacted)?.restore ?? refuse;
  const compacted = bound.find((each) => each.compacted)?.restore ?? refuse;
  const tracking = processors.modifiedOptimisation;
  let served: 0 | 1 | 2 = 0;
  const changed = (word: number): boolean =>
    ((r[word + XCR0_WORD]! | (r[word + XSS_WORD]! & withXss)) & maskLow) !== rfbmLow ||
    ((r[word + XCR0_WORD + 1]! | (r[word + XSS_WORD + 1]! & withXss)) & maskHigh) !== rfbmHigh;
  const loaded = (processor: number, offset: number): 0 => {
    if (settle !== undefined) settle(processor);
    if (tracking !== undefined) {
      const at = ((offset & offsetMask) >>> 2) + XCOMP_WORD;
      tracking.restored(processor, rfbm, maskOf(q[at]!, q[at + 1]!), { buffer: areas.buffer, offset, context: {} });
    }
    served = 1;
    return 0;
  };
  const otherwise: BoundRestore = (processor, offset) => {
    if (changed(processors.base(processor) >>> 2)) throw stale(processors, request, processor);
    if (place !== undefined && offset !== place.offset) placed.check(offset, 576);
    onlyOne?.base(processor);
    if (bound.some((routine) => routine.restore(processor, offset) === 0)) return loaded(processor, offset);
    served = 2;
    return restoreGenerally(processors, processor, areas, offset, instruction, mask)[0]?.vector ?? 0;
  };
  // Routines check their arguments and XCOMP_BV before they load, so the first of each format is called without a look at either.
  const restore: BoundRestore = (processor, offset) => {
    if (changed((processor & blockMask) * blockWords)) return otherwise(processor, offset);
    const high = q[((offset & offsetMask) >>> 2) + XCOMP_WORD + 1]!;
    // Two calls, of one function each: V8 calls what it does not have to look up directly.
    const status = high < 0 ? compacted(processor, offset) : standard(processor, offset);
    return status === 0 ? loaded(processor, offset) : otherwise(processor, offset);
  };
  return {
    restore,
    rfbm,
    path: bound.length > 0 ? "generated-or-general" : "general",
    routines: fitting.map(({ name }) => name),
    servedBy: () => SERVED[served],
    faults: (processor, offset) => restoreFaults(processors, processor, areas, offset, instruction, mask),
  };
}

/** Leaves an area to the general path. */
function refuse(): -1 {
  return -1;
}

/** A routine of another CPU may have the same masks and still other offsets: its plan tells. */
function fits(
  { families, rfbm: own, xcompBv, pieces }: RestoreRoutine,
  { cpu }: Processors,
  instruction: RestoreFamily,
  rfbm: bigint,
): boolean {
  const comp = maskOf(...xcompBv);
  const supported = cpu.xcr0Supported | cpu.xssSupported;
  if (!families.includes(instruction) || maskOf(...own) !== rfbm || (BigInt.asUintN(63, comp) & ~supported) !== 0n) return false;
  if (comp !== 0n && !cpu.instructions.xsavec) return false;
  const planned = restorePlan(cpu, rfbm, comp).pieces;
  return (
    planned.length === pieces.length &&
    planned.every(({ component, registers, area, length }, i) => {
      const [index, from, to, bytes] = pieces[i] ?? [];
      return component === index && registers === from && (area ?? -1) === to && length === bytes;
    })
  );
}
