/** The one selection path: instruction and mask to a bound save, then RFBM & in use to one of its forms. */

import { hasBit, maskOf, maskPair, maskWithNames } from "../isa/feature-mask.ts";
import type { AreaMemory } from "./arena.ts";
import { areaLayout, type AreaLayout } from "../layout/area-layout.ts";
import { generalPath } from "./general-save.ts";
import type { BoundSave, RegisterViews, SaverGroup } from "./generated-v1.ts";
import { inUseHigh, inUseLow } from "./in-use.ts";
import { hasInstruction, isInstruction } from "./instruction-faults.ts";
import type { Processors } from "./processors.ts";
import { XCR0_OFFSET, XSS_OFFSET } from "./register-slots.ts";
import { boundForm, registerViews } from "./register-views.ts";
import { guarded, type GatedRun, type RunGuard } from "./run-guard.ts";
import { formatOf, hasModifiedOptimisation, MODE_64, mxcsrCounts, savedLength, type SaveFamily } from "./save-plan.ts";
import { formName } from "./saver-name.ts";

/** XCR0 or IA32_XSS of a processor changed, and the bound RFBM is no longer what the mask asks for. */
export class StaleBindingError extends Error {
  override readonly name = "StaleBindingError";
}

/** The CPU lacks the instruction: it would raise #UD. */
export class UnsupportedInstructionError extends Error {
  override readonly name = "UnsupportedInstructionError";
}

/** The error of an instruction by a name that is none; `expected`: the names that there are. */
export function unknownInstruction(name: string, expected: string): RangeError {
  return new RangeError(`"instruction" expected ${expected}, got ${name}`);
}

/** No path that was handed over serves the mask. */
export class MissingPathError extends Error {
  override readonly name = "MissingPathError";
}

/** The general path: `generalPath`. A value to hand over, so that a program without it does not carry it. */
export type GeneralPath = typeof generalPath;

/** A save bound to an instruction, a mask, register files and memory. */
export interface SelectedSave {
  /**
   * Saves and returns 0. Throws AreaError for a place that cannot take the area, StaleBindingError after a change of
   * XCR0 or IA32_XSS that changes RFBM; nothing is written then.
   */
  readonly save: (processor: number, offset: number) => 0;
  /** The same behind a guard, which is asked in one test with what the selection asks. */
  readonly behind: (guard?: RunGuard) => GatedRun;
  /** Mask & XCR0 (XSAVES: & (XCR0 | IA32_XSS)) when bound. */
  readonly rfbm: bigint;
  /** Bytes of the area. */
  readonly size: number;
  /**
   * Which path serves the mask: `generated` (all states), `generated-or-general` (a caller's buffer has no
   * sink, so states without a saver of their own take the general path), or `general`.
   */
  readonly path: "generated" | "generated-or-general" | "general";
  /** Names of the generated savers behind it, most specialised first. */
  readonly savers: readonly string[];
}

/** What to bind. */
export interface SaveRequest {
  readonly instruction: SaveFamily;
  /** EDX:EAX of the instruction. */
  readonly mask: bigint;
  /**
   * The one processor and the one area that will be saved, if there is just one: the savers then address it by
   * constants, which takes a third off a small save. `save` refuses every other.
   */
  readonly place?: { readonly processor: number; readonly offset: number };
}

const XCR0_WORD = XCR0_OFFSET >> 2;
const XSS_WORD = XSS_OFFSET >> 2;

/**
 * Binds a save. `savers` is a generated model's list (or any part of it, down to one group); without a
 * saver for the RFBM, or where the modified optimisation is on for it, the general path serves it, and `path` says so.
 * All processors of the set must have the same RFBM now.
 */
export function selectSave(
  savers: readonly SaverGroup[],
  processors: Processors,
  areas: AreaMemory,
  request: SaveRequest,
): SelectedSave {
  if (!isInstruction(request.instruction)) throw unknownInstruction(request.instruction, "XSAVE, XSAVEOPT, XSAVEC or XSAVES");
  maskPair(request.mask);
  return selectSaveWith(generalPath, savers, processors, areas, request);
}

/**
 * The same with a general path to be handed over. Without one MissingPathError is thrown where no generated saver serves every
 * state of the mask.
 */
export function selectSaveWith(
  general: GeneralPath | undefined,
  savers: readonly SaverGroup[],
  processors: Processors,
  areas: AreaMemory,
  request: SaveRequest,
): SelectedSave {
  const { instruction, mask } = request;
  const { cpu } = processors;
  if (!hasInstruction(cpu, instruction)) {
    throw new UnsupportedInstructionError(`${cpu.id} has no ${instruction}: it would raise #UD`);
  }
  const rfbm = mask & (processors.xcr0(0) | (instruction === "XSAVES" ? processors.xss(0) : 0n));
  const layout = areaLayout(cpu, rfbm, formatOf(instruction));
  const { size } = layout;
  // No generated saver leaves out what was not modified.
  const tracked = hasModifiedOptimisation(instruction) && processors.modifiedOptimisation !== undefined;
  const group = tracked ? undefined : savers.find((each) => serves(each, processors, instruction, layout));
  const usable = group?.forms.filter((form) => !form.sink || areas.sinkSize >= size) ?? [];
  const { place } = request;
  const registers = registerViews(processors, place?.processor);
  const target = place ? areas.at(place.offset, size) : areas;
  const anyForm = usable.find((form) => form.inUse === "any");
  // It reaches every place; for one only, the selection checks the place.
  const any = anyForm ? boundForm(anyForm, registerViews(processors), areas) : general?.(instruction, rfbm, processors, areas);
  if (!any) {
    const why = group
      ? "its saver needs an arena with a sink"
      : tracked
        ? "no saver tracks XMODIFIED"
        : "no saver given is for it";
    throw new MissingPathError(
      `${instruction} with RFBM ${maskWithNames(rfbm)}: ${why}; hand over the general path, { general: generalPath }`,
    );
  }
  const forms = usable.flatMap((form) =>
    form.inUse === "any"
      ? []
      : {
          low: form.inUse[0] | 0,
          high: form.inUse[1] | 0,
          save: boundForm(form, registers, target),
        },
  );
  const path = !group ? "general" : anyForm ? "generated" : "generated-or-general";
  const behind = dispatcher({ processors, registers, areas: target, request, rfbm, size }, forms, any);
  return {
    save: behind() as SelectedSave["save"],
    behind,
    rfbm,
    size,
    path,
    savers: usable.map((form) => formName(group!, form)),
  };
}

/**
 * True for a group of this RFBM and CPU. A saver of another CPU may have the same RFBM and size and still other places: its
 * segments tell.
 */
function serves(group: SaverGroup, { cpu, slots }: Processors, family: SaveFamily, layout: AreaLayout): boolean {
  const { rfbm, components, size } = layout;
  return (
    maskOf(...group.rfbm) === rfbm &&
    group.families.includes(family) &&
    (!hasBit(rfbm, 0) || group.x87Pointers === cpu.quirks.x87Pointers) &&
    group.size === size &&
    components.every(({ row, offset }) =>
      group.segments.some(
        ([component, registers, area, length]) =>
          component === row.index &&
          registers === slots.slots.get(component)?.offset &&
          area === offset &&
          length === savedLength(cpu, row, MODE_64),
      ),
    )
  );
}

interface BoundForm {
  readonly low: number;
  readonly high: number;
  readonly save: BoundSave;
}

interface BoundRequest {
  readonly processors: Processors;
  readonly registers: RegisterViews;
  readonly areas: AreaMemory;
  readonly request: SaveRequest;
  readonly rfbm: bigint;
  readonly size: number;
}

/**
 * Selects per call by what is in use. The way to the saver for everything in use is one comparison without a check of the
 * arguments, which every saver makes before it stores.
 */
function dispatcher(
  { processors, registers, areas, request, rfbm, size }: BoundRequest,
  forms: readonly BoundForm[],
  any: BoundSave,
): SelectedSave["behind"] {
  const { i32: r } = processors;
  const blockWords = processors.blockSize >>> 2;
  const { blockMask } = registerViews(processors);
  const [rfbmLow, rfbmHigh, maskLow, maskHigh] = [...maskPair(rfbm), ...maskPair(request.mask)].map((word) => word | 0) as [
    number,
    number,
    number,
    number,
  ];
  const mxcsr = mxcsrCounts(request.instruction, rfbm) ? 2 : 0;
  const withXss = request.instruction === "XSAVES" ? -1 : 0;
  const { xcr0Supported, xssSupported } = processors.cpu;
  const ofAll = forms.find((form) => form.low === rfbmLow && form.high === rfbmHigh);
  const otherwise = (processor: number, offset: number): 0 => {
    // As every saver does, and in this order.
    areas.check(offset, size);
    registers.base(processor);
    const word = processor * blockWords;
    if (
      ((r[word + XCR0_WORD]! | (r[word + XSS_WORD]! & withXss)) & maskLow) !== rfbmLow ||
      ((r[word + XCR0_WORD + 1]! | (r[word + XSS_WORD + 1]! & withXss)) & maskHigh) !== rfbmHigh
    )
      throw stale(processors, request, processor);
    const low = inUseLow(r, word, mxcsr) & rfbmLow;
    const high = inUseHigh(r, word) & rfbmHigh;
    let chosen = any;
    for (let i = 0; i < forms.length; i++) {
      const form = forms[i]!;
      if (form.low === low && form.high === high) chosen = form.save;
    }
    chosen(processor, offset);
    return 0;
  };
  const slowly = (guard?: RunGuard): GatedRun => (guard ? guarded(guard, otherwise) : otherwise);
  // The high words say nothing but on a CPU with LWP (bit 62). A saver that reaches every place does not check for one.
  if ((request.mask & (xcr0Supported | xssSupported)) >> 32n !== 0n || (request.place && !ofAll)) return slowly;
  return (guard) => {
    // Without a guard all is let through.
    const { counts = r, outside = 0, inside = 0, alignment = 0, fault = rethrow }: Partial<RunGuard> = guard ?? {};
    return ofLowWords(
      r,
      blockMask,
      blockWords,
      withXss,
      maskLow,
      rfbmLow,
      mxcsr,
      counts,
      outside,
      inside,
      alignment,
      ofAll?.save ?? any,
      slowly(guard),
      fault,
    );
  };
}

function rethrow(_offset: number, problem: unknown): never {
  throw problem;
}

/**
 * The way to the saver for everything in use: one test of all that could be wrong or different, and the call. V8 inlines 920
 * bytes of bytecode into a loop, and the savers want their share: so all that it reads are parameters (a constant that
 * a closure captures is checked at each use), dwords of XCR0 and IA32_XSS are literals, and all else is elsewhere. It does
 * not check its arguments, as every saver does before it stores.
 */
function ofLowWords(
  r: Int32Array,
  blockMask: number,
  blockWords: number,
  withXss: number,
  maskLow: number,
  rfbmLow: number,
  mxcsr: 0 | 2,
  counts: Int32Array,
  outside: number,
  inside: number,
  alignment: number,
  all: BoundSave,
  slow: GatedRun,
  fault: RunGuard["fault"],
): GatedRun {
  return function save(processor, offset) {
    const word = (processor & blockMask) * blockWords;
    if (
      // A processor that does not exist is outside an NMI.
      (((counts[processor]! & 0x00f0_0000) === 0 ? outside : inside) |
        (offset & alignment) |
        (((r[word + 130]! | (r[word + 132]! & withXss)) & maskLow) ^ rfbmLow) |
        (~inUseLow(r, word, mxcsr) & rfbmLow)) !==
      0
    )
      return slow(processor, offset);
    try {
      all(processor, offset);
    } catch (error) {
      return fault(offset, error);
    }
    return 0;
  };
}

/** The error of a binding whose RFBM is no longer what the mask asks for. */
export function stale(
  processors: Processors,
  request: { readonly instruction: string; readonly mask: bigint },
  processor: number,
): StaleBindingError {
  const now = request.mask & (processors.xcr0(processor) | (request.instruction.endsWith("S") ? processors.xss(processor) : 0n));
  return new StaleBindingError(
    `${request.instruction} with mask ${maskWithNames(request.mask)} was bound to another RFBM; processor ${processor} now gives ${maskWithNames(now)}: select again (gate: a new SaverPath)`,
  );
}
