/** Drafts the TypeScript modules of savers and of the copies that they share. */

import { bitsOf, maskPair } from "../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import { componentName } from "../isa/state-component.ts";
import { bodyContext, calledOf } from "./body-context.ts";
import type { ExportedConstant, ModuleDraft, NamedImports } from "./module-draft.ts";
import { regionsOf, type RegionSpec } from "./region-copy.ts";
import type { BodyRenderer } from "./render-body.ts";
import { type FormSpec, type GroupSpec, pointerRule } from "./saver-spec.ts";

/** Where generated modules find what they import: module specifiers as seen from `savers/`. */
export interface SaverImports {
  readonly seam: string;
  /** The module of the regions' copies. */
  readonly copies: string;
}

/** Revision of the seam that is written for; the seam refuses any other. */
export const SEAM_REVISION = 4;

/** One module with all given groups, sorted by mask. */
export function saversModule(groups: readonly GroupSpec[], render: BodyRenderer, imports: SaverImports): ModuleDraft {
  const needed: NamedImports[] = [{ from: imports.seam, values: makersOf(groups), types: ["SaverForm", "SaverGroup"] }];
  const copies = regionsOf(groups).map((region) => region.name);
  if (copies.length > 0) needed.push({ from: imports.copies, values: copies, types: [] });
  const constants = groups.flatMap((group): ExportedConstant[] => [
    ...group.forms.map((form) => ({
      name: form.name,
      type: "SaverForm",
      initializer: formText(form, render),
      doc: formDoc(group, form),
    })),
    { name: group.name, type: "SaverGroup", initializer: groupText(group), doc: groupDoc(group) },
  ]);
  return { imports: needed, constants };
}

/** What makes a saver: one that needs a sink, or any other. */
export function formMaker({ segments }: FormSpec): "sinkForm" | "saverForm" {
  return segments.some(({ kind }) => kind === "sink") ? "sinkForm" : "saverForm";
}

/** The seam's name for XSAVEC and XSAVES together. */
const BOTH = "COMPACTED_SAVES";

function usesBoth(families: GroupSpec["families"]): boolean {
  return families.join() === "XSAVEC,XSAVES";
}

/** The seam's functions that a module of these groups calls, in order of their names. */
export function makersOf(groups: readonly GroupSpec[]): string[] {
  const forms = groups.flatMap((group) => group.forms);
  const both = groups.some(({ families }) => usesBoth(families)) ? [BOTH] : [];
  return [...new Set([...both, ...calledOf(forms), "saverGroup", ...forms.map(formMaker)])].toSorted();
}

/** The module with one text of the copies of all given regions. */
export function copiesModule(regions: readonly RegionSpec[], text: number, render: BodyRenderer, seam: string): ModuleDraft {
  return {
    imports: [{ from: seam, values: copiesImports(regions), types: ["RegionCopy"] }],
    constants: regions.map((region) => ({
      name: region.name,
      type: "RegionCopy",
      initializer: copyText(region, text, render),
      doc: copyDoc(region),
    })),
  };
}

/** What the module of these copies imports from the seam, types apart. */
export function copiesImports(regions: readonly RegionSpec[]): string[] {
  return regions.some(({ x87Pointers }) => x87Pointers !== "saved") ? ["regionCopy", "storeX87Control"] : ["regionCopy"];
}

/** Name of one of a region's functions: each text is another, so that V8 shares nothing between them. */
export function copyTextName(region: { readonly name: string }, text: number): string {
  return `${region.name}_${text}`;
}

function copyDoc({ at, length, x87Pointers }: RegionSpec): string {
  const control = x87Pointers === "saved" ? "" : `; FOP, FIP and FDP ${x87Pointers}`;
  return `${length} bytes at ${at}, the same place in a processor's block and in the area${control}.`;
}

/** What a region's copy is made from, beside its texts. */
export function copyData({ at, length, x87Pointers }: RegionSpec): string[] {
  const data = [`at: ${at}`, `length: ${length}`];
  return x87Pointers === "saved" ? data : [...data, `x87Pointers: "${x87Pointers}"`, "storeControl: storeX87Control"];
}

function copyText(region: RegionSpec, text: number, render: BodyRenderer): string {
  const bound = [
    "const s = registers.b64;",
    "const B = registers.blockSize;",
    "const P = registers.blockMask;",
    "const d = areas.b64;",
    "const M = areas.offsetMask;",
  ];
  if (region.x87Pointers !== "saved") bound.push("const R = registers.i32;", "const Q = areas.i32;");
  return regionText("regionCopy", region.name, copyData(region), bound, render.copy(region), [text]);
}

/** A region: its data, and the same function under the names of some texts. */
export function regionText(
  maker: string,
  name: string,
  data: readonly string[],
  bound: readonly string[],
  body: string,
  texts: readonly number[],
): string {
  const lines = body.trimEnd().split("\n");
  const fromArea = /\boffset\b/.test(body);
  const text = (number: number): string[] => [
    `    (registers${fromArea ? ", areas" : ""}) => {`,
    ...bound.map((line) => `      ${line}`),
    `      return function ${copyTextName({ name }, number)}(processor${fromArea ? ", offset" : ""}) {`,
    ...lines.map((line) => `        ${line}`),
    "      };",
    "    },",
  ];
  return [
    `/* @__PURE__ */ ${maker}({`,
    ...data.map((member) => `  ${member},`),
    "  texts: [",
    ...texts.flatMap(text),
    "  ],",
    "})",
  ].join("\n");
}

function names(mask: bigint): string {
  return bitsOf(mask).map(componentName).join(", ") || "nothing";
}

function instructionNames(group: GroupSpec): string {
  return group.families.map((family) => `${family}64`).join(", ");
}

function groupDoc(group: GroupSpec): string {
  return `${instructionNames(group)}, RFBM ${group.plan.rfbm.toString(16)}H (${names(group.plan.rfbm)}): ${group.plan.size} bytes, ${group.plan.format} format.`;
}

function formDoc(group: GroupSpec, form: FormSpec): string {
  const used =
    form.inUse === "any" ? "exact for any XINUSE" : `in use: ${names(form.inUse)}; all else of RFBM in its initial configuration`;
  return `${instructionNames(group)}, RFBM ${group.plan.rfbm.toString(16)}H; ${used}.`;
}

/** A mask as a literal of `MaskPair`. */
export function pairText(mask: bigint): string {
  const [low, high] = maskPair(mask);
  return `[0x${low.toString(16)}, ${high === 0 ? "0" : `0x${high.toString(16)}`}]`;
}

function groupText({ families, plan, forms }: GroupSpec): string {
  const rule = pointerRule(plan);
  const segments = forms.at(-1)?.segments.filter(({ area }) => area >= EXTENDED_REGION_OFFSET) ?? [];
  return [
    "/* @__PURE__ */ saverGroup(",
    `  ${SEAM_REVISION},`,
    `  ${usesBoth(families) ? BOTH : `["${families.join('", "')}"]`},`,
    `  ${pairText(plan.rfbm)},`,
    `  ${plan.size},`,
    `  [${segments.map((each) => `[${each.components[0] ?? 0}, ${each.registers}, ${each.area}, ${each.length}]`).join(", ")}],`,
    `  [${forms.map((form) => form.name).join(", ")}],`,
    ...(rule === undefined ? [] : [`  "${rule}",`]),
    ")",
  ].join("\n");
}

function formText(form: FormSpec, render: BodyRenderer): string {
  const context = bodyContext(form);
  const body = render.save(form).trimEnd();
  const maker = formMaker(form);
  const lines = [`/* @__PURE__ */ ${maker}(`];
  if (maker === "saverForm") lines.push(`  ${form.inUse === "any" ? '"any"' : pairText(form.inUse)},`);
  lines.push("  (registers, areas) => {");
  const uses = (pattern: RegExp): boolean => pattern.test(body);
  if (uses(/\bR\[/)) lines.push("    const R = registers.i32;");
  if (uses(/\bs[[,]/)) lines.push("    const s = registers.b64;");
  if (uses(/\bP\b/)) lines.push("    const P = registers.blockMask;");
  lines.push("    const Q = areas.i32;");
  lines.push("    const M = areas.offsetMask;");
  if (uses(/\bd[[,]/)) lines.push("    const d = areas.b64;");
  if (uses(/\bU\.set/)) lines.push("    const U = areas.u8;");
  if (uses(/\bsink\b/)) lines.push("    const sink = areas.sink;");
  if (uses(/\binitial\b/)) lines.push("    const initial = registers.initial;");
  if (uses(/\binitialBase\b/)) lines.push("    const initialBase = registers.initialBase;");
  for (const view of context.views) {
    lines.push(
      `    const ${view.name} = registers.${view.lbr ? `lbrViews(${view.offset})` : `views(${view.offset}, ${view.length})`};`,
    );
  }
  for (const { name, region } of context.copies) lines.push(`    const ${name} = registers.copy(${region.name}, areas);`);
  lines.push(`    return function ${form.name}(processor, offset) {`);
  for (const line of body.split("\n")) lines.push(line === "" ? "" : `      ${line}`);
  lines.push("    };", "  },", ")");
  return lines.join("\n");
}
