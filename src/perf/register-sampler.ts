/**
 * perf_event as the consumer of an NMI's snapshot: from an event's attributes to the register part of its samples.
 * PEBS first; XSAVES, through the gate, only for what PEBS did not deliver; then the filter; then the record.
 */

import { bitsOf } from "../isa/feature-mask.ts";
import type { LayoutSource } from "../layout/component-row.ts";
import type { AreaMemory } from "../runtime/arena.ts";
import type { NmiGate } from "../runtime/nmi-gate.ts";
import type { Interruption } from "./interruption.ts";
import { PebsBuffer, type PebsRecord } from "./pebs-record.ts";
import { type PerfInterface, REVIEWED } from "./perf-interface.ts";
import { RegisterGroups } from "./register-groups.ts";
import { ABI_SIMD, FIRST_HIGH_VECTOR } from "./register-numbers.ts";
import { enabledSimd, intrComponents, type SampleAttributes, userComponents } from "./sample-attributes.ts";
import {
  FROM_LIVE,
  FROM_NOWHERE,
  FROM_PT_REGS_AND_LIVE,
  FROM_TASK_STATE,
  intrSource,
  samples,
  userSource,
} from "./sample-filter.ts";
import { LARGEST_SET, type SetRequest, writeNoRegisters, writeRegisters } from "./sample-record.ts";
import { groupBits, SnapshotGroups } from "./snapshot-groups.ts";

/** What a sampler stands on. */
export interface SamplerOptions {
  readonly cpu: LayoutSource;
  readonly gate: NmiGate;
  /** The memory that the gate's path saves into. */
  readonly areas: AreaMemory;
  /** `REVIEWED` if absent. */
  readonly perf?: PerfInterface;
}

/** Bytes that a sample's register part can take at most: two sets. */
export const LARGEST_SAMPLE: number = 2 * LARGEST_SET;

/** The registers of one event's samples. One sampler serves one event on all processors, one sample at a time. */
export class RegisterSampler {
  declare readonly attributes: SampleAttributes;
  declare readonly perf: PerfInterface;
  declare private readonly gate: NmiGate;
  declare private readonly areas: AreaMemory;
  declare private readonly snapshots: SnapshotGroups;
  declare private readonly userRequest: SetRequest | undefined;
  declare private readonly intrRequest: SetRequest | undefined;
  declare private readonly userBits: number;
  declare private readonly intrBits: number;
  /** Registers of the latest sample: `captured` tells what was delivered, `inUse` what of it was not initial. */
  declare readonly user: RegisterGroups;
  declare readonly intr: RegisterGroups;
  /** Sources (`FROM_*`) of the latest sample. */
  declare userFrom: number;
  declare intrFrom: number;
  /** Component bits that the latest sample had XSAVES save; 0 where none was needed. */
  declare saved: number;
  /** Status of the gate for the latest sample: 0 saved or not asked. */
  declare status: number;

  constructor(attributes: SampleAttributes, options: SamplerOptions) {
    this.attributes = attributes;
    this.perf = options.perf ?? REVIEWED;
    this.gate = options.gate;
    this.areas = options.areas;
    this.snapshots = new SnapshotGroups(options.cpu);
    this.userBits = groupBits(userComponents(attributes));
    this.intrBits = groupBits(intrComponents(attributes));
    this.userRequest = requestOf(attributes, attributes.regsUser, "User");
    this.intrRequest = requestOf(attributes, attributes.regsIntr, "Intr");
    this.user = new RegisterGroups();
    this.intr = new RegisterGroups();
    this.userFrom = FROM_NOWHERE;
    this.intrFrom = FROM_NOWHERE;
    this.saved = 0;
    this.status = 0;
  }

  /**
   * Takes a sample in an NMI: the register part goes to `out` from word `at` on (at most LARGEST_SAMPLE bytes), REGS_USER
   * before REGS_INTR; returns the index of the word behind it, or -1 where the event takes no sample of this
   * interruption. `areaOffset` is the processor's own snapshot buffer. `pebs` has what the hardware
   * delivered for this event; it belongs to the interrupted code.
   */
  sample(
    processor: number,
    areaOffset: number,
    hit: Interruption,
    out: Int32Array,
    at: number,
    pebs?: PebsRecord,
    pebsBuffer?: PebsBuffer,
  ): number {
    this.user.clear();
    this.intr.clear();
    this.saved = 0;
    this.status = 0;
    if (!samples(this.attributes, hit)) {
      this.userFrom = FROM_NOWHERE;
      this.intrFrom = FROM_NOWHERE;
      return -1;
    }
    this.intrFrom = this.intrRequest ? intrSource(this.attributes, hit, this.perf) : FROM_NOWHERE;
    this.userFrom = this.userRequest ? userSource(this.attributes, hit, this.perf, this.userBits !== 0) : FROM_NOWHERE;
    const intrLive = this.intrFrom === FROM_LIVE ? this.intrBits : 0;
    const userLive = this.userFrom === FROM_LIVE || this.userFrom === FROM_PT_REGS_AND_LIVE ? this.userBits : 0;
    if (pebs && pebsBuffer) this.takePebs(pebs, pebsBuffer);
    // REGS_INTR takes a PEBS record's groups always, REGS_USER where the interrupted code is the task's.
    const missing = (intrLive & ~this.intr.captured) | (userLive & ~this.user.captured);
    if (missing !== 0) this.takeSnapshot(processor, areaOffset, missing, intrLive, userLive);
    if (this.userFrom === FROM_TASK_STATE) {
      this.snapshots.add(hit.fpstate, hit.fpstateOffset, this.userBits, this.user);
    }
    return this.write(hit, out, at);
  }

  private takePebs(pebs: PebsRecord, buffer: PebsBuffer): void {
    if (this.intrFrom !== FROM_NOWHERE) pebs.deliver(buffer, this.intr);
    if (this.userFrom === FROM_LIVE) pebs.deliver(buffer, this.user);
  }

  private takeSnapshot(processor: number, areaOffset: number, mask: number, intrLive: number, userLive: number): void {
    this.saved = mask;
    this.status = this.gate.save(processor, areaOffset, mask, 0);
    // A refused save leaves the sample before in the buffer where the policy is void and silent: the status decides.
    if (this.status !== 0) return;
    const words = this.areas.i32;
    this.snapshots.add(words, areaOffset, mask & intrLive & ~this.intr.captured, this.intr);
    this.snapshots.add(words, areaOffset, mask & userLive & ~this.user.captured, this.user);
  }

  private write(hit: Interruption, out: Int32Array, at: number): number {
    let next = at;
    if (this.userRequest) {
      const general = this.userFrom === FROM_LIVE ? hit.general : hit.taskGeneral;
      next =
        this.userFrom === FROM_NOWHERE
          ? writeNoRegisters(out, next)
          : writeRegisters(out, next, this.userRequest, general, this.user, this.perf);
    }
    if (this.intrRequest) {
      next =
        this.intrFrom === FROM_NOWHERE
          ? writeNoRegisters(out, next)
          : writeRegisters(out, next, this.intrRequest, hit.general, this.intr, this.perf);
    }
    return next;
  }
}

function requestOf(attributes: SampleAttributes, regs: bigint | undefined, set: "User" | "Intr"): SetRequest | undefined {
  if (regs === undefined) return undefined;
  const simd = enabledSimd(attributes);
  const vectors = bitsOf(simd?.[`vectors${set}`] ?? 0n);
  return {
    registers: Uint8Array.from(bitsOf(regs)),
    abiSimd: simd ? ABI_SIMD : 0,
    vectorQwords: simd?.vectorQwords ?? 0,
    vectors: Uint8Array.from(vectors),
    lowVectors: vectors.filter((vector) => vector < FIRST_HIGH_VECTOR).length,
    predicateQwords: simd?.predicateQwords ?? 0,
    predicates: Uint8Array.from(bitsOf(simd?.[`predicates${set}`] ?? 0n)),
  };
}
