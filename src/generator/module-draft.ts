/** A module of generated routines before it is printed: plain data, made without ts-morph. */

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

/** Imports, then exported constants. */
export interface ModuleDraft {
  readonly imports: readonly NamedImports[];
  readonly constants: readonly ExportedConstant[];
}
