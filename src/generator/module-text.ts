/** Prints modules of generated routines with ts-morph: imports, then exported constants with a comment each. */

import type { Project as MorphProject, StatementStructures } from "ts-morph";
import { Project, StructureKind, VariableDeclarationKind } from "./ts-morph.ts";

/** An import of values and types by name. */
export interface NamedImports {
  readonly from: string;
  readonly values: readonly string[];
  readonly types: readonly string[];
}

/** `export const name: type = initializer;` with a comment before it. */
export interface ExportedConstant {
  readonly name: string;
  readonly type: string;
  readonly initializer: string;
  readonly doc: string;
}

let project: MorphProject | undefined;

/**
 * The text of a module. ts-morph prints the frame, and the initializers are put into it: it reads all that it is given
 * character by character and parses it, which took longer than everything else in a generation, and the proof parses
 * the whole text anyway.
 */
export function moduleText(imports: readonly NamedImports[], constants: readonly ExportedConstant[]): string {
  project ??= new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true });
  const statements: StatementStructures[] = [
    ...imports.map(({ from, values, types }): StatementStructures => ({
      kind: StructureKind.ImportDeclaration,
      moduleSpecifier: from,
      namedImports: [...values, ...types.map((name) => ({ name, isTypeOnly: true }))],
    })),
    ...constants.map(({ name, type, doc }, i): StatementStructures => ({
      kind: StructureKind.VariableStatement,
      isExported: true,
      declarationKind: VariableDeclarationKind.Const,
      docs: [{ description: `\n${doc}` }],
      declarations: [{ name, type, initializer: `$${i}` }],
      leadingTrivia: "\n",
    })),
  ];
  const file = project.createSourceFile("module.ts", { statements }, { overwrite: true });
  const frame = file.getFullText();
  project.removeSourceFile(file);
  return frame.replaceAll(/ = \$(\d+);$/gm, (_, i: string) => ` = ${constants[Number(i)]?.initializer ?? ""};`);
}
