/** `xsavekit/perf`: perf_event as the consumer of NMI snapshots, PEBS, and where incoherent snapshots come from. */

export * from "./attribute-rules.ts";
export * from "./emulated-run.ts";
export { Interruption } from "./interruption.ts";
export { decodeAdaptivePebs } from "./pebs-adaptive.ts";
export { decodeArchitecturalPebs } from "./pebs-architectural.ts";
export { PebsError, type PebsErrorCode } from "./pebs-error.ts";
export { PebsBuffer, PebsRecord } from "./pebs-record.ts";
export * from "./perf-interface.ts";
export * from "./register-groups.ts";
export * from "./register-numbers.ts";
export { LARGEST_SAMPLE, RegisterSampler, type SamplerOptions } from "./register-sampler.ts";
export * from "./sample-attributes.ts";
export * from "./sample-filter.ts";
export { type DecodedRegisters, type DecodeMasks, decodeRegisters, SampleRecordError } from "./sample-record.ts";
export { SnapshotGroups } from "./snapshot-groups.ts";
export * from "./snapshot-ring.ts";
