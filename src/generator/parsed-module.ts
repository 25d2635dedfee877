/**
 * The syntax tree of a generated module. Its functions consist of a few thousand different statements, which come fifty
 * thousand times: each is parsed once in a generation, and the module with the functions' bodies left blank.
 *
 * That is the tree of the whole text because lines are only taken apart where it makes no difference: a body is a block
 * that is empty in the blank module, and every piece of it parses to whole statements that end with `;` or `}`, between
 * which nothing (no comment, no `else`) can reach from one piece to the next.
 */

import type { ts } from "ts-morph";
import { compiler } from "./ts-morph.ts";

/** Generated code is not what the plan says; names file, line, column and token. */
export class ProofError extends Error {
  override readonly name = "ProofError";
}

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
  /** Its text with single spaces; the body of a function that it returns is left out. */
  readonly text: string;
}

/** A statement at one place. */
export interface PlacedStatement {
  readonly statement: BodyStatement;
  /** Offset in the module's text. */
  readonly position: number;
  /** Where the body of the function that it returns is. */
  readonly body: Range | undefined;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Lines of a body that belong together, as they are parsed. */
interface Piece {
  /** Offset in the module's text. */
  readonly start: number;
  readonly text: string;
  readonly body: Range | undefined;
}

interface Body {
  /** Offset of the closing brace. */
  readonly end: number;
  readonly pieces: readonly Piece[];
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

/** A line that opens the body of a function that binds. */
const BINDS = /^( *)(?:bind\(|\()[^\n]*\{\n/gm;
/** Lines of the function that it returns, its body between the two. */
const RETURNS = /^( *return function [^\n]*\{)\n[^]*(\n *\};)$/;

/** A module's tree. */
export class ParsedModule {
  readonly path: string;
  readonly text: string;
  /** The module, functions that bind left blank; positions are those of the module. */
  readonly file: ts.SourceFile;
  readonly #known: KnownStatements;
  /** By the offset behind the opening brace. */
  readonly #bodies = new Map<number, Body>();
  #unused: number;

  /** Throws ProofError if the text does not parse. */
  constructor(path: string, text: string, known: KnownStatements) {
    this.path = path;
    this.text = text;
    this.#known = known;
    let blank = "";
    let done = 0;
    for (const match of text.matchAll(BINDS)) {
      const start = match.index + match[0].length - 1;
      const close = start < done ? -1 : text.indexOf(`\n${match[1]}}`, start);
      if (close < 0) continue;
      const end = close + 1 + (match[1]?.length ?? 0);
      blank += text.slice(done, start) + " ".repeat(end - start);
      done = end;
      this.#addBody({ start, end });
    }
    this.file = compiler.createSourceFile(path, blank + text.slice(done), PARSING);
    const error = firstError(this.file);
    if (error) throw this.fail(error.position, `does not parse: ${error.message}`);
    const pieces = [...this.#bodies.values()].flatMap((body) => body.pieces);
    const refused = known.add(pieces.map((piece) => piece.text));
    if (refused) throw this.fail(pieces.find((piece) => piece.text === refused.broken)?.start ?? 0, refused.message);
    this.#unused = this.#bodies.size;
  }

  /** The statements of a function that binds. Throws ProofError if its body is not laid out line by line. */
  statementsOf(block: ts.Block): readonly PlacedStatement[] {
    return this.statementsIn({
      start: block.getStart(this.file) + 1,
      end: block.statements.length === 0 ? block.end - 1 : -1,
    });
  }

  /** The statements of a function that is returned, where its own `body` has none: they are at this place. */
  statementsIn({ start, end }: Range): readonly PlacedStatement[] {
    const body = this.#bodies.get(start);
    if (body?.end !== end) throw this.fail(start, "a function whose body is not laid out line by line");
    this.#unused--;
    return body.pieces.flatMap((piece) =>
      (this.#known.get(piece.text) ?? []).map(({ statement, offset }) => ({
        statement,
        position: piece.start + offset,
        body: piece.body,
      })),
    );
  }

  /** Throws ProofError unless the statements of every body were asked for. */
  end(): void {
    if (this.#unused !== 0) throw new ProofError(`${this.path}: ${this.#unused} functions that nobody planned`);
  }

  /** An error with its place. */
  fail(position: number, message: string): ProofError {
    const lines = this.text.slice(0, position).split("\n");
    return new ProofError(`${this.path}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}: ${message}`);
  }

  /** Takes a body apart: a line that is indented as its first one begins a piece, unless it goes on with one. */
  #addBody({ start, end }: Range): void {
    const pieces: Piece[] = [];
    let indent = "";
    let from = -1;
    let to = -1;
    const push = (): void => {
      if (from < 0) return;
      const text = this.text.slice(from, to);
      const [, first, last] = RETURNS.exec(text) ?? [];
      const body = first && last ? { start: from + first.length, end: to - 2 } : undefined;
      pieces.push({ start: from, text: body ? `${first}${last}` : text, body });
      if (body) this.#addBody(body);
    };
    for (let line = start + 1; line < end;) {
      const next = this.text.indexOf("\n", line);
      const code = this.text.slice(line, next < 0 || next > end ? end : next);
      if (/\S/.test(code)) {
        if (from < 0) indent = /^ */.exec(code)?.[0] ?? "";
        if (from < 0 || (!code.startsWith(`${indent} `) && !/^ *(?:\}|else\b)/.test(code))) {
          push();
          from = line;
        }
        to = line + code.length;
      }
      line += code.length + 1;
    }
    push();
    this.#bodies.set(start, { end, pieces });
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
