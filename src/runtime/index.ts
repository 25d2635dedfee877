/** `xsavekit/runtime`: register files, savers, selection, the NMI gate and its policies. No dependency, no I/O. */

export { areasIn, AreaError, AreaMemory, createArena } from "./arena.ts";
export type { AreaErrorCode, ArenaOptions } from "./arena.ts";
export { Processors } from "./processors.ts";
export type { ProcessorsOptions } from "./processors.ts";
export type { ProcessorDescription } from "./processor-description.ts";
export type { Quirks, X87Pointers } from "../isa/vendor-behaviour.ts";
export { xcr0Violations, xfdViolations, xssViolations } from "./control-registers.ts";
export type { ControlRule, ControlViolation } from "./control-registers.ts";
export { setXcr0, setXfd, setXss } from "./set-control-registers.ts";
export { initialise, loadLegacy } from "./write-registers.ts";
export { writeXfd, writeXss, xgetbv, xsetbv } from "./state-instructions.ts";
export type { StateFault } from "./state-instructions.ts";
export { xinuseByValue } from "./derive-xinuse.ts";
export { ModifiedOptimisation } from "./modified-optimisation.ts";
export { instructionFaults } from "./instruction-faults.ts";
export type { ExecutionContext, InstructionFault, InstructionRule, InstructionSetting } from "./instruction-faults.ts";
export { save } from "./save-instruction.ts";
export type { SaveFault } from "./save-instruction.ts";
export { savePlan, MODE_64 } from "./save-plan.ts";
export type { SaveFamily, SaveMode, SavePiece, SavePlan } from "./save-plan.ts";
export { restore, restoreFaults } from "./general-restore.ts";
export type { RestoreFault } from "./general-restore.ts";
export { selectRestore } from "./select-restore.ts";
export type { RestoreRequest, SelectedRestore } from "./select-restore.ts";
export type { RestoreFamily, RestoreRule } from "./restore-checks.ts";
export { bindGeneralSave, generalPath } from "./general-save.ts";
export { MissingPathError, selectSave, StaleBindingError, UnsupportedInstructionError } from "./select-save.ts";
export type { GeneralPath, SelectedSave, SaveRequest } from "./select-save.ts";
export { SaverPath } from "./saver-path.ts";
export type { SaverPathOptions } from "./saver-path.ts";
export { useSecondTexts } from "./generated-v1.ts";
export type {
  BoundSave,
  BoundRestore,
  GeneratedModel,
  GeneratedRestores,
  RestoreRoutine,
  SaverForm,
  SaverGroup,
} from "./generated-v1.ts";
export {
  HARDIRQ,
  innermostContext,
  KernelContextError,
  KernelContexts,
  NMI,
  PREEMPT_DISABLED,
  SOFTIRQ,
  SOFTIRQS_DISABLED,
} from "./kernel-context.ts";
export type { NestedContext } from "./kernel-context.ts";
export { KERNELS } from "./kernel-families.ts";
export { maskFamilies } from "./mask-families.ts";
export { NmiGate } from "./nmi-gate.ts";
export type { NmiGateOptions } from "./nmi-gate.ts";
export { guarded } from "./run-guard.ts";
export type { GatedRun, RunGuard } from "./run-guard.ts";
export { POLICIES } from "./policies/policy-list.ts";
export * from "./policies/policy.ts";
export type { XsavesPath, XsavesRun } from "./xsaves-path.ts";
export { warningRecords } from "./warning-log.ts";
export type { WarningRecord } from "./warning-log.ts";
