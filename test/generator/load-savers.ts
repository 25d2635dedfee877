/** Generates savers, proves them, compiles them and loads them, as a user's project would. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ts } from "ts-morph";
import { buildSaversModule } from "../../src/generator/build-module.ts";
import { proveModule } from "../../src/generator/prove-straight-line.ts";
import { bodyRenderer, type RenderBody } from "../../src/generator/render-body.ts";
import type { GroupSpec } from "../../src/generator/saver-spec.ts";
import type { SaverGroup } from "../../src/runtime/generated-v1.ts";

/** Text of `templates/save-body.hbs`. */
export const TEMPLATE: string = readFileSync(fileURLToPath(new URL("../../templates/save-body.hbs", import.meta.url)), "utf8");

/** The renderer of the project's own template. */
export const render: RenderBody = bodyRenderer({ "save-body.hbs": TEMPLATE });

/** Text of a module with these groups, not yet proved. */
export function moduleText(groups: readonly GroupSpec[], renderer: RenderBody = render): string {
  return buildSaversModule("savers/test.ts", groups, renderer, { specifier: "./seam.mjs" });
}

/** A folder for compiled modules. */
export class SaversFolder {
  readonly #path = mkdtempSync(join(tmpdir(), "xsavekit-savers-"));
  #count = 0;

  constructor() {
    writeFileSync(
      join(this.#path, "seam.mjs"),
      "export const saverForm = (form) => form;\nexport const saverGroup = (group) => group;\n",
    );
  }

  /** Builds, proves, compiles and loads; the groups in the order of their specs. */
  async load(groups: readonly GroupSpec[]): Promise<SaverGroup[]> {
    const text = moduleText(groups);
    proveModule("savers/test.ts", text, groups);
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    });
    const file = join(this.#path, `savers-${this.#count++}.mjs`);
    writeFileSync(file, outputText);
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, SaverGroup>;
    return groups.map((group) => loaded[group.name]!);
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}
