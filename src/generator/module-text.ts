/** Prints modules of generated routines with ts-morph: imports, then exported constants with a comment each. */

import type { ts } from "ts-morph";
import type { ExportedConstant, ModuleDraft, NamedImports } from "./module-draft.ts";
import { compiler, printNode } from "./ts-morph.ts";

const { factory } = compiler;
/** What nodes are printed for that belong to no file. */
const NO_FILE = compiler.createSourceFile("module.ts", "", compiler.ScriptTarget.ES2023);

/**
 * The text of a module: nodes, printed by ts-morph. Its structures give the same text in four times the time, since it
 * parses what it has printed, and the proof parses the module anyway. The initializers are put in as they are: their
 * bodies are what the templates say, and are parsed by the proof.
 */
export function moduleText({ imports, constants }: ModuleDraft): string {
  const head = imports.map((each) => `${printNode(importNode(each), NO_FILE)}\n`).join("");
  return `${head}${constants.map((each) => `\n${printNode(constantNode(each), NO_FILE)}\n`).join("")}`;
}

function importNode({ from, values, types }: NamedImports): ts.Node {
  const specifier = (name: string, isType: boolean): ts.ImportSpecifier =>
    factory.createImportSpecifier(isType, undefined, factory.createIdentifier(name));
  const names = [...values.map((name) => specifier(name, false)), ...types.map((name) => specifier(name, true))];
  const clause = factory.createImportClause(undefined, undefined, factory.createNamedImports(names));
  return factory.createImportDeclaration(undefined, clause, factory.createStringLiteral(from));
}

function constantNode({ name, type, initializer, doc }: ExportedConstant): ts.Node {
  const declaration = factory.createVariableDeclaration(
    name,
    undefined,
    factory.createTypeReferenceNode(type),
    factory.createIdentifier(initializer),
  );
  const statement = factory.createVariableStatement(
    [factory.createModifier(compiler.SyntaxKind.ExportKeyword)],
    factory.createVariableDeclarationList([declaration], compiler.NodeFlags.Const),
  );
  const comment = `*\n * ${doc}\n `;
  return compiler.addSyntheticLeadingComment(statement, compiler.SyntaxKind.MultiLineCommentTrivia, comment, true);
}
