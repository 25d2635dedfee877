/** What is wrong with a file, where, and what to do about it; and the one printer for it. */

/** One finding, located in a file. */
export interface Diagnostic {
  /** Stable id, kebab-case: `components-overlap`. */
  readonly rule: string;
  /** Errors refuse the file, warnings do not. */
  readonly severity: "error" | "warning";
  /** As the caller named it. */
  readonly file: string;
  /** 1-based; 0 for the file as a whole. */
  readonly line: number;
  /** 1-based, in UTF-16 units; 0 with line 0. */
  readonly column: number;
  /** Byte offset, for files that have no lines. */
  readonly offset?: number;
  readonly message: string;
  /** What the author can do. */
  readonly remedy: string;
  /** Text of the offending line. */
  readonly source?: string;
}

/** A file was refused; `diagnostics` says why. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(printDiagnostic).join("\n"));
    this.diagnostics = diagnostics;
  }
}

/** True if at least one of them refuses the file. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error");
}

/** `file:line:column`, `file: byte 4096` for a file without lines, or the file alone. */
export function placeOf({ file, line, column, offset }: Diagnostic): string {
  if (line > 0) return `${file}:${line}:${column}`;
  return offset === undefined ? file : `${file}: byte ${offset}`;
}

/** Everything a terminal or an editor could act upon: controls, line separators, bidirectional and other format characters. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text that is safe to print on one line; what is not printable becomes `\u{2028}`. */
export function escapeText(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** `text` for use inside a message: escaped, cut at 60 characters, in backquotes. */
export function quoteText(text: string): string {
  const cut = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return `\`${escapeText(cut)}\``;
}

const FRAME_WIDTH = 80;
const FRAME_INDENT = "    ";

/**
 * `file:line:column: error rule: message`, the source line with a caret (a window of 80 columns
 * around it where the line is longer) and the remedy. Line ends are `\n`, none at the end.
 */
export function printDiagnostic(diagnostic: Diagnostic): string {
  const { line, column, severity, rule, message, remedy, source } = diagnostic;
  const lines = [`${escapeText(placeOf(diagnostic))}: ${severity} ${rule}: ${escapeText(message)}`];
  if (source !== undefined && line > 0) lines.push(...frame(source, column));
  lines.push(`  remedy: ${escapeText(remedy)}`);
  return lines.join("\n");
}

function frame(source: string, column: number): [string, string] {
  const shown = (text: string): string => escapeText(text.replaceAll("\t", " "));
  let text = shown(source);
  let caret = shown(source.slice(0, Math.max(0, column - 1))).length;
  const width = FRAME_WIDTH - FRAME_INDENT.length;
  if (text.length > width) {
    // Keep the caret in the window's middle, unless the line's beginning or end is near.
    const start = Math.max(0, Math.min(caret - Math.floor(width / 2), text.length - width));
    const head = start > 0 ? "…" : "";
    const tail = start + width < text.length ? "…" : "";
    text = head + text.slice(start + head.length, start + width - tail.length) + tail;
    caret -= start;
  }
  return [FRAME_INDENT + text, `${FRAME_INDENT}${" ".repeat(caret)}^`];
}
