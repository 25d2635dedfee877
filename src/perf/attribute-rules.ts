/**
 * What perf_event_open() refuses about registers, with its errno, in the order in which the kernel looks.
 * Sources: v7.3-rc7 kernel/events/core.c (perf_copy_attr, perf_try_init_event), arch/x86/kernel/perf_regs.c
 * (perf_reg_validate), arch/x86/events/core.c (x86_pmu_hw_config); patches 05 to 12 of V4 for the SIMD interface.
 */

import { maskWithNames } from "../isa/feature-mask.ts";
import type { PerfInterface } from "./perf-interface.ts";
import {
  EXTENDED_MASK,
  OPMASK_QWORDS,
  PREDICATE_MASK,
  REFUSED_SEGMENTS,
  RESERVED_WITH_SIMD,
  RESERVED_WITHOUT_SIMD,
  VECTOR_MASK,
  XMM_QWORDS,
  YMM_QWORDS,
  ZMM_QWORDS,
} from "./register-numbers.ts";
import { enabledSimd, intrComponents, type SampleAttributes, type SimdRequest, userComponents } from "./sample-attributes.ts";

/** What the event's PMU offers. */
export interface PmuCapabilities {
  /** `x86-core` asks x86_pmu_hw_config(); any other PMU is checked by the core alone, which answers EOPNOTSUPP. */
  readonly kind: "x86-core" | "other";
  /** PERF_PMU_CAP_EXTENDED_REGS (8H) */
  readonly extendedRegs: boolean;
  /** PERF_PMU_CAP_SIMD_REGS (800H in V4) */
  readonly simdRegs: boolean;
  /** x86_pmu.ext_regs_mask: components it can sample. */
  readonly components: bigint;
  /** security_locked_down(LOCKDOWN_PERF) refuses REGS_INTR. */
  readonly lockedDown?: boolean;
}

/** One reason for a refusal. */
export interface AttributeRefusal {
  readonly errno: "E2BIG" | "EINVAL" | "EOPNOTSUPP" | "EPERM";
  /** The field of perf_event_attr. */
  readonly field: string;
  readonly message: string;
}

/** Every reason to refuse, in the kernel's order: the errno of the first is the one the call returns. Empty: accepted. */
export function attributeRefusals(
  attributes: SampleAttributes,
  pmu: PmuCapabilities,
  perf: PerfInterface,
): readonly AttributeRefusal[] {
  const found: AttributeRefusal[] = [];
  const refuse = (errno: AttributeRefusal["errno"], field: string, message: string): void =>
    void found.push({ errno, field, message });
  const simd = perf.simd ? enabledSimd(attributes) : undefined;
  if (!perf.simd && attributes.simd && Object.values(attributes.simd).some((each) => each !== 0 && each !== 0n)) {
    // copy_struct_from_user() finds bytes that are not 0 behind the attributes that the kernel knows.
    refuse("E2BIG", "sample_simd_*", `${perf.name} has no such attributes`);
  }

  const sets = [
    { name: "user", regs: attributes.regsUser, vectors: simd?.vectorsUser ?? 0n, predicates: simd?.predicatesUser ?? 0n },
    { name: "intr", regs: attributes.regsIntr, vectors: simd?.vectorsIntr ?? 0n, predicates: simd?.predicatesIntr ?? 0n },
  ];
  for (const { name, regs, vectors, predicates } of sets) {
    if (regs === undefined) continue;
    const field = `sample_regs_${name}`;
    if (regs === 0n && !perf.simd) refuse("EINVAL", field, "no register is asked for");
    if (regs & REFUSED_SEGMENTS) refuse("EINVAL", field, "ds, es, fs and gs cannot be sampled on x86-64");
    // V4 lets bits 24-31 through without ABI_SIMD and then reads pt_regs by an index that has no register; ours refuses.
    if (!simd && regs & RESERVED_WITHOUT_SIMD) refuse("EINVAL", field, "bits 24-31 are no registers without the SIMD interface");
    if (simd) simdRefusals(simd, name, vectors, predicates, refuse);
  }

  if (attributes.regsIntr !== undefined && pmu.lockedDown) {
    refuse("EPERM", "sample_type", "PERF_SAMPLE_REGS_INTR is refused under lockdown");
  }
  if (pmu.kind === "x86-core") x86Refusals(attributes, simd, pmu, perf, refuse);
  if (simd && !pmu.simdRegs) refuse("EOPNOTSUPP", "sample_simd_pred_reg_qwords", "the PMU has no PERF_PMU_CAP_SIMD_REGS");
  if (!simd && extendedSets(attributes).length > 0 && !pmu.extendedRegs) {
    refuse("EOPNOTSUPP", extendedSets(attributes)[0]!, "the PMU has no PERF_PMU_CAP_EXTENDED_REGS");
  }
  return found;
}

type Refuse = (errno: AttributeRefusal["errno"], field: string, message: string) => void;

/** perf_simd_reg_validate() */
function simdRefusals(simd: SimdRequest, set: string, vectors: bigint, predicates: bigint, refuse: Refuse): void {
  const { vectorQwords, predicateQwords } = simd;
  if (vectorQwords === 0) {
    if (vectors !== 0n) refuse("EINVAL", `sample_simd_vec_reg_${set}`, "vectors without sample_simd_vec_reg_qwords");
  } else if (vectorQwords !== XMM_QWORDS && vectorQwords !== YMM_QWORDS && vectorQwords !== ZMM_QWORDS) {
    refuse("EINVAL", "sample_simd_vec_reg_qwords", `expected 2 (XMM), 4 (YMM) or 8 (ZMM), got ${vectorQwords}`);
  }
  if (vectors & ~VECTOR_MASK) refuse("EINVAL", `sample_simd_vec_reg_${set}`, "there are vector registers 0 to 31");
  if (predicateQwords !== OPMASK_QWORDS) {
    refuse("EINVAL", "sample_simd_pred_reg_qwords", `expected 1 (k0 to k7 are a quadword each), got ${predicateQwords}`);
  }
  if (predicates & ~PREDICATE_MASK) refuse("EINVAL", `sample_simd_pred_reg_${set}`, "there are predicate registers 0 to 7");
}

/** x86_pmu_hw_config() */
function x86Refusals(
  attributes: SampleAttributes,
  simd: SimdRequest | undefined,
  pmu: PmuCapabilities,
  perf: PerfInterface,
  refuse: Refuse,
): void {
  if (!simd) {
    for (const field of extendedSets(attributes)) {
      if (field === "sample_regs_user" && !perf.userXmm) refuse("EINVAL", field, "xmm is never sampled with REGS_USER");
      else if (!pmu.extendedRegs) refuse("EINVAL", field, "the PMU has no PERF_PMU_CAP_EXTENDED_REGS");
      else if (perf.xmmNeedsPreciseIp && !attributes.preciseIp) refuse("EINVAL", field, "xmm needs precise_ip > 0");
    }
    return;
  }
  if (!pmu.simdRegs) refuse("EINVAL", "sample_simd_pred_reg_qwords", "the PMU has no PERF_PMU_CAP_SIMD_REGS");
  for (const [field, regs] of [
    ["sample_regs_user", attributes.regsUser],
    ["sample_regs_intr", attributes.regsIntr],
  ] as const) {
    if ((regs ?? 0n) & RESERVED_WITH_SIMD) {
      refuse(
        "EINVAL",
        field,
        "with the SIMD interface bits above 40 (ssp) are no registers; xmm is asked for by the vector masks",
      );
    }
  }
  if (simd.vectorQwords !== 0 && simd.vectorsIntr === 0n && simd.vectorsUser === 0n) {
    refuse("EINVAL", "sample_simd_vec_reg_qwords", "a width without any vector register");
  }
  const missing = (userComponents(attributes) | intrComponents(attributes)) & ~pmu.components;
  if (missing !== 0n) refuse("EINVAL", "sample_simd_*", `the PMU cannot sample ${maskWithNames(missing)}`);
}

/** Fields that ask for XMM by bits 32-63. */
function extendedSets(attributes: SampleAttributes): string[] {
  const fields: string[] = [];
  if ((attributes.regsUser ?? 0n) & EXTENDED_MASK) fields.push("sample_regs_user");
  if ((attributes.regsIntr ?? 0n) & EXTENDED_MASK) fields.push("sample_regs_intr");
  return fields;
}
