/** A case of the suite as JSON has it; `case-schema.ts` says what each member means. */

/** Register contents by component. */
export type CaseState = Readonly<Record<string, string | undefined>> & { readonly legacy: string };

/** CPUID registers of a sub-leaf, hexadecimal. */
export type CaseLeaf = Readonly<Record<"eax" | "ebx" | "ecx" | "edx", string>>;

/** The processor of a case. */
export interface CaseCpu {
  readonly name: string;
  readonly vendor: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  readonly xsaveerptr: boolean;
  readonly leafD: Readonly<Record<string, CaseLeaf>>;
  readonly quirks: Readonly<Record<string, string | undefined>> & { readonly x87Pointers: string; readonly mxcsrMask: string };
}

/** What saves and restores share. */
export interface CaseBase {
  readonly id: string;
  readonly origin: "recorded" | "computed";
  readonly cpu: CaseCpu;
  readonly group: string;
  readonly instruction: string;
  readonly xcr0: string;
  readonly xss: string;
  readonly xfd: string;
  readonly mask: string;
  readonly rfbm: string;
  readonly fault: number | null;
  readonly deviations: readonly string[];
}

/** A save. */
export interface SuiteSave extends CaseBase {
  readonly xinuse: string;
  readonly xmmInUse: boolean;
  readonly state: CaseState;
  readonly uintrMiscAfter?: string | undefined;
  readonly before: string;
  readonly after: string;
}

/** A restore. */
export interface SuiteRestore extends CaseBase {
  readonly compacted: boolean;
  readonly misaligned: boolean;
  readonly image: string;
  readonly xinuseBefore: string | null;
  readonly xinuseAfter: string | null;
  readonly stateBefore: CaseState;
  readonly stateAfter: CaseState;
}

/** One case of the conformance suite, as a line of its files has it. */
export type SuiteCase = SuiteSave | SuiteRestore;

export function isRestore(given: SuiteCase): given is SuiteRestore {
  return "image" in given;
}
