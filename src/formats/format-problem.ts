/** What is wrong with a container, at which byte. */

import { type Diagnostic, printDiagnostic } from "../model/diagnostic.ts";

/** A finding without the file's name: rule id, byte offset in the file, what is there and what to do. */
export interface FormatProblem {
  /** Stable id, kebab-case: `note-truncated`. */
  readonly rule: string;
  /** Byte offset in the (decompressed) file. */
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

/** A finding about a file that ends before what its headers promise. */
export function cutShort(rule: string, offset: number, message: string): FormatProblem {
  return { rule, offset, message, remedy: "copy the file again; it was cut short, or its headers lie" };
}

/** A finding about counts and sizes beyond what is read. */
export function exhausting(rule: string, offset: number, message: string): FormatProblem {
  return { rule, offset, message, remedy: "the file is damaged or made to exhaust readers" };
}

/** A finding about gzip or zstd data. */
export function damagedCompression(offset: number, format: "gzip" | "zstd", reason: string): FormatProblem {
  return {
    rule: "damaged-compression",
    offset,
    message: `${format} data that cannot be decompressed: ${reason}`,
    remedy: "copy the file again, or decompress it with its own tool",
  };
}

/** A container was refused; `diagnostics` has the first reason as its first element. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly problem: FormatProblem;
  readonly diagnostics: readonly Diagnostic[];

  constructor(problem: FormatProblem, file = "input") {
    const diagnostic = diagnosticOf(problem, "error", file);
    super(printDiagnostic(diagnostic).replace(/\n +/g, "; "));
    this.problem = problem;
    this.diagnostics = [diagnostic];
  }
}

/** The finding as a diagnostic of `file`. */
export function diagnosticOf(problem: FormatProblem, severity: "error" | "warning", file: string): Diagnostic {
  return { ...problem, severity, file, line: 0, column: 0 };
}

/** Collects warnings of one container; past the limit they are counted only, so that a hostile file cannot fill memory. */
export class ProblemList {
  readonly #found: FormatProblem[] = [];
  #left = 0;
  static readonly LIMIT = 100;

  add(problem: FormatProblem): void {
    if (this.#found.length < ProblemList.LIMIT) this.#found.push(problem);
    else this.#left++;
  }

  /** Adds what is the same for every thread: of several with one rule and message the first counts. */
  addOnce(problem: FormatProblem): void {
    if (!this.#found.some(({ rule, message }) => rule === problem.rule && message === problem.message)) this.add(problem);
  }

  get first(): FormatProblem | undefined {
    return this.#found[0];
  }

  /** All of them, and how many were left out. */
  warnings(file: string): Diagnostic[] {
    const all = this.#found.map((problem) => diagnosticOf(problem, "warning", file));
    const last = all.at(-1);
    if (this.#left > 0 && last)
      all.push({ ...last, rule: "more-problems", message: `${this.#left} more of this kind are not listed` });
    return all;
  }
}
