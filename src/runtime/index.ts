/** `xsavekit/runtime`: register files, savers, selection, the NMI gate and its policies. No dependency, no I/O. */

export { areasIn, AreaError, AreaMemory, createArena } from "./arena.ts";
export type { AreaErrorCode, ArenaOptions } from "./arena.ts";
export { Processors } from "./processors.ts";
export type { ProcessorsOptions } from "./processors.ts";
export type { ProcessorDescription } from "./processor-description.ts";
export type { Quirks, X87Pointers } from "../isa/vendor-behaviour.ts";
export { xcr0Violations, xssViolations } from "./control-registers.ts";
export { savePlan, MODE_64 } from "./save-plan.ts";
export type { SaveFamily, SaveMode, SavePiece, SavePlan } from "./save-plan.ts";
export { restore, restoreFaults } from "./general-restore.ts";
export type { RestoreFault } from "./general-restore.ts";
export type { RestoreFamily, RestoreRule } from "./restore-checks.ts";
export { bindGeneralSave } from "./general-save.ts";
export { selectSave, StaleBindingError, UnsupportedInstructionError } from "./select-save.ts";
export type { SelectedSave, SaveRequest } from "./select-save.ts";
export { SaverPath } from "./saver-path.ts";
export type { BoundSave, GeneratedModel, SaverForm, SaverGroup } from "./generated-v1.ts";
export { KernelContexts } from "./kernel-context.ts";
export { KERNELS } from "./kernel-families.ts";
export { maskFamilies } from "./mask-families.ts";
export { NmiGate } from "./nmi-gate.ts";
export type { NmiGateOptions } from "./nmi-gate.ts";
export { POLICIES } from "./policies/policy-list.ts";
export * from "./policies/policy.ts";
export type { XsavesPath } from "./xsaves-path.ts";
