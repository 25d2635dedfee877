/** What valibot found wrong, as findings with this project's rule ids. */

import { safeParse } from "valibot";
import type { BaseIssue, GenericSchema } from "valibot";
import { COMPONENT_NAMES } from "./component-key.ts";
import { escapeText, quoteText } from "./diagnostic.ts";
import { NAMED_FIGURES } from "./figure-sources.ts";
import { suggestion } from "./nearest-name.ts";
import type { Finding } from "./yaml-source.ts";

const CHECKS: Readonly<Record<string, string>> = {
  min_value: "out-of-range",
  max_value: "out-of-range",
  max_length: "too-long",
  min_length: "too-few",
  regex: "bad-text",
  picklist: "unknown-value",
};

/** Checks a value against a schema: its output, or what is wrong with it. */
export function checkAgainst<Output>(
  schema: GenericSchema<unknown, Output>,
  value: unknown,
): { readonly output?: Output; readonly findings: readonly Finding[] } {
  const result = safeParse(schema, value);
  if (result.success) return { output: result.output, findings: [] };
  return { findings: result.issues.flatMap(unionIssues).map((issue) => schemaFinding(issue, schema)) };
}

/** Of a value that no form fits what is wrong in the form that was meant: the one whose outline fits. */
function unionIssues(issue: BaseIssue<unknown>): readonly BaseIssue<unknown>[] {
  const inside = issue.type === "union" ? (issue.issues ?? []).filter(({ path }) => path !== undefined) : [];
  return inside.length === 0
    ? [issue]
    : inside.map((each) => ({ ...each, path: [...(issue.path ?? []), ...(each.path ?? [])] as typeof each.path }));
}

function schemaFinding(issue: BaseIssue<unknown>, schema: unknown): Finding {
  const items = issue.path ?? [];
  const path = items.map((item) => item.key as string | number);
  const last = items.at(-1);
  const key = String(last?.key ?? "");
  const parent = path.slice(0, -1);
  if (issue.type === "never") {
    return {
      rule: "unknown-key",
      severity: "error",
      path,
      atKey: true,
      message: `${quoteText(key)} is no key of ${placeName(parent)}`,
      remedy: escapeText(suggestion(key, allowedKeys(schema, parent))),
    };
  }
  if (issue.type === "object_with_rest" && last !== undefined && "origin" in last && last.origin === "key") {
    return {
      rule: "missing-key",
      severity: "error",
      path: parent,
      atKey: true,
      message: `${placeName(parent)} has no ${quoteText(key)}`,
      remedy: `add ${key}`,
    };
  }
  if (last !== undefined && "origin" in last && last.origin === "key") {
    const remedy = parent[0] === "components" ? suggestion(key, COMPONENT_NAMES) : `expected: ${issue.message}`;
    return {
      rule: "unknown-key",
      severity: "error",
      path,
      atKey: true,
      message: `${quoteText(key)} is no key of ${placeName(parent)}`,
      remedy,
    };
  }
  if (path.at(-2) === "figures" && typeof issue.input === "string") {
    const message = `${placeName(path)} is ${shown(issue.input)}, which is no figure`;
    return {
      rule: "unknown-figure",
      severity: "error",
      path,
      message,
      remedy: escapeText(suggestion(issue.input, NAMED_FIGURES)),
    };
  }
  return {
    rule: CHECKS[issue.type] ?? "wrong-type",
    severity: "error",
    path,
    message: `${placeName(path)} is ${shown(issue.input)}`,
    remedy: `expected: ${issue.message}`,
  };
}

/** Keys that a schema allows in the row at `path`. */
function allowedKeys(schema: unknown, path: readonly (string | number)[]): readonly string[] {
  let at = schema as SchemaPart | undefined;
  const unwrapped = (part: SchemaPart | undefined): SchemaPart | undefined => part?.wrapped ?? part;
  for (const step of path) {
    at = unwrapped(at);
    at = at?.entries?.[step] ?? at?.value ?? at?.item;
  }
  return Object.keys(unwrapped(at)?.entries ?? {});
}

/** The parts of valibot's schemas that lead further in: optional, object, record, array. */
interface SchemaPart {
  readonly wrapped?: SchemaPart;
  readonly entries?: Readonly<Record<string, SchemaPart>>;
  readonly value?: SchemaPart;
  readonly item?: SchemaPart;
}

function placeName(path: readonly (string | number)[]): string {
  return path.length === 0
    ? "the file"
    : path
        .map((step) => (typeof step === "number" ? `[${step}]` : step))
        .join(".")
        .replaceAll(".[", "[");
}

function shown(value: unknown): string {
  if (typeof value === "string") return quoteText(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a row of keys and values";
  return quoteText(String(value));
}
