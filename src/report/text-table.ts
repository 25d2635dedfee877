/** Plain tables for terminals and files: no colours, no frame. */

import Table from "cli-table3";

/** How a column is set. */
export type Align = "left" | "right";

/** Rows under a head; columns are two blanks apart and lines end without blanks. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[], align: readonly Align[] = []): string {
  const none = Object.fromEntries(
    [
      "top",
      "top-mid",
      "top-left",
      "top-right",
      "bottom",
      "bottom-mid",
      "bottom-left",
      "bottom-right",
      "left",
      "left-mid",
      "mid",
      "mid-mid",
      "right",
      "right-mid",
    ].map((name) => [name, ""]),
  );
  const table = new Table({
    head: [...head],
    chars: { ...none, middle: "  " },
    colAligns: head.map((_, at) => align[at] ?? "left"),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** A Markdown table; `|` in cells is escaped. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly Align[] = [],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map((_, at) => (align[at] === "right" ? "---:|" : "---|")).join("")}`, ...rows.map(line)].join(
    "\n",
  );
}
