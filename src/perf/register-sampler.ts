/**
 * perf_event as the consumer of an NMI's snapshot: from an event's attributes to the register part of its samples.
 * PEBS first; XSAVES, through the gate, only for what PEBS did not deliver; then the filter; then the record.
 */

import { bitsOf } from "../isa/feature-mask.ts";
import { attributeRefusals, type PmuCapabilities } from "./attribute-rules.ts";
import type { LayoutSource } from "../layout/component-row.ts";
import type { AreaMemory } from "../runtime/arena.ts";
import type { NmiGate } from "../runtime/nmi-gate.ts";
import type { Interruption } from "./interruption.ts";
import type { PebsBuffer, PebsRecord } from "./pebs-record.ts";
import { type PerfInterface, REVIEWED } from "./perf-interface.ts";
import { RegisterGroups } from "./register-groups.ts";
import { ABI_32, ABI_64, ABI_SIMD, FIRST_HIGH_VECTOR, GENERAL_REGISTER_COUNT } from "./register-numbers.ts";
import { enabledSimd, intrComponents, type SampleAttributes, userComponents } from "./sample-attributes.ts";
import {
  asksBeyondPtRegs,
  FROM_LIVE,
  FROM_NOWHERE,
  FROM_PT_REGS_AND_LIVE,
  FROM_TASK_STATE,
  intrSource,
  liveBelongsToHost,
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

/**
 * Registers of task_pt_regs that an NMI cannot trust and shows as -1: bx, bp, r12-r15 (perf_get_regs_user(),
 * arch/x86/kernel/perf_regs.c).
 */
const NOT_IN_TASK_REGISTERS = [1, 6, 20, 21, 22, 23] as const;
/** precise_ip from which the ip is the eventing one. */
const EXACT_IP = 2;

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
  declare private readonly extended: boolean;
  declare private readonly exactIp: boolean;
  /** General registers of the PEBS record's code, and of the task as an NMI in the kernel can tell them. */
  declare private readonly recordGeneral: Int32Array;
  declare private readonly taskGeneral: Int32Array;
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

  /** Throws RangeError for attributes whose samples have no layout: what every kernel refuses, whatever its PMU. */
  constructor(attributes: SampleAttributes, options: SamplerOptions) {
    const [refusal] = attributeRefusals(attributes, ANY_PMU, options.perf ?? REVIEWED).filter(({ errno }) => errno === "EINVAL");
    if (refusal) throw new RangeError(`"${refusal.field}": ${refusal.message}; attributeRefusals() tells every reason`);
    this.attributes = attributes;
    this.perf = options.perf ?? REVIEWED;
    this.gate = options.gate;
    this.areas = options.areas;
    this.snapshots = new SnapshotGroups(options.cpu);
    this.userBits = groupBits(userComponents(attributes));
    this.intrBits = groupBits(intrComponents(attributes));
    this.userRequest = requestOf(attributes, attributes.regsUser, "User");
    this.intrRequest = requestOf(attributes, attributes.regsIntr, "Intr");
    this.extended = asksBeyondPtRegs(attributes, this.perf);
    this.exactIp = (attributes.preciseIp ?? 0) >= EXACT_IP;
    this.recordGeneral = new Int32Array(2 * GENERAL_REGISTER_COUNT);
    this.taskGeneral = new Int32Array(2 * GENERAL_REGISTER_COUNT);
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
   * interruption. `areaOffset` is the processor's own snapshot buffer. `pebs` is the record that the hardware wrote for
   * this sample, of the current task, and `pebsBuffer` where it lies. Its code may have run in another mode than what the
   * NMI hit: the record's mode decides whose sample it is, the interruption what the live registers are. A record
   * is left aside while the NMI hits a guest, whose code it is of. Throws RangeError where `out` has no room.
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
    if (!(at >= 0 && out.length - at >= LARGEST_SAMPLE >> 2)) {
      throw new RangeError(`"out" expected ${LARGEST_SAMPLE} bytes from word ${at} on, has ${4 * out.length} in all`);
    }
    this.user.clear();
    this.intr.clear();
    this.userFrom = FROM_NOWHERE;
    this.intrFrom = FROM_NOWHERE;
    this.saved = 0;
    this.status = 0;
    if (!samples(this.attributes, hit)) return -1;
    const record = pebs && pebsBuffer && !hit.guestMode ? pebs : undefined;
    const userRecord = record !== undefined && record.ofUserMode(pebsBuffer!);
    // Without the group of general registers a sample shows what the NMI found in them.
    const userGeneral = userRecord && record.general >= 0;
    const codeUserMode = record ? userGeneral || (userRecord && hit.userMode) : hit.userMode;
    if (this.intrRequest) this.intrFrom = intrSource(this.attributes, hit, this.perf, codeUserMode);
    if (this.userRequest) this.userFrom = userSource(this.attributes, hit, this.perf, this.extended, userGeneral);
    if (record) this.takeRecord(record, pebsBuffer!, hit, userRecord);
    if (this.perf.snapshots) this.takeLive(processor, areaOffset);
    if (this.userFrom === FROM_TASK_STATE) {
      this.snapshots.add(hit.fpstate, hit.fpstateOffset, this.userBits & ~this.user.captured, this.user);
    }
    return this.write(hit, out, at, record !== undefined, userGeneral);
  }

  /**
   * REGS_USER takes from a record of user code only. A record of kernel code shows the live registers of its moment, which
   * are a guest's while a guest's state is loaded.
   */
  private takeRecord(record: PebsRecord, buffer: PebsBuffer, hit: Interruption, userRecord: boolean): void {
    this.recordGeneral.set(hit.general);
    record.copyGeneral(buffer, this.recordGeneral, this.exactIp);
    if (this.intrFrom !== FROM_NOWHERE && (userRecord || liveBelongsToHost(hit))) record.deliver(buffer, this.intr);
    if (this.userFrom !== FROM_NOWHERE && userRecord) record.deliver(buffer, this.user);
  }

  /** XSAVES of what is asked for, may be shown and did not come from PEBS. */
  private takeLive(processor: number, areaOffset: number): void {
    const intrLive = this.intrFrom === FROM_LIVE ? this.intrBits & ~this.intr.captured : 0;
    const userLive =
      this.userFrom === FROM_LIVE || this.userFrom === FROM_PT_REGS_AND_LIVE ? this.userBits & ~this.user.captured : 0;
    const mask = intrLive | userLive;
    if (mask === 0) return;
    this.saved = mask;
    this.status = this.gate.save(processor, areaOffset, mask, 0);
    // A refused save leaves the sample before in the buffer where the policy is void and silent: the status decides.
    if (this.status !== 0) return;
    const words = this.areas.i32;
    this.snapshots.add(words, areaOffset, intrLive, this.intr);
    this.snapshots.add(words, areaOffset, userLive, this.user);
  }

  private write(hit: Interruption, out: Int32Array, at: number, record: boolean, userGeneral: boolean): number {
    const abi = hit.task32Bit ? ABI_32 : ABI_64;
    let next = at;
    if (this.userRequest) {
      if (this.userFrom === FROM_NOWHERE) next = writeNoRegisters(out, next);
      else {
        const general = userGeneral ? this.recordGeneral : this.userFrom === FROM_LIVE ? hit.general : this.taskRegisters(hit);
        next = writeRegisters(out, next, abi, this.userRequest, general, this.user, this.perf);
      }
    }
    if (this.intrRequest) {
      const general = record ? this.recordGeneral : hit.general;
      if (this.intrFrom === FROM_NOWHERE) next = writeNoRegisters(out, next);
      else next = writeRegisters(out, next, abi, this.intrRequest, general, this.intr, this.perf);
    }
    return next;
  }

  private taskRegisters(hit: Interruption): Int32Array {
    this.taskGeneral.set(hit.taskGeneral);
    for (let i = 0; i < NOT_IN_TASK_REGISTERS.length; i++) {
      const word = 2 * (NOT_IN_TASK_REGISTERS[i] as number);
      this.taskGeneral[word] = -1;
      this.taskGeneral[word + 1] = -1;
    }
    return this.taskGeneral;
  }
}

/** A PMU that refuses nothing by itself. */
const ANY_PMU: PmuCapabilities = { kind: "other", extendedRegs: true, simdRegs: true, components: -1n };

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
