/** The generator without files. Importing it loads ts-morph and Handlebars. */

export { assemble, generate, moduleBuilder } from "./generate.ts";
export type { BuiltModule, GenerateOptions, GenerateResult } from "./generate.ts";
export type { GeneratedFile, GenerationPlan, PlanOptions, PlannedModule } from "./plan-generation.ts";
export { isHandEdited } from "./file-header.ts";
export { ProofError } from "./module-lines.ts";
export type { TemplateTexts } from "./render-body.ts";
