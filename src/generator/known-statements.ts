/**
 * The statements of generated functions as syntax trees. There are a few thousand different ones, which come fifty
 * thousand times: each is parsed once in a generation. That gives the trees of the functions because lines are only taken
 * apart where it makes no difference: every piece parses to whole statements that end with `;` or `}`, between which
 * nothing (no comment, no `else`) can reach from one piece to the next.
 */

import type { ts } from "ts-morph";
import { compiler } from "./ts-morph.ts";

/** Comments are no part of the proof: looking for JSDoc in them would be a tenth of it. */
const PARSING = {
  languageVersion: compiler.ScriptTarget.ES2023,
  jsDocParsingMode: compiler.JSDocParsingMode.ParseNone,
};

/** A statement that occurs in bodies. There is one of each text, so that what is found out about it can be kept by it. */
export interface BodyStatement {
  readonly node: ts.Statement;
  /** What its positions refer to. */
  readonly file: ts.SourceFile;
  /** Its text with single spaces. */
  readonly text: string;
}

type Parsed = readonly { readonly statement: BodyStatement; readonly offset: number }[];

/** The statements that were parsed before. */
export class KnownStatements {
  readonly #parsed = new Map<string, Parsed>();

  get(text: string): Parsed | undefined {
    return this.#parsed.get(text);
  }

  /** Parses those that are new, all at once. Gives the first that is no sequence of statements by itself. */
  add(texts: Iterable<string>): { readonly broken: string; readonly message: string } | undefined {
    const fresh = [...new Set(texts)].filter((text) => !this.#parsed.has(text));
    if (this.#parse(fresh) === undefined) return undefined;
    for (const text of fresh) {
      const message = this.#parse([text]);
      if (message !== undefined) return { broken: text, message };
    }
    return undefined;
  }

  /** Undefined if every text is whole statements, else why not. */
  #parse(texts: readonly string[]): string | undefined {
    const file = compiler.createSourceFile("body.ts", `\n${texts.join("\n")}`, PARSING);
    const error = firstError(file);
    if (error) return `does not parse: ${error.message}`;
    const found: [string, Parsed][] = [];
    let next = 0;
    let start = 1;
    for (const text of texts) {
      if (text.includes("/*")) return "a comment that may be longer than its line";
      const end = start + text.length;
      const parsed = [];
      for (;;) {
        const node = file.statements[next];
        const at = node?.getStart(file) ?? end;
        if (!node || at >= end) break;
        if (node.end > end || !/[;}]/.test(file.text[node.end - 1] ?? ""))
          return "a statement that does not end where its lines do";
        parsed.push({ statement: { node, file, text: singleSpaced(file.text.slice(at, node.end)) }, offset: at - start });
        next++;
      }
      found.push([text, parsed]);
      start = end + 1;
    }
    for (const [text, parsed] of found) this.#parsed.set(text, parsed);
    return undefined;
  }
}

/** Text with single spaces between tokens. */
export function singleSpaced(text: string): string {
  return text.replace(/\s+/g, " ");
}

function firstError(file: ts.SourceFile): { readonly message: string; readonly position: number } | undefined {
  const [error] = (file as unknown as { parseDiagnostics: { messageText: unknown; start: number }[] }).parseDiagnostics;
  return error && { message: String(error.messageText), position: error.start };
}
