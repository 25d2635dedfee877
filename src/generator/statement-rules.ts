/** What a generated function may consist of: kinds of nodes, calls, and names that are declared before they are used. */

import type { ts } from "ts-morph";
import type { BodyStatement } from "./known-statements.ts";
import type { ModuleLines, PlacedStatement } from "./module-lines.ts";
import { compiler } from "./ts-morph.ts";

/** Kinds of nodes that a save function may have. */
export const ALLOWED_KINDS: ReadonlySet<ts.SyntaxKind> = new Set([
  compiler.SyntaxKind.Block,
  compiler.SyntaxKind.VariableStatement,
  compiler.SyntaxKind.VariableDeclarationList,
  compiler.SyntaxKind.VariableDeclaration,
  compiler.SyntaxKind.ExpressionStatement,
  compiler.SyntaxKind.BinaryExpression,
  compiler.SyntaxKind.PrefixUnaryExpression,
  compiler.SyntaxKind.ParenthesizedExpression,
  compiler.SyntaxKind.ElementAccessExpression,
  compiler.SyntaxKind.NonNullExpression,
  compiler.SyntaxKind.NumericLiteral,
  compiler.SyntaxKind.Identifier,
  compiler.SyntaxKind.CallExpression,
  compiler.SyntaxKind.PropertyAccessExpression,
  compiler.SyntaxKind.SyntaxList,
  compiler.SyntaxKind.OpenBraceToken,
  compiler.SyntaxKind.CloseBraceToken,
  compiler.SyntaxKind.OpenBracketToken,
  compiler.SyntaxKind.CloseBracketToken,
  compiler.SyntaxKind.OpenParenToken,
  compiler.SyntaxKind.CloseParenToken,
  compiler.SyntaxKind.SemicolonToken,
  compiler.SyntaxKind.CommaToken,
  compiler.SyntaxKind.DotToken,
  compiler.SyntaxKind.ConstKeyword,
  compiler.SyntaxKind.ExclamationToken,
  compiler.SyntaxKind.EqualsToken,
  compiler.SyntaxKind.PlusToken,
  compiler.SyntaxKind.MinusToken,
  compiler.SyntaxKind.AsteriskToken,
  compiler.SyntaxKind.AmpersandToken,
  compiler.SyntaxKind.BarToken,
  compiler.SyntaxKind.CaretToken,
  compiler.SyntaxKind.TildeToken,
  compiler.SyntaxKind.LessThanLessThanToken,
  compiler.SyntaxKind.GreaterThanGreaterThanToken,
  compiler.SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);
/** What is allowed in one kind of function. */
export interface StatementRules {
  /** `a save function`: for messages. */
  readonly within: string;
  readonly kinds: ReadonlySet<ts.SyntaxKind>;
  /** Receivers of calls, as text. */
  readonly calls: RegExp;
}

/** A name where it is used or declared, or the beginning or the end of a block. Positions are those of the statement's file. */
type NameEvent = { readonly kind: "use" | "declare"; readonly name: string; readonly position: number } | "open" | "close";

interface Judgement {
  /** The first node that is not allowed. */
  readonly refused?: { readonly position: number; readonly message: string };
  readonly names: readonly NameEvent[];
}

/** Judges statements; each text once, since most come often. */
export class StatementJudge {
  readonly #rules: StatementRules;
  readonly #judged = new WeakMap<BodyStatement, Judgement>();

  constructor(rules: StatementRules) {
    this.#rules = rules;
  }

  /**
   * Throws ProofError at the first node that is not allowed, and at the first name that is not declared before it or
   * is declared a second time. `names`: those that are declared outside; `hidden` must not even be declared again.
   */
  check(
    module: ModuleLines,
    owner: string,
    statements: readonly PlacedStatement[],
    names: Iterable<string>,
    hidden: ReadonlySet<string>,
  ): void {
    const scopes = [new Set(names)];
    for (const { statement, position } of statements) {
      let judgement = this.#judged.get(statement);
      if (!judgement) this.#judged.set(statement, (judgement = judge(statement, this.#rules)));
      const offset = position - statement.node.getStart(statement.file);
      const { refused } = judgement;
      if (refused) throw module.fail(refused.position + offset, refused.message);
      for (const event of judgement.names) {
        if (event === "open") scopes.push(new Set());
        else if (event === "close") scopes.pop();
        else {
          const known = scopes.some((scope) => scope.has(event.name));
          const at = event.position + offset;
          if (event.kind === "use") {
            if (!known) throw module.fail(at, `${owner} uses ${event.name}, which is not declared`);
          } else {
            if (known || hidden.has(event.name)) throw module.fail(at, `${owner} declares ${event.name} again`);
            scopes.at(-1)?.add(event.name);
          }
        }
      }
    }
  }
}

function judge({ node: root, file }: BodyStatement, { within, kinds, calls }: StatementRules): Judgement {
  const names: NameEvent[] = [];
  let refused: Judgement["refused"];
  const refuse = (node: ts.Node, message: string): true => {
    refused = { position: node.getStart(file), message };
    return true;
  };
  /** True at the first node that is refused, which ends the walk. */
  const visit = (node: ts.Node): boolean => {
    if (!kinds.has(node.kind)) {
      const text = node.getText(file).slice(0, 40);
      return refuse(node, `${compiler.SyntaxKind[node.kind]} is not allowed in ${within}: ${text}`);
    }
    if (compiler.isCallExpression(node) && !calls.test(node.expression.getText(file)))
      return refuse(node, `call of ${node.expression.getText(file)} is not allowed in ${within}`);
    if (
      compiler.isBinaryExpression(node) &&
      node.operatorToken.kind === compiler.SyntaxKind.EqualsToken &&
      !compiler.isElementAccessExpression(node.left)
    )
      return refuse(node, `assignment to ${node.left.getText(file)}`);
    if (compiler.isIdentifier(node)) {
      names.push({ kind: "use", name: node.text, position: node.getStart(file) });
      return false;
    }
    if (compiler.isPropertyAccessExpression(node))
      return compiler.forEachChild(node, (child) => child !== node.name && visit(child)) === true;
    if (compiler.isVariableDeclaration(node)) {
      const { name } = node;
      if (!compiler.isIdentifier(name)) return refuse(node, `a pattern is not allowed in ${within}`);
      if (compiler.forEachChild(node, (child) => child !== name && visit(child)) === true) return true;
      names.push({ kind: "declare", name: name.text, position: name.getStart(file) });
      return false;
    }
    const block = compiler.isBlock(node);
    if (block) names.push("open");
    const found = compiler.forEachChild(node, visit) === true;
    if (block) names.push("close");
    return found;
  };
  visit(root);
  return refused ? { refused, names } : { names };
}
