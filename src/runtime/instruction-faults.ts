/**
 * Causes for which an instruction of the XSAVE family faults before it looks at its area's bytes: one list for saves,
 * restores, XSETBV and XGETBV. Source: Intel SDM vol. 1, 13.7 to 13.12, and the exceptions of each instruction's page.
 */

import type { ProcessorDescription } from "./processor-description.ts";
import { MODE_64, type SaveMode } from "./save-plan.ts";

/** Instructions with a memory operand, without their operand size. */
export type AreaInstruction = "XSAVE" | "XSAVEOPT" | "XSAVEC" | "XSAVES" | "XRSTOR" | "XRSTORS";
/** All that `instructionFaults` knows. */
export type FamilyInstruction = AreaInstruction | "XSETBV" | "XGETBV";

/** The processor's setting when the instruction runs; what is absent is as in a kernel that uses XSAVE. */
export interface ExecutionContext {
  /** Current privilege level; 0 if absent. */
  readonly cpl?: 0 | 1 | 2 | 3;
  /** CR4.OSXSAVE; true if absent. */
  readonly osxsave?: boolean;
  /** CR0.TS; false if absent. */
  readonly taskSwitched?: boolean;
  /** CR0.AM and EFLAGS.AC: alignment is checked at CPL 3; false if absent. */
  readonly alignmentCheck?: boolean;
  /** A prefix that the encoding does not take. */
  readonly prefix?: "LOCK" | "66" | "F2" | "F3";
  /** ModRM names a register instead of memory. */
  readonly registerOperand?: boolean;
  /** VMX non-root operation; false if absent. */
  readonly vmxNonRoot?: boolean;
  /** The VM-execution control "enable XSAVES/XRSTORS"; true if absent. */
  readonly xsavesEnabled?: boolean;
}

/** A setting with operand size and mode; 64-bit operand in 64-bit mode if absent. */
export interface InstructionSetting extends ExecutionContext, Partial<SaveMode> {}

/** Operand size and mode of a setting. */
export function modeOf({ operandSize, mode64 }: InstructionSetting): SaveMode {
  return { operandSize: operandSize ?? MODE_64.operandSize, mode64: mode64 ?? MODE_64.mode64 };
}

/** Names of the causes. */
export type InstructionRule =
  | "no-instruction"
  | "osxsave-clear"
  | "prefix"
  | "register-operand"
  | "xsaves-not-enabled"
  | "task-switched"
  | "privilege"
  | "misaligned"
  | "alignment-check";

/** Why an instruction raises an exception. */
export interface InstructionFault<Rule extends string = InstructionRule> {
  /** 6 #UD, 7 #NM, 13 #GP, 14 #PF (bytes that are not there), 17 #AC. */
  readonly vector: 6 | 7 | 13 | 14 | 17;
  readonly rule: Rule;
  /** Byte offset in the area; undefined where it is about the area, the register or the instruction as a whole. */
  readonly offset: number | undefined;
  /** The offending value. */
  readonly value: bigint;
  readonly message: string;
}

/** True if CPUID.(0DH,1):EAX enumerates the instruction; XSAVE, XRSTOR, XSETBV and XGETBV are there with XSAVE itself. */
export function hasInstruction({ instructions }: ProcessorDescription, instruction: FamilyInstruction): boolean {
  if (instruction === "XSAVEOPT") return instructions.xsaveopt;
  if (instruction === "XSAVEC") return instructions.xsavec;
  return (instruction !== "XSAVES" && instruction !== "XRSTORS") || instructions.xsaves;
}

/** False for a name that a program without types has wrong (XSAVE64), which must not pass for another instruction. */
export function isInstruction(name: string): boolean {
  return /^X(?:SAVE(?:OPT|C|S)?|RSTORS?|[SG]ETBV)$/.test(name);
}

/**
 * Every cause that holds, in the order of the exceptions' priority: #UD, #NM, #GP by privilege, alignment. `offset` is
 * where the area lies; undefined for XSETBV and XGETBV. #AC may be raised in place of the misaligned area's #GP at CPL
 * 3 (the manual leaves it to the implementation), so both are named then.
 */
export function instructionFaults(
  cpu: ProcessorDescription,
  instruction: FamilyInstruction,
  offset: number | undefined,
  context: ExecutionContext = {},
): InstructionFault[] {
  const faults: InstructionFault[] = [];
  const add = (vector: InstructionFault["vector"], rule: InstructionRule, value: bigint, message: string): void => {
    faults.push({ vector, rule, offset: undefined, value, message });
  };
  const cpl = context.cpl ?? 0;
  const supervisor = instruction === "XSAVES" || instruction === "XRSTORS";
  const onArea = offset !== undefined;
  if (!isInstruction(instruction) || !hasInstruction(cpu, instruction))
    add(6, "no-instruction", 0n, `${cpu.id} has no ${instruction}`);
  if (context.osxsave === false) add(6, "osxsave-clear", 0n, "CR4.OSXSAVE is 0");
  if (context.prefix !== undefined) {
    const byte = context.prefix === "LOCK" ? 0xf0n : BigInt(`0x${context.prefix}`);
    add(6, "prefix", byte, `${instruction} takes no ${context.prefix} prefix`);
  }
  if (onArea && context.registerOperand === true)
    add(6, "register-operand", 0n, `the operand of ${instruction} must be in memory`);
  if (supervisor && context.vmxNonRoot === true && context.xsavesEnabled === false)
    add(6, "xsaves-not-enabled", 0n, "VMX non-root operation, and the control that enables XSAVES and XRSTORS is 0");
  if (onArea && context.taskSwitched === true) add(7, "task-switched", 1n, "CR0.TS is 1");
  if ((supervisor || instruction === "XSETBV") && cpl > 0)
    add(13, "privilege", BigInt(cpl), `${instruction} needs CPL 0, CPL is ${cpl}`);
  if (onArea && (offset & 63) !== 0) {
    const value = BigInt(Number.isFinite(offset) ? Math.trunc(offset) : 0);
    add(13, "misaligned", value, `the area lies at ${offset}, ${offset % 64} past a multiple of 64`);
    if (cpl === 3 && context.alignmentCheck === true)
      add(17, "alignment-check", value, "alignment is checked at CPL 3: #AC may be raised in place of #GP");
  }
  return faults;
}
