/** `xsavekit/verify`: recorded executions, this CPU, and the conformance suite. Importing it loads ts-morph and Handlebars. */

export { verifyVectors } from "./verify-vectors.ts";
export type { VectorFile, VerifyProgress } from "./verify-vectors.ts";
export type { SaverKind, VectorFailure, VerifyResult } from "./verify-result.ts";
export { VectorError } from "./record-fields.ts";
export { parseVectorRecord, readVectors } from "./vector-record.ts";
export type { RestoreRecord, SaveRecord, VectorRecord } from "./vector-record.ts";
export { verifyHardware } from "./hardware/verify-hardware.ts";
export type { HardwareFailure, HardwareOptions, HardwareResult } from "./hardware/verify-hardware.ts";
export { emitSuite, suiteFiles } from "./suite/emit-suite.ts";
export type { EmittedSuite } from "./suite/emit-suite.ts";
export { readSuite, SuiteError } from "./suite/suite-manifest.ts";
export { caseJsonSchema, checkCase } from "./suite/case-schema.ts";
export type { CaseCpu, CaseState, SuiteCase, SuiteRestore, SuiteSave } from "./suite/suite-case.ts";
