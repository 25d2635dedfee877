/** `cpu-models/*.yaml` -> CpuModel. Collects everything that is wrong and never throws. */

import type { ComponentRow } from "../layout/component-row.ts";
import { COMPONENT_NAMES, componentKey, keyIndex } from "./component-key.ts";
import type { CpuModel } from "./cpu-model.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { hasErrors, quoteText } from "./diagnostic.ts";
import { restrictModel } from "./restrict-model.ts";
import { lintModel } from "./lint-model.ts";
import { instructionSupport, maskList, signatureOf } from "./model-parts.ts";
import type { ModelFields, SharedFields, ViewFields } from "./model-schema.ts";
import { ID_FORM, modelSchema, viewSchema } from "./model-schema.ts";
import { suggestion } from "./nearest-name.ts";
import { checkAgainst } from "./schema-findings.ts";
import { YamlSource } from "./yaml-source.ts";

/** A model, or why there is none. Warnings come with a model. */
export interface ReadModelResult {
  readonly model?: CpuModel;
  readonly diagnostics: readonly Diagnostic[];
}

/** Gives the YAML text of the model with an id, or undefined if there is none. */
export type LoadBase = (id: string) => string | undefined;

/** Views of views of views: nobody needs more, and a loop shall end. */
const MAX_CHAIN = 4;

/**
 * Reads and lints a model. `file` names the text in diagnostics; where it ends in `.yaml` its
 * base name must be the id. `loadBase` serves `extends`.
 */
export function readModel(text: string, file: string, loadBase?: LoadBase): ReadModelResult {
  return readChained(text, file, loadBase, []);
}

function readChained(text: string, file: string, loadBase: LoadBase | undefined, chain: readonly string[]): ReadModelResult {
  const yaml = new YamlSource(text, file);
  const model = yaml.value === undefined ? undefined : typedModel(yaml, loadBase, chain);
  const misread = yaml.diagnostics.some(({ rule }) => rule === "number-form" || rule === "index-not-name");
  // Rules over figures that were read wrong would only repeat that in other words.
  if (model && !misread) for (const finding of lintModel(model)) yaml.report(finding);
  const diagnostics = yaml.diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return model && !hasErrors(diagnostics) ? { model, diagnostics } : { diagnostics };
}

function typedModel(yaml: YamlSource, loadBase: LoadBase | undefined, chain: readonly string[]): CpuModel | undefined {
  const { value } = yaml;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yaml.report({
      rule: "wrong-type",
      severity: "error",
      path: [],
      message: "the file is not a list of keys and values",
      remedy: "begin with id: and name:",
    });
    return undefined;
  }
  if (Object.hasOwn(value, "extends")) {
    const { output, findings } = checkAgainst(viewSchema, value);
    for (const finding of findings) yaml.report(finding);
    if (!output) return undefined;
    checkId(yaml, output);
    const base = loadExtended(yaml, output, loadBase, chain);
    return base && restrictModel(yaml, output, base);
  }
  const { output, findings } = checkAgainst(modelSchema, value);
  for (const finding of findings) yaml.report(finding);
  if (!output) return undefined;
  checkId(yaml, output);
  checkForm(yaml, output);
  return modelOf(output, componentRows(yaml, output));
}

function checkId(yaml: YamlSource, { id }: SharedFields): void {
  const name = /([^/\\]*)\.ya?ml$/.exec(yaml.file)?.[1];
  if (name === undefined || name === id) return;
  const remedy = ID_FORM.test(name) ? `use id: ${name}, or rename the file to ${id}.yaml` : `rename the file to ${id}.yaml`;
  yaml.report({
    rule: "id-not-file-name",
    severity: "error",
    path: ["id"],
    message: `id ${quoteText(id)} in a file named ${quoteText(name)}`,
    remedy,
  });
}

/** `10` as a mask and `0x10` as a size are the two slips that still look right: each has one base. */
function checkForm(yaml: YamlSource, { components, masks }: ModelFields): void {
  const check = (path: readonly string[], hex: boolean): void => {
    const written = yaml.writtenAs(path);
    if (written === undefined || written.startsWith("0x") === hex) return;
    const value = BigInt(written);
    const remedy = `write ${hex ? `0x${value.toString(16)}` : value}`;
    yaml.report({
      rule: "number-base",
      severity: "error",
      path,
      message: `${path.at(-1)} is written ${quoteText(written)}; masks are hexadecimal, sizes and offsets decimal`,
      remedy,
    });
  };
  check(["xcr0Supported"], true);
  check(["xssSupported"], true);
  check(["sizeMax"], false);
  for (const name of Object.keys(masks ?? {})) check(["masks", name], true);
  for (const key of Object.keys(components))
    for (const field of ["index", "size", "offset"]) check(["components", key, field], false);
}

function componentRows(yaml: YamlSource, { components }: ModelFields): ComponentRow[] {
  const rows = new Map<number, ComponentRow>();
  for (const [key, row] of Object.entries(components)) {
    const named = keyIndex(key);
    if (named !== row.index) {
      const remedy =
        named === undefined ? suggestion(key, COMPONENT_NAMES) : `use index: ${named}, or the key ${componentKey(row.index)}`;
      yaml.report({
        rule: "index-not-name",
        severity: "error",
        path: ["components", key, "index"],
        message: `${key} is not component ${row.index}`,
        remedy,
      });
    }
    rows.set(row.index, {
      index: row.index,
      size: row.size,
      standardOffset: row.offset,
      supervisor: row.supervisor ?? false,
      align64: row.align64 ?? false,
      xfd: row.xfd ?? false,
    });
  }
  return [...rows.values()].toSorted((a, b) => a.index - b.index);
}

function modelOf(fields: ModelFields, components: readonly ComponentRow[]): CpuModel {
  const { id, name, vendor, kind, xcr0Supported, xssSupported, sizeMax, quirks, sources, notes } = fields;
  return {
    id,
    name,
    vendor,
    kind,
    signatures: fields.signatures.map(signatureOf),
    xcr0Supported,
    xssSupported,
    instructions: instructionSupport(fields.instructions),
    sizeMax,
    components,
    quirks,
    masks: maskList(fields.masks),
    sources,
    ...(notes === undefined ? {} : { notes }),
  };
}

function loadExtended(
  yaml: YamlSource,
  view: ViewFields,
  loadBase: LoadBase | undefined,
  chain: readonly string[],
): CpuModel | undefined {
  const refuse = (message: string, remedy: string): undefined => {
    yaml.report({ rule: "extends-unreadable", severity: "error", path: ["extends"], message, remedy });
  };
  const ids = [...chain, view.id];
  if (ids.includes(view.extends))
    return refuse(`models extend each other: ${[...ids, view.extends].join(" -> ")}`, "let one of them stand alone");
  if (ids.length > MAX_CHAIN)
    return refuse(
      `more than ${MAX_CHAIN} models extend one another: ${ids.join(" -> ")}`,
      "extend a model that is nearer to the silicon",
    );
  const text = loadBase?.(view.extends);
  if (text === undefined) return refuse(`there is no model ${quoteText(view.extends)}`, "name the id of another model");
  const { model, diagnostics } = readChained(text, `${view.extends}.yaml`, loadBase, ids);
  if (model) return model;
  yaml.diagnostics.push(...diagnostics.filter((diagnostic) => diagnostic.severity === "error"));
  return refuse(`model ${quoteText(view.extends)} has errors`, "correct that model first");
}
