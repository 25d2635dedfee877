/** What readers see of a text to judge whether it is theirs: its beginning, in lines for all of them alike, and its end. */

import { forEachLine } from "./text-lines.ts";

/** Characters at either end of a text by which a reader may judge it. */
export const RECOGNITION_WINDOW = 65_536;

/** Both ends of a text. */
export class DumpHead {
  readonly start: string;
  readonly end: string;
  #lines: string[] | undefined;

  constructor(text: string) {
    this.start = text.slice(0, RECOGNITION_WINDOW);
    this.end = text.slice(-RECOGNITION_WINDOW);
  }

  /** True if one of the first lines, trimmed, passes the test. */
  hasLine(test: (line: string) => boolean): boolean {
    let lines = this.#lines;
    if (!lines) {
      const found: string[] = [];
      forEachLine(this.start, (line) => found.push(line.trim()) > 0);
      this.#lines = lines = found;
    }
    return lines.some(test);
  }
}
