/** `xsavekit/generator`: the generator as a library. Importing it loads ts-morph and Handlebars. */

export { generate } from "./generate.ts";
export type { GeneratedFile, GenerateOptions, GenerateResult } from "./generate.ts";
export { isHandEdited } from "./file-header.ts";
export { ProofError } from "./prove-straight-line.ts";
export type { TemplateTexts } from "./render-body.ts";
