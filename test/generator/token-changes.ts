/** Changes of single tokens in generated code, each of which the proof has to notice. */

import { ts } from "ts-morph";

/** Names that carry what a routine does. */
const NAMES =
  "base initial initialBase sink low high i32 b64 u8 offset processor area all whole parts x87 legacy initialX87 mxcsrMask accepts".split(
    " ",
  );

/** Every token of the kinds that carry what a saver does, and what to put in its place. */
export function changes(text: string): { start: number; end: number; to: string }[] {
  const file = ts.createSourceFile("changed.ts", text, ts.ScriptTarget.ES2022, true);
  const out: { start: number; end: number; to: string }[] = [];
  const swap = new Map<ts.SyntaxKind, string>([
    [ts.SyntaxKind.PlusToken, "-"],
    [ts.SyntaxKind.AmpersandToken, "|"],
    [ts.SyntaxKind.BarToken, "^"],
    [ts.SyntaxKind.CaretToken, "&"],
    [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken, ">>"],
    [ts.SyntaxKind.GreaterThanGreaterThanToken, ">>>"],
    [ts.SyntaxKind.LessThanLessThanToken, ">>"],
    [ts.SyntaxKind.MinusToken, "+"],
    [ts.SyntaxKind.EqualsEqualsEqualsToken, "!=="],
    [ts.SyntaxKind.ExclamationEqualsEqualsToken, "==="],
    [ts.SyntaxKind.TrueKeyword, "false"],
    [ts.SyntaxKind.FalseKeyword, "true"],
  ]);
  const visit = (node: ts.Node): void => {
    const [start, end] = [node.getStart(file), node.getEnd()];
    const name = ts.isIdentifier(node) ? node.text : "";
    if (ts.isNumericLiteral(node)) {
      for (const to of [Number(node.text) + 1, Number(node.text) + 8, 0]) {
        if (to !== Number(node.text)) out.push({ start, end, to: String(to) });
      }
    } else if (ts.isStringLiteral(node) && !ts.isImportDeclaration(node.parent)) out.push({ start, end, to: `"${node.text}x"` });
    else if (/^[vmtqopxc]\d/.test(name)) out.push({ start, end, to: `${name}1` });
    else if (NAMES.includes(name)) {
      out.push({ start, end, to: name === "low" ? "high" : name === "offset" ? "processor" : name === "i32" ? "b64" : "low" });
    } else if (swap.has(node.kind)) out.push({ start, end, to: swap.get(node.kind)! });
    else if (ts.isPrefixUnaryExpression(node)) out.push({ start, end: start + 1, to: "" });
    node.getChildren(file).forEach(visit);
  };
  for (const statement of file.statements) if (!ts.isImportDeclaration(statement)) visit(statement);
  return out;
}

/** All changes in the full run, else about eighty spread over the text. */
export function stepOver(all: readonly unknown[]): number {
  return process.env["XSAVEKIT_FULL"] === "1" ? 1 : Math.max(1, Math.floor(all.length / 80));
}
