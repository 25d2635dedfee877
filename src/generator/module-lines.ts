/**
 * A generated module as the proof reads it: line by line, where all but the functions' bodies is text that the plan
 * determines, to the letter. The bodies are statements of `known-statements.ts`.
 */

import type { BodyStatement, KnownStatements } from "./known-statements.ts";

/** Generated code is not what the plan says; names file, line, column and token. */
export class ProofError extends Error {
  override readonly name = "ProofError";
}

/** A statement at one place: its offset in the module's text. */
export interface PlacedStatement {
  readonly statement: BodyStatement;
  readonly position: number;
}

/** Lines of a body that belong together, as they are parsed. */
interface Piece {
  /** Offset in the module's text. */
  readonly start: number;
  readonly text: string;
}

interface Body {
  /** Offset behind its last line. */
  readonly end: number;
  readonly pieces: readonly Piece[];
}

/** The first line of a function that is returned. Its body ends before the brace that is indented alike. */
const FUNCTION = /^( *)return function [^\n]*\{\n/gm;
const COMMENT = /\n\/\*\*\n \* (?:(?!\*\/)[^\n])+\n \*\/\n/y;

/** Reads a module from its first line to its last. */
export class ModuleLines {
  readonly #path: string;
  readonly #text: string;
  readonly #known: KnownStatements;
  /** By the offset of the first line. */
  readonly #bodies = new Map<number, Body>();
  #at = 0;

  /** Throws ProofError if a function's body does not parse. `known`: the statements of modules that were proved before. */
  constructor(path: string, text: string, known: KnownStatements) {
    this.#path = path;
    this.#text = text;
    this.#known = known;
    for (const match of text.matchAll(FUNCTION)) {
      const start = match.index + match[0].length;
      const end = text.indexOf(`\n${match[1]}}`, start - 1);
      if (end >= 0) this.#bodies.set(start, { end, pieces: this.#pieces(start, end) });
    }
    const pieces = [...this.#bodies.values()].flatMap((body) => body.pieces);
    const refused = known.add(pieces.map((piece) => piece.text));
    if (refused) throw this.fail(pieces.find((piece) => piece.text === refused.broken)?.start ?? 0, refused.message);
  }

  /** Where the next line begins. */
  get position(): number {
    return this.#at;
  }

  /** The next line. */
  peek(): string {
    const end = this.#text.indexOf("\n", this.#at);
    return this.#text.slice(this.#at, end < 0 ? undefined : end);
  }

  skip(): void {
    this.#at += this.peek().length + 1;
  }

  /** Reads the planned lines. Throws ProofError at the first that is another. */
  take(...planned: readonly string[]): void {
    for (const line of planned) {
      const got = this.peek();
      if (got !== line) throw this.fail(this.#at + got.search(/\S|$/), `expected "${line.trim()}", got "${got.trim()}"`);
      this.skip();
    }
  }

  /** Reads an import of these names, wherever from. */
  takeImport(names: readonly string[]): void {
    const got = this.peek();
    const wanted = `import { ${names.join(", ")} } from `;
    if (!got.startsWith(wanted) || !/^"[^"\\]+";$/.test(got.slice(wanted.length)))
      throw this.fail(this.#at, `expected "${wanted}", got "${got}"`);
    this.skip();
  }

  /** Reads an empty line and a comment. */
  takeComment(): void {
    COMMENT.lastIndex = this.#at;
    if (!COMMENT.test(this.#text)) throw this.fail(this.#at, `expected a comment, got "${this.peek()}"`);
    this.#at = COMMENT.lastIndex;
  }

  /** Reads the body of a function whose first line was read. */
  takeBody(): readonly PlacedStatement[] {
    const body = this.#bodies.get(this.#at);
    if (!body) throw this.fail(this.#at, "a function without an end");
    this.#at = body.end + 1;
    return body.pieces.flatMap((piece) =>
      (this.#known.get(piece.text) ?? []).map(({ statement, offset }) => ({ statement, position: piece.start + offset })),
    );
  }

  /** Throws ProofError unless the last line was read. */
  end(): void {
    if (this.#at < this.#text.length) throw this.fail(this.#at, `expected nothing more, got "${this.peek()}"`);
  }

  /** An error with its place. */
  fail(position: number, message: string): ProofError {
    const lines = this.#text.slice(0, position).split("\n");
    return new ProofError(`${this.#path}:${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}: ${message}`);
  }

  /** Takes a body apart: a line that is indented as its first one begins a piece, unless it goes on with one. */
  #pieces(start: number, end: number): Piece[] {
    const pieces: Piece[] = [];
    let indent = "";
    let from = -1;
    let to = -1;
    for (let line = start; line < end;) {
      const next = this.#text.indexOf("\n", line);
      const code = this.#text.slice(line, next);
      if (/\S/.test(code)) {
        if (from < 0) indent = /^ */.exec(code)?.[0] ?? "";
        if (from < 0 || (!code.startsWith(`${indent} `) && !/^ *(?:\}|else\b)/.test(code))) {
          if (from >= 0) pieces.push({ start: from, text: this.#text.slice(from, to) });
          from = line;
        }
        to = next;
      }
      line = next + 1;
    }
    if (from >= 0) pieces.push({ start: from, text: this.#text.slice(from, to) });
    return pieces;
  }
}
