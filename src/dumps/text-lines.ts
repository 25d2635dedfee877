/**
 * Splits a text into lines in linear time, whatever the line ends: CR LF, LF, a lone CR, mixed.
 * No dump format has long lines, so a line is looked at only up to a bound.
 */

/** Characters of a line that are looked at; the longest real row has about 130. */
export const MAX_LINE_LENGTH = 1024;

/** Called for each line, without its line end. `number` counts from 1. Returns false to stop. */
export type LineVisitor = (line: string, number: number) => boolean;

/** The text without a byte order mark, also where UTF-8's was read as Latin-1. */
export function withoutByteOrderMark(text: string): string {
  if (text.startsWith("\uFEFF")) return text.slice(1);
  return text.startsWith("\u00EF\u00BB\u00BF") ? text.slice(3) : text;
}

/** Visits every line in order, each cut to MAX_LINE_LENGTH characters. */
export function forEachLine(text: string, visit: LineVisitor): void {
  const body = withoutByteOrderMark(text);
  let number = 0;
  const give = (line: string): boolean => {
    number++;
    return visit(line.length > MAX_LINE_LENGTH ? line.slice(0, MAX_LINE_LENGTH) : line, number);
  };
  for (let start = 0; start < body.length;) {
    const lineFeed = body.indexOf("\n", start);
    const end = lineFeed < 0 ? body.length : lineFeed;
    // Cut out first: looking for a CR in the whole text again and again would be quadratic.
    let piece = body.slice(start, end);
    if (lineFeed >= 0 && piece.endsWith("\r")) piece = piece.slice(0, -1);
    start = end + 1;
    let from = 0;
    for (let cr = piece.indexOf("\r"); cr >= 0; cr = piece.indexOf("\r", from)) {
      if (!give(piece.slice(from, cr))) return;
      from = cr + 1;
    }
    // A lone CR at the very end closes its line and opens none.
    if (from > 0 && from === piece.length && lineFeed < 0) return;
    if (!give(piece.slice(from))) return;
  }
}
