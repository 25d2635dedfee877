/** Keeps the floors of the house apart: who may import whom. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ts } from "ts-morph";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** From the top down; a floor imports from itself and from those below. */
const FLOORS = [
  "cli",
  "page",
  "testing",
  "verify",
  "emit",
  "report",
  "host",
  "generator",
  "output",
  "formats",
  "dumps",
  "image",
  "model",
  "perf",
  "runtime",
  "layout",
  "isa",
];
/** Floors that run anywhere, a browser included. */
const WITHOUT_NODE = ["perf", "runtime", "layout", "isa", "model", "dumps", "image", "formats"];
/** Which floors may load each package; everything else is ours, or Node's where the floor may have that. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "ts-morph": ["generator"],
  handlebars: ["generator", "verify"],
  yaml: ["model"],
  valibot: ["model", "verify"],
  "@valibot/to-json-schema": ["model", "verify"],
  fzstd: ["formats"],
  commander: ["cli"],
  "cli-table3": ["report"],
  vitest: ["testing"],
};

interface Import {
  readonly typeOnly: boolean;
  readonly file: string;
  readonly specifier: string;
  /** `import()` with a string. */
  readonly dynamic: boolean;
  readonly line: number;
}

/** Every import, re-export, `import("...")` and `import type` of a folder's modules. */
function importsIn(folder: string): Import[] {
  const found: Import[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = join(entry.parentPath, entry.name);
    const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true);
    const add = (node: ts.Node, literal: ts.Node | undefined, dynamic: boolean): void => {
      if (!literal || !ts.isStringLiteralLike(literal)) return;
      const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
      const typeOnly = ts.isImportTypeNode(node) || (ts.isImportDeclaration(node) && node.importClause?.isTypeOnly === true);
      found.push({ typeOnly, file: relative(ROOT, path), specifier: literal.text, dynamic, line: line + 1 });
    };
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, false);
      else if (ts.isImportTypeNode(node))
        add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, false);
      else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
        add(node, node.arguments[0], true);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return found;
}

/** Floor of a file below `src/`; undefined for the entry points directly in it. */
function floorOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

const imports = importsIn("src");
const show = (each: Import): string => `${each.file}:${each.line} imports ${each.specifier}`;
const target = (each: Import): string => relative(ROOT, join(ROOT, each.file, "..", each.specifier));

test("every folder of src is a known floor", () => {
  expect(imports.length).toBeGreaterThan(100);
  const folders = readdirSync(join(ROOT, "src"), { withFileTypes: true }).filter((each) => each.isDirectory());
  expect(folders.map((each) => each.name).filter((name) => !FLOORS.includes(name))).toEqual([]);
});

test("a floor imports from itself and from those below only", () => {
  const wrong = imports.filter((each) => {
    const from = floorOf(each.file);
    if (from === undefined || !each.specifier.startsWith(".")) return false;
    const to = floorOf(target(each));
    if (to === undefined) return true; // the package's entry points, or outside src
    return FLOORS.indexOf(to) < FLOORS.indexOf(from);
  });
  expect(wrong.filter((each) => !(each.dynamic && target(each).startsWith("generated"))).map(show)).toEqual([]);
});

test("src never imports generated code statically", () => {
  expect(imports.filter((each) => !each.dynamic && /(^|\/)generated\//.test(each.specifier)).map(show)).toEqual([]);
});

test("a package is loaded by its floors only, and none that is not in the list", () => {
  const foreign = imports.filter(({ specifier }) => !/^(?:\.|node:)/.test(specifier));
  const wrong = foreign.filter((each) => PACKAGES[each.specifier]?.includes(floorOf(each.file) ?? "") !== true);
  expect(wrong.map(show)).toEqual([]);
  expect(new Set(foreign.map(({ specifier }) => specifier))).toEqual(new Set(Object.keys(PACKAGES)));
});

test("the floors that run anywhere import nothing of Node", () => {
  const wrong = imports.filter((each) => WITHOUT_NODE.includes(floorOf(each.file) ?? "") && each.specifier.startsWith("node:"));
  expect(wrong.map(show)).toEqual([]);
});

test("generated savers import the seam and the shared copies only, model modules the seam and savers", () => {
  const generated = importsIn("generated");
  expect(generated.length).toBeGreaterThan(50);
  const wrong = generated.filter((each) => {
    if (/runtime\/generated-v1\.(js|ts)$/.test(each.specifier)) return false;
    if (each.file.startsWith("generated/savers/")) return target(each) !== "generated/savers/copies.ts";
    return !target(each).startsWith("generated/");
  });
  expect(wrong.map(show)).toEqual([]);
});

test("the floors that run anywhere compile in a project without Node's types", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "xsavekit-house-"));
  try {
    const project = {
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions: { types: [], noEmit: true, isolatedDeclarations: false, declaration: false, rootDir: ROOT },
      include: WITHOUT_NODE.map((floor) => join(ROOT, "src", floor)),
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
    const { status, stdout } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", folder], { encoding: "utf8" });
    expect([status, stdout]).toEqual([0, ""]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("every script of package.json that runs a program runs one that the build compiles", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };
  const { include } = JSON.parse(readFileSync(join(ROOT, "tsconfig.json"), "utf8")) as { include: string[] };
  const programs = Object.values(scripts).flatMap((script) =>
    [...script.matchAll(/node dist\/(\S+)\.js/g)].map(([, path]) => `${path}.ts`),
  );
  expect(programs.length).toBeGreaterThan(5);
  expect(programs.filter((path) => !path.startsWith("src/") && !include.includes(path))).toEqual([]);
});
