/** `cpu-models/masks.yaml` -> mask families: which RFBMs get savers, whatever the CPU. */

import { maskOfBits } from "../isa/feature-mask.ts";
import { componentIndex } from "../isa/state-component.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { hasErrors, quoteText } from "./diagnostic.ts";
import type { MaskFamilyFields, SaveInstruction } from "./mask-schema.ts";
import { maskFileSchema } from "./mask-schema.ts";
import { checkAgainst } from "./schema-findings.ts";
import { YamlSource } from "./yaml-source.ts";

export { masksFor } from "./model-masks.ts";
export type { ModelMask } from "./model-masks.ts";
export { SAVE_INSTRUCTIONS } from "./mask-schema.ts";
export type { SaveInstruction } from "./mask-schema.ts";

/** Masks of one purpose. */
export interface MaskFamily {
  readonly name: string;
  /** The masks before any model cuts them; `all` and `all-user` stand for a model's own. */
  readonly masks: readonly bigint[] | "all" | "all-user";
  /** Taken out of every mask. */
  readonly without: bigint;
  /** Masks came from `combine` and are named by their components. */
  readonly combined: boolean;
  readonly instructions: readonly SaveInstruction[];
  /** True: masks are cut to what a model has. False: only models that have all of a mask get it. */
  readonly cut: boolean;
  /** XINUSE values that get savers of their own, before intersection with RFBM. */
  readonly xinuseClasses: readonly bigint[];
  /** True: one routine takes every XINUSE; otherwise "all of RFBM in use" and the classes get savers beside it. */
  readonly anyOnly: boolean;
}

/** Families, or why there are none. */
export interface ReadMasksResult {
  readonly families?: readonly MaskFamily[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a file of mask families; never throws. */
export function readMasks(text: string, file: string): ReadMasksResult {
  const yaml = new YamlSource(text, file);
  if (yaml.value === undefined) return { diagnostics: yaml.diagnostics };
  const { output, findings } = checkAgainst(maskFileSchema, yaml.value);
  for (const finding of findings) yaml.report(finding);
  if (!output) return { diagnostics: yaml.diagnostics };
  const names = new Set<string>();
  for (const [at, fields] of output.families.entries()) {
    if (names.has(fields.name)) {
      yaml.report({
        rule: "name-twice",
        severity: "error",
        path: ["families", at, "name"],
        message: `a second family is named ${quoteText(fields.name)}`,
        remedy: "give it another name",
      });
    }
    names.add(fields.name);
    if ((fields.components === undefined) === (fields.combine === undefined)) {
      yaml.report({
        rule: "components-or-combine",
        severity: "error",
        path: ["families", at, "name"],
        message: `family ${fields.name} has ${fields.combine ? "both" : "neither"} of components and combine`,
        remedy: "give it one of the two",
      });
    }
  }
  const { diagnostics } = yaml;
  return hasErrors(diagnostics)
    ? { diagnostics }
    : { families: output.families.map((fields) => familyOf(fields, output.xinuse)), diagnostics };
}

function familyOf(fields: MaskFamilyFields, classes: readonly (readonly string[])[]): MaskFamily {
  const { name, components, combine, instructions } = fields;
  const xinuse = fields.xinuse ?? classes;
  return {
    name,
    masks: combine ? combined(combine) : typeof components === "string" ? components : [maskOfNames(components ?? [])],
    without: maskOfNames(fields.without ?? []),
    combined: combine !== undefined,
    instructions,
    cut: fields.cut ?? true,
    xinuseClasses: xinuse === "any" ? [] : xinuse.map(maskOfNames),
    anyOnly: xinuse === "any",
  };
}

/** Every union of one choice per list, ascending, without the empty mask. */
function combined(lists: readonly (readonly (readonly string[])[])[]): bigint[] {
  let masks = [0n];
  for (const list of lists) masks = masks.flatMap((mask) => list.map((names) => mask | maskOfNames(names)));
  return [...new Set(masks)].filter((mask) => mask !== 0n).toSorted((a, b) => (a < b ? -1 : 1));
}

function maskOfNames(names: readonly string[]): bigint {
  return maskOfBits(names.map((name) => componentIndex(name) ?? 0));
}
