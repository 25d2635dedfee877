/** The JSON shapes that the README documents, and whether a value has one of them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ts } from "ts-morph";
import { REPOSITORY } from "./run-cli.ts";

/** The types of the README's block, by name. */
export type Shapes = ReadonlyMap<string, ts.TypeNode>;

/** Reads them from the block that follows the heading. Throws where it does not parse. */
export function documentedShapes(): Shapes {
  const readme = readFileSync(join(REPOSITORY, "README.md"), "utf8");
  const [, block] = /^### What `--json` prints\n[^]*?^```ts\n([^]*?)^```$/m.exec(readme) ?? [];
  if (block === undefined) throw new Error("README.md has no section on what --json prints");
  const source = ts.createSourceFile("readme.ts", block, ts.ScriptTarget.ES2022, true);
  return new Map(
    source.statements.map((statement) => {
      if (!ts.isTypeAliasDeclaration(statement)) throw new Error(`not a type: ${statement.getText()}`);
      return [statement.name.text, statement.type] as const;
    }),
  );
}

/**
 * Where a value differs from a documented type: a member missing, of another kind, or not documented. Adds the types that a
 * value was held against to `met`, so that a list that is always empty proves nothing.
 */
export function differences(value: unknown, type: ts.TypeNode, shapes: Shapes, met: Set<ts.Node>, at = "$"): string[] {
  const found = differencesOf(value, type, shapes, met, at);
  if (found.length === 0) met.add(type);
  return found;
}

function differencesOf(value: unknown, type: ts.TypeNode, shapes: Shapes, met: Set<ts.Node>, at: string): string[] {
  const nested = (each: unknown, of: ts.TypeNode, place: string): string[] => differences(each, of, shapes, met, place);
  const refused = [`${at}: ${JSON.stringify(value)?.slice(0, 80)} is not ${type.getText().slice(0, 80)}`];
  const accepts = (good: boolean): string[] => (good ? [] : refused);
  if (ts.isUnionTypeNode(type)) {
    const tried = type.types.map((each) => nested(value, each, at));
    // Where none fits, the differences within the one that comes nearest.
    return tried.find(({ length }) => length === 0) ?? tried.find(([first]) => !first?.startsWith(`${at}: `)) ?? refused;
  }
  if (ts.isArrayTypeNode(type))
    return Array.isArray(value) ? value.flatMap((each, index) => nested(each, type.elementType, `${at}[${index}]`)) : refused;
  if (ts.isTupleTypeNode(type))
    return Array.isArray(value) && value.length === type.elements.length
      ? type.elements.flatMap((each, index) => nested(value[index], each, `${at}[${index}]`))
      : refused;
  if (ts.isLiteralTypeNode(type)) {
    const { literal } = type;
    return accepts(ts.isStringLiteral(literal) ? value === literal.text : value === null);
  }
  if (ts.isTemplateLiteralTypeNode(type)) return accepts(typeof value === "string" && /^0x[0-9a-f]+$/.test(value));
  if (type.kind === ts.SyntaxKind.StringKeyword) return accepts(typeof value === "string");
  if (type.kind === ts.SyntaxKind.NumberKeyword) return accepts(typeof value === "number" && Number.isFinite(value));
  if (type.kind === ts.SyntaxKind.BooleanKeyword) return accepts(typeof value === "boolean");
  if (ts.isTypeLiteralNode(type)) return isRecord(value) ? memberDifferences(value, type, nested, at) : refused;
  if (ts.isTypeReferenceNode(type) && type.typeName.getText() === "Record") {
    const [key, of] = type.typeArguments ?? [];
    if (!key || !of) throw new Error(`${type.getText()} names no key or no value`);
    const numeric = key.kind === ts.SyntaxKind.NumberKeyword;
    if (!isRecord(value) || (numeric && Object.keys(value).some((name) => !/^\d+$/.test(name)))) return refused;
    return Object.entries(value).flatMap(([name, each]) => nested(each, of, `${at}[${name}]`));
  }
  const named = ts.isTypeReferenceNode(type) ? shapes.get(type.typeName.getText()) : undefined;
  if (!named) throw new Error(`the README names ${type.getText()} and does not say what it is`);
  return nested(value, named, at);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function memberDifferences(
  value: Readonly<Record<string, unknown>>,
  type: ts.TypeLiteralNode,
  nested: (each: unknown, of: ts.TypeNode, place: string) => string[],
  at: string,
): string[] {
  const documented = new Set<string>();
  const found = type.members.flatMap((member) => {
    if (!ts.isPropertySignature(member) || !member.type) throw new Error(`not a member: ${member.getText()}`);
    const name = member.name.getText();
    documented.add(name);
    if (name in value) return nested(value[name], member.type, `${at}.${name}`);
    return member.questionToken ? [] : [`${at}.${name}: missing`];
  });
  const extra = Object.keys(value).filter((name) => !documented.has(name));
  return [...found, ...extra.map((name) => `${at}.${name}: not documented`)];
}

/** Members and elements of a type that no value was held against: `threads.tiles[]`. */
export function neverMet(type: ts.TypeNode, met: ReadonlySet<ts.Node>, at = ""): string[] {
  if (ts.isTypeLiteralNode(type))
    return type.members.flatMap((member) => {
      if (!ts.isPropertySignature(member) || !member.type) return [];
      const place = at === "" ? member.name.getText() : `${at}.${member.name.getText()}`;
      return neverMet(member.type, met, place);
    });
  if (ts.isArrayTypeNode(type)) return neverMet(type.elementType, met, `${at}[]`);
  if (ts.isTypeReferenceNode(type) && type.typeArguments?.[1]) return neverMet(type.typeArguments[1], met, `${at}[]`);
  if (ts.isUnionTypeNode(type)) {
    const [first] = type.types;
    return first && !ts.isLiteralTypeNode(first) && at !== "" ? neverMet(first, met, at) : [];
  }
  return met.has(type) ? [] : [at];
}
