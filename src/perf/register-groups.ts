/**
 * The groups that a sample's registers come in beside pt_regs: each is one state component, in a snapshot, in a PEBS
 * record or in a task's saved state.
 */

/** Component index of each group, in the order of the group numbers below. */
export const GROUP_COMPONENTS = [1, 2, 5, 6, 7, 19, 11] as const;
/** XMM0-15: bits 127:0 of the first sixteen vectors (SSE). */
export const GROUP_XMM = 0;
/** Bits 255:128 of YMM0-15 (AVX). */
export const GROUP_YMMH = 1;
/** k0-k7, a quadword each. */
export const GROUP_OPMASK = 2;
/** Bits 511:256 of ZMM0-15 (ZMM_Hi256). */
export const GROUP_ZMMH = 3;
/** ZMM16-31 whole. */
export const GROUP_HI16_ZMM = 4;
/** r16-r31 (APX). */
export const GROUP_EGPR = 5;
/** SSP alone: one quadword, the second of CET_U. */
export const GROUP_SSP = 6;
/** Number of groups. */
export const GROUPS = 7;

/** Bytes of a group's registers. */
export const GROUP_BYTES = [256, 256, 64, 512, 1024, 128, 8] as const;

/** XSTATE_BV bits of all groups; all of them lie in the low word of a mask. */
export const GROUP_COMPONENT_BITS: number = GROUP_COMPONENTS.reduce((bits, component) => bits | (1 << component), 0);

/**
 * Where the registers of one set (REGS_USER or REGS_INTR) of the current sample lie. It is made once and filled anew
 * for each sample; `clear` comes first, so nothing of the sample before can be read. No call allocates.
 */
export class RegisterGroups {
  /** Words of each group's source; an empty array where there is none. */
  declare private readonly words: Int32Array[];
  /** Index of a group's first word in its source. */
  declare private readonly first: Int32Array;
  /** Component bits (low word) whose registers a source delivered, in their initial configuration or not. */
  declare captured: number;
  /** Those of `captured` that are not in their initial configuration: the others read as 0. */
  declare inUse: number;

  constructor() {
    this.words = Array.from({ length: GROUPS }, () => NO_WORDS);
    this.first = new Int32Array(GROUPS);
    this.captured = 0;
    this.inUse = 0;
  }

  /** Forgets every source: all registers are then not captured. */
  clear(): void {
    for (let group = 0; group < GROUPS; group++) this.words[group] = NO_WORDS;
    this.captured = 0;
    this.inUse = 0;
  }

  /** A group that a source holds from word `first` on. */
  put(group: number, words: Int32Array, first: number): void {
    const bit = 1 << (GROUP_COMPONENTS[group] as number);
    this.words[group] = words;
    this.first[group] = first;
    this.captured |= bit;
    this.inUse |= bit;
  }

  /** A group that was captured in its initial configuration: zeros. */
  putInitial(group: number): void {
    this.words[group] = NO_WORDS;
    this.captured |= 1 << (GROUP_COMPONENTS[group] as number);
    this.inUse &= ~(1 << (GROUP_COMPONENTS[group] as number));
  }

  /** Copies `count` words of a group from its word `from` on; zeros if it has no source. */
  copy(group: number, from: number, count: number, out: Int32Array, at: number): void {
    const words = this.words[group] as Int32Array;
    const first = (this.first[group] as number) + from;
    if (words.length === 0) for (let i = 0; i < count; i++) out[at + i] = 0;
    else for (let i = 0; i < count; i++) out[at + i] = words[first + i] as number;
  }
}

const NO_WORDS = new Int32Array(0);
