/** The README's tables that are made, not written: between `<!-- name:begin -->` and `<!-- name:end -->`. */

import { loadBundledModels } from "../src/host/load-models.ts";
import { policyTableMarkdown } from "../src/report/policy-table.ts";
import { quirkTableMarkdown } from "../src/report/quirk-table.ts";

const TABLES: Readonly<Record<string, () => string>> = {
  quirks: () => quirkTableMarkdown(loadBundledModels()),
  policies: policyTableMarkdown,
};

/** The README with its tables made anew. Throws Error for one that has no place in it. */
export function withTables(readme: string): string {
  return Object.entries(TABLES).reduce((text, [name, make]) => {
    const [begin, end] = [`<!-- ${name}:begin -->\n`, `\n<!-- ${name}:end -->`];
    const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
    if (from < begin.length || to < from) throw new Error(`README.md has no place for the table of ${name}`);
    return text.slice(0, from) + make() + text.slice(to);
  }, readme);
}
