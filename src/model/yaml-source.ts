/**
 * YAML text -> plain values, with everything refused that a model file has no business to contain,
 * and every value still findable by line and column.
 */

import { LineCounter, Schema, isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Document, Node, Pair, Scalar } from "yaml";
import type { Diagnostic } from "./diagnostic.ts";
import { quoteText } from "./diagnostic.ts";

/** Steps from the root: keys and list positions. */
export type YamlPath = readonly (string | number)[];

/** Where something stands: 1-based line and column, and the line's text. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly source: string;
}

/** A problem before it is located. */
export interface Finding {
  readonly rule: string;
  readonly severity: "error" | "warning";
  /** What it is about; where the file lacks it, the nearest part above is pointed at. */
  readonly path: YamlPath;
  /** Point at the key rather than at its value. */
  readonly atKey?: boolean;
  readonly message: string;
  readonly remedy: string;
}

/** Longest text that is read at all, in UTF-16 units. Real models have 2 KiB. */
export const MAX_YAML_LENGTH: number = 256 * 1024;
const MAX_DEPTH = 32;
/** A hostile file shall not bury the first problem under thousands of the same kind. */
const MAX_SAME_RULE = 20;
const INTEGER_FORM = /^(?:0x[0-9a-fA-F]+|0|[1-9][0-9]*)$/;
const KEY_FORM = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** As printable text, but with line ends and tabs, which the text as a whole needs. A leading byte order mark is fine. */
const BAD_CHARACTER = /(?![\t\n\r])[\p{C}\p{Zl}\p{Zp}]/gu;

/** One for all files: making it is a tenth of the time that a file takes. */
const SCHEMA = new Schema({ schema: "core", merge: false });

/** A YAML file that was read. `value` is undefined if the text is not fit to be looked at further. */
export class YamlSource {
  readonly file: string;
  readonly diagnostics: Diagnostic[] = [];
  value: unknown;
  readonly #text: string;
  readonly #lines = new LineCounter();
  #document: Document.Parsed | undefined;
  readonly #perRule = new Map<string, number>();

  constructor(text: string, file: string) {
    this.file = file;
    this.#text = text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
    if (this.#checkText()) this.#parse();
  }

  /** Adds a finding, located. */
  report(finding: Finding): void {
    const place = this.locate(finding.path, finding.atKey);
    // A number in a form that is not read fails whatever else looks at it, too.
    const known = (seen: Diagnostic): boolean =>
      seen.rule === "number-form" && seen.line === place.line && seen.column === place.column;
    if (this.diagnostics.some(known)) return;
    this.#add({
      ...place,
      file: this.file,
      rule: finding.rule,
      severity: finding.severity,
      message: finding.message,
      remedy: finding.remedy,
    });
  }

  /** Where a path's value (or its key) stands; its nearest existing ancestor if the file lacks it. */
  locate(path: YamlPath, atKey = false): Place {
    let node: unknown = this.#document?.contents;
    let offset = startOf(node) ?? 0;
    for (const [depth, step] of path.entries()) {
      const last = depth === path.length - 1;
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find((item) => isScalar(item.key) && item.key.value === step);
        if (!pair) break;
        const value = startOf(pair.value);
        const key = startOf(pair.key) ?? offset;
        // An ancestor that is a block map starts on a line of its own: its key is what the author looks for.
        const inner = isMap(pair.value) && pair.value.flow !== true;
        offset = (last ? atKey || value === undefined : inner) ? key : (value ?? key);
        node = pair.value;
      } else if (isSeq(node) && typeof step === "number") {
        node = node.items[step];
        offset = startOf(node) ?? offset;
      } else break;
    }
    return this.#placeOf(offset);
  }

  /** The number's or word's text as written, if the path leads to a scalar. */
  writtenAs(path: YamlPath): string | undefined {
    const node = this.#document?.getIn(path, true);
    return isScalar(node) ? node.source : undefined;
  }

  #add(diagnostic: Diagnostic): void {
    const seen = this.#perRule.get(diagnostic.rule) ?? 0;
    this.#perRule.set(diagnostic.rule, seen + 1);
    if (seen < MAX_SAME_RULE) this.diagnostics.push(diagnostic);
  }

  #placeOf(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    if (line === 0) return { line: 1, column: 1, source: this.#text.slice(0, 200) };
    const start = this.#lines.lineStarts[line - 1] ?? 0;
    const end = this.#text.indexOf("\n", start);
    const source = this.#text.slice(start, end < 0 ? undefined : end).replace(/\r$/, "");
    return { line, column: col, source };
  }

  #refuse(offset: number, rule: string, message: string, remedy: string): void {
    this.#add({ ...this.#placeOf(offset), file: this.file, rule, severity: "error", message, remedy });
  }

  /** What can be told before parsing: length, characters, depth of nesting (the parser's own limit is the stack). */
  #checkText(): boolean {
    if (this.#text.length > MAX_YAML_LENGTH) {
      const message = `${this.#text.length} characters; at most ${MAX_YAML_LENGTH} are read`;
      const remedy = "a model has some 40 lines: check that this is the right file";
      this.#add({ file: this.file, line: 0, column: 0, rule: "yaml-too-long", severity: "error", message, remedy });
      return false;
    }
    this.#lines.addNewLine(0);
    for (let at = this.#text.indexOf("\n"); at >= 0; at = this.#text.indexOf("\n", at + 1)) this.#lines.addNewLine(at + 1);
    for (const match of this.#text.matchAll(BAD_CHARACTER)) {
      this.#refuse(
        match.index,
        "bad-character",
        `unprintable character ${quoteText(match[0])}`,
        "remove it; only printable text and line ends are read",
      );
    }
    let depth = 0;
    for (let at = 0; at < this.#text.length; at++) {
      const character = this.#text[at];
      if (character === "[" || character === "{") depth++;
      else if ((character === "]" || character === "}") && depth > 0) depth--;
      if (depth > MAX_DEPTH) {
        this.#refuse(at, "yaml-too-deep", `more than ${MAX_DEPTH} brackets are open`, "close brackets; a model needs two levels");
        break;
      }
    }
    return this.diagnostics.length === 0;
  }

  #parse(): void {
    const document = parseDocument(this.#text, {
      version: "1.2",
      schema: SCHEMA,
      strict: true,
      uniqueKeys: true,
      intAsBigInt: true,
      prettyErrors: false,
    });
    for (const problem of [...document.errors, ...document.warnings]) {
      const [rule, remedy] =
        problem.code === "DUPLICATE_KEY"
          ? ["duplicate-key", "keep one of the two"]
          : problem.code === "TAG_RESOLVE_FAILED"
            ? ["yaml-tag", "remove the tag; values are plain numbers, words and lists"]
            : ["yaml-syntax", "correct the YAML here; list values with [a, b], rows with { key: value }"];
      this.#refuse(problem.pos[0], rule, problem.message, remedy);
    }
    this.#document = document;
    if (document.directives.yaml.explicit === true || /^%/m.test(this.#text)) {
      this.#refuse(
        0,
        "yaml-directive",
        "directives (%YAML, %TAG) change what the text means",
        "remove the line that begins with %",
      );
    }
    const value = this.#valueOf(document.contents);
    if (this.diagnostics.every((diagnostic) => diagnostic.rule === "number-form")) this.value = value;
  }

  /** A node as a plain value, every node in it checked on the way. */
  #valueOf(node: unknown): unknown {
    if (node === null || node === undefined) return null;
    if (isAlias(node)) {
      const shown = quoteText(`*${node.source}`);
      this.#refuse(startOf(node) ?? 0, "yaml-alias", `alias ${shown}`, "write the value out; aliases are not read");
      return null;
    }
    this.#checkNode(node as Node & { anchor?: string });
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item) => this.#valueOf(item));
    const value: Record<string, unknown> = {};
    for (const pair of (node as { items: readonly Pair[] }).items) {
      const key = this.#keyOf(pair);
      const inner = this.#valueOf(pair.value);
      if (key !== undefined) value[key] = inner;
    }
    return value;
  }

  /** A pair's key; reported and undefined where it is not a plain word, `__proto__` and its like included. */
  #keyOf(pair: Pair): string | undefined {
    if (pair.key !== null && !isAlias(pair.key)) this.#checkNode(pair.key as Node & { anchor?: string });
    const key = isScalar(pair.key) ? pair.key.value : undefined;
    if (typeof key === "string" && KEY_FORM.test(key) && !(key in {})) return key;
    const shown = isScalar(pair.key) ? quoteText(String(pair.key.value)) : "that is not a word";
    const remedy =
      key === "<<"
        ? "merge keys are not read: write the values out, or use extends"
        : "keys are words of letters, digits, - and _";
    this.#refuse(startOf(pair.key) ?? startOf(pair.value) ?? 0, "bad-key", `key ${shown}`, remedy);
    return undefined;
  }

  #checkNode(node: Node & { anchor?: string }): void {
    const at = startOf(node) ?? 0;
    if (node.anchor !== undefined)
      this.#refuse(at, "yaml-anchor", `anchor ${quoteText(`&${node.anchor}`)}`, "remove it; aliases are not read");
    if (node.tag !== undefined && !this.diagnostics.some((seen) => seen.rule === "yaml-tag")) {
      this.#refuse(at, "yaml-tag", `tag ${quoteText(node.tag)}`, "remove the tag; values are plain numbers, words and lists");
    }
    if (!isScalar(node)) return;
    const { value, source } = node as Scalar;
    if (typeof value !== "number" && typeof value !== "bigint") return;
    if (typeof value === "bigint" && INTEGER_FORM.test(source ?? "") && (source ?? "").length <= 40) return;
    const shown = quoteText(source ?? String(value));
    this.#refuse(
      at,
      "number-form",
      `number ${shown} is not written as a plain integer`,
      "write 576 or 0x2e7: no sign, fraction, leading zero or underscore",
    );
  }
}

function startOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null | undefined)?.range?.[0];
}
