/** Everything that the package exports has a docstring: declarations, and what classes offer. */

import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Node, Project } from "ts-morph";
import { expect, test } from "vitest";
import { packageRoot } from "../src/host/load-models.ts";

const ROOT = packageRoot();
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};
/** Sources of the entry points; generated modules have the comments that the generator's proof asks for. */
const ENTRIES = Object.values(manifest.exports).flatMap((target) => {
  const source = typeof target === "string" ? undefined : /^\.\/dist\/(src\/.*)\.d\.ts$/.exec(target.types)?.[1];
  return source === undefined ? [] : [join(ROOT, `${source}.ts`)];
});

function documented(node: Node): boolean {
  const commented = Node.isVariableDeclaration(node) ? node.getVariableStatement() : node;
  return Node.isJSDocable(commented) && commented.getJsDocs().length > 0;
}

/** Methods and accessors that a class offers. */
function members(node: Node): { readonly name: string; readonly node: Node }[] {
  if (!Node.isClassDeclaration(node)) return [];
  return [...node.getMethods(), ...node.getGetAccessors()]
    .filter((member) => !member.getName().startsWith("#") && !member.hasModifier("private"))
    .map((member) => ({ name: `${node.getName() ?? ""}.${member.getName()}`, node: member }));
}

test("every export and every method of an exported class has a docstring", { timeout: 60_000 }, () => {
  const project = new Project({ tsConfigFilePath: join(ROOT, "tsconfig.json"), skipAddingFilesFromTsConfig: true });
  const bare = new Set<string>();
  let seen = 0;
  for (const entry of ENTRIES) {
    for (const [name, declarations] of project.addSourceFileAtPath(entry).getExportedDeclarations()) {
      for (const declaration of declarations) {
        for (const each of [{ name, node: declaration }, ...members(declaration)]) {
          seen++;
          const file = relative(ROOT, each.node.getSourceFile().getFilePath());
          if (!documented(each.node)) bare.add(`${file}:${each.node.getStartLineNumber()} ${each.name}`);
        }
      }
    }
  }
  expect([...bare]).toEqual([]);
  expect(seen).toBeGreaterThan(400);
});
