/**
 * The seam between generated savers and this runtime, version 1: the only module that generated code imports.
 * What is exported here never changes its meaning; a change gets a new revision, and older output is refused by name.
 */

import type { MaskPair } from "../isa/feature-mask.ts";
import type { X87Pointers } from "../isa/vendor-behaviour.ts";
export type { ProcessorDescription } from "./processor-description.ts";
export { storeX87Control } from "./store-x87-control.ts";
export { regionLoad, restoreRoutine } from "./restore-routine.ts";
export type { BoundRestore, RegionLoad, RestoreRegisters, RestoreRoutine } from "./restore-routine.ts";
import type { AreaMemory } from "./arena.ts";
import type { ProcessorDescription } from "./processor-description.ts";
import type { RestoreRoutine } from "./restore-routine.ts";
import type { storeX87Control } from "./store-x87-control.ts";
import type { SaveFamily } from "./save-plan.ts";

/** Saves processor `processor` into the area at byte `offset` (a multiple of 64). Allocates nothing. */
export type BoundSave = (processor: number, offset: number) => void;

type Bind = (registers: RegisterViews, areas: AreaMemory) => BoundSave;

/** One run of bytes: component, byte offset in the register file, byte offset in the area, length. */
export type SegmentTuple = readonly [component: number, registers: number, area: number, length: number];

/** Views of the register files, made when binding. */
export interface RegisterViews {
  readonly i32: Int32Array;
  readonly b64: BigUint64Array;
  /** Byte offset of a processor's block in these views; throws RangeError for a processor that they do not hold. */
  base(processor: number): number;
  /** Bytes of a block. */
  readonly blockSize: number;
  /**
   * `processor & blockMask` is the number of a processor's block in these views. It changes nothing in a number that
   * `base` accepts, but tells V8 the range of an index (see `offsetMask`): a third of a save.
   */
  readonly blockMask: number;
  /** Number of the block that holds the initial configuration, and its byte offset. */
  readonly initial: number;
  readonly initialBase: number;
  /** Per block (processors, then the initial configuration): a view of `length` bytes at `offset`. */
  views(offset: number, length: number): readonly Uint8Array[];
  /** 64 views per processor: component 15 with as many entries as IA32_LBR_DEPTH says. */
  lbrViews(offset: number): readonly Uint8Array[];
  /** A region's copy into these areas. Savers that ask for the same get the same function. */
  copy(region: RegionCopy, areas: AreaMemory): BoundSave;
}

/** The straight-line copy of a region that many savers share: the same bytes of a block and of an area. */
export interface RegionCopy {
  /** Byte offset in the block and in the area. */
  readonly at: number;
  readonly length: number;
  /** Where x87's control part is the first 24 bytes and not just copied: the rule for it, and what stores it by any rule. */
  readonly x87Pointers?: X87Pointers;
  readonly storeControl?: typeof storeX87Control;
  /**
   * The same function under several names. V8 folds the views that a closure captured while it is the only closure
   * of its text; each pair of register files and memory gets a text of its own while there is one.
   */
  readonly texts: Bind[];
}

/** One saver: straight-line, for one RFBM and either one set of components in use or any. */
export interface SaverForm {
  /** RFBM & in use that it is for; `any`: exact for all of them. */
  readonly inUse: MaskPair | "any";
  /** True: needs an arena with a sink. */
  readonly sink: boolean;
  readonly bind: Bind;
}

/** All savers of one RFBM for the instructions that store the same. */
export interface SaverGroup {
  readonly families: readonly SaveFamily[];
  readonly rfbm: MaskPair;
  /** End of the area in bytes. */
  readonly size: number;
  /** The rule for FOP, FIP and FDP that its savers follow; undefined where RFBM has no x87. */
  readonly x87Pointers: X87Pointers | undefined;
  /**
   * What its savers store of the extended components, in order of area offset; a saver stores of it what is in use and, for
   * any state, sends the rest to the sink or stores initial values in its place. What it stores of the legacy region follows
   * from RFBM and the instruction.
   */
  readonly segments: readonly SegmentTuple[];
  /** Most specialised first; the last is `any`. */
  readonly forms: readonly SaverForm[];
}

/** A file of savers, and how to load it. */
export interface SaverFile {
  /** What it has savers for. */
  readonly rfbms: readonly bigint[];
  readonly load: () => Promise<readonly SaverGroup[]>;
}

/** A file of restores, and how to load it. */
export interface RestoreFile {
  /** What it has restores for. */
  readonly rfbms: readonly bigint[];
  readonly load: () => Promise<readonly RestoreRoutine[]>;
}

/** What a generated model's `restores` module exports. */
export interface GeneratedRestores {
  readonly cpu: ProcessorDescription;
  readonly restores: readonly RestoreRoutine[];
}

/** What a generated model's `savers` module exports. */
export interface GeneratedModel {
  readonly cpu: ProcessorDescription;
  readonly savers: readonly SaverGroup[];
}

// What savers call is here and not in modules of its own: each would cost half a millisecond when savers are loaded. It is so
// short that V8 inlines it; written out in each of a model's savers it would be a fourth of their code.

/** 2 where MXCSR is not 1F80H and so counts as XINUSE[1], else 0; without a branch, for savers. */
export function mxcsrInUse(mxcsr: number): number {
  const difference = mxcsr ^ 0x1f80;
  return ((difference | (0 - difference)) >>> 31) << 1;
}

/** Moves 64 bytes; `to` and `from` count elements. */
export function move64(d: BigUint64Array, to: number, s: BigUint64Array, from: number): void {
  d[to] = s[from]!;
  d[to + 1] = s[from + 1]!;
  d[to + 2] = s[from + 2]!;
  d[to + 3] = s[from + 3]!;
  d[to + 4] = s[from + 4]!;
  d[to + 5] = s[from + 5]!;
  d[to + 6] = s[from + 6]!;
  d[to + 7] = s[from + 7]!;
}

/** Moves 128 bytes. */
export function move128(d: BigUint64Array, to: number, s: BigUint64Array, from: number): void {
  move64(d, to, s, from);
  move64(d, to + 8, s, from + 8);
}

/** Makes a region's copy. */
export function regionCopy(copy: RegionCopy): RegionCopy {
  return copy;
}

/** Makes a saver. A function, not a literal, so that bundlers can drop what is not used. */
export function saverForm(inUse: MaskPair | "any", bind: Bind): SaverForm {
  return { inUse, sink: false, bind };
}

/** Makes a saver that is exact for any state, and sends what is not to be stored to an arena's sink. */
export function sinkForm(bind: Bind): SaverForm {
  return { inUse: "any", sink: true, bind };
}

/** Revision of the seam; the generator writes it into every group. */
const REVISION = 4;

/** The instructions of most groups in the compacted format: XSAVES stores what XSAVEC does unless a component has effects. */
export const COMPACTED_SAVES: readonly SaveFamily[] = ["XSAVEC", "XSAVES"];

/** Makes a group; refuses, by name, output of a generator that this runtime does not understand. */
export function saverGroup(
  revision: typeof REVISION,
  families: readonly SaveFamily[],
  rfbm: MaskPair,
  size: number,
  segments: readonly SegmentTuple[],
  forms: readonly SaverForm[],
  x87Pointers?: X87Pointers,
): SaverGroup {
  if (revision !== REVISION) throw otherRevision(revision);
  return { families, rfbm, size, segments, forms, x87Pointers };
}

/** Before revision 3 a group was one object, with the names of its savers in it. */
function otherRevision(group: unknown): Error {
  const { revision = group, forms } = Object(group) as { revision?: unknown; forms?: readonly { name: string }[] };
  return new Error(
    `${forms?.[0]?.name ?? "a group"} was generated for seam revision ${String(revision)}, this runtime has ${REVISION}: run "xsavekit generate" again`,
  );
}

/** A module of regions' copies: they by name. */
export type RegionCopies = Readonly<Record<string, RegionCopy>>;

/**
 * Adds a second text to regions' copies, for a second memory or a place beside a ring to be as fast as the first. A module of
 * its own has them, so that a bundle that does with one memory carries one.
 */
export function useSecondTexts(copies: RegionCopies, second: RegionCopies): void {
  for (const [name, { texts }] of Object.entries(second)) if (copies[name]?.texts.length === 1) copies[name].texts.push(...texts);
}

/**
 * Loads the files that have savers (or restores) for an RFBM, or all of them; `copies`: the two modules of the regions'
 * copies that savers call.
 */
export async function loadSaverFiles<Routine = SaverGroup>(
  files: readonly { readonly rfbms: readonly bigint[]; readonly load: () => Promise<readonly Routine[]> }[],
  rfbm?: bigint,
  copies?: () => Promise<readonly [RegionCopies, RegionCopies]>,
): Promise<readonly Routine[]> {
  const wanted = rfbm === undefined ? files : files.filter(({ rfbms }) => rfbms.includes(rfbm));
  const [texts, ...routines] = await Promise.all([copies?.(), ...wanted.map((file) => file.load())]);
  if (texts) useSecondTexts(...texts);
  return routines.flat();
}
