/** Generates savers, proves them, compiles them and loads them, as a user's project would. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { loadsModule } from "../../src/generator/build-loads.ts";
import { restoresModule } from "../../src/generator/build-restores.ts";
import { copiesModule, saversModule } from "../../src/generator/build-module.ts";
import { loadRegionsOf } from "../../src/generator/load-region.ts";
import { moduleText as printed } from "../../src/generator/module-text.ts";
import { proveLoads } from "../../src/generator/prove-loads.ts";
import { proveRestores } from "../../src/generator/prove-restores.ts";
import { proveCopies, proveModule } from "../../src/generator/prove-straight-line.ts";
import { regionsOf } from "../../src/generator/region-copy.ts";
import { bodyRenderer, type BodyRenderer, type TemplateTexts } from "../../src/generator/render-body.ts";
import type { RestoreSpec } from "../../src/generator/restore-spec.ts";
import type { GroupSpec } from "../../src/generator/saver-spec.ts";
import type { RestoreRoutine } from "../../src/runtime/restore-routine.ts";
import { type RegionCopies, type SaverGroup, useSecondTexts } from "../../src/runtime/generated-v1.ts";
import { withoutTypes } from "../../src/verify/without-types.ts";

const templateText = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../templates/${name}`, import.meta.url)), "utf8");
/** Text of `templates/save-body.hbs`. */
export const TEMPLATE: string = templateText("save-body.hbs");
/** Text of `templates/copy-body.hbs`. */
export const COPY_TEMPLATE: string = templateText("copy-body.hbs");

/** Text of `templates/restore-body.hbs`. */
export const RESTORE_TEMPLATE: string = templateText("restore-body.hbs");

/** Text of `templates/load-body.hbs`. */
export const LOAD_TEMPLATE: string = templateText("load-body.hbs");

/** All of the project's templates. */
export const TEMPLATES: TemplateTexts = {
  "save-body.hbs": TEMPLATE,
  "copy-body.hbs": COPY_TEMPLATE,
  "restore-body.hbs": RESTORE_TEMPLATE,
  "load-body.hbs": LOAD_TEMPLATE,
};

/** The renderer of the project's own templates. */
export const render: BodyRenderer = bodyRenderer(TEMPLATES);

/** Text of a module with these groups, not yet proved. */
export function moduleText(groups: readonly GroupSpec[], renderer: BodyRenderer = render): string {
  return printed(saversModule(groups, renderer, { seam: "./seam.mjs", copies: "./copies.mjs" }));
}

/** Text of the module with one text of the copies that they call, not yet proved. */
export function copiesText(groups: readonly GroupSpec[], number = 1): string {
  return printed(copiesModule(regionsOf(groups), number, render, "./seam.mjs"));
}

/** Text of a module with these restores, not yet proved. */
export function restoresText(specs: readonly RestoreSpec[], renderer: BodyRenderer = render): string {
  return printed(restoresModule(specs, renderer, { seam: "./seam.mjs", loads: "./loads.mjs" }));
}

/** Text of the module with the regions that they call, not yet proved. */
export function loadsText(specs: readonly RestoreSpec[], renderer: BodyRenderer = render): string {
  return printed(loadsModule(loadRegionsOf(specs), renderer, "./seam.mjs"));
}

const SEAM = new URL("../../src/runtime/generated-v1.ts", import.meta.url).href;

/** A folder for compiled modules. */
export class SaversFolder {
  readonly #path = mkdtempSync(join(tmpdir(), "xsavekit-savers-"));
  #count = 0;

  constructor() {
    writeFileSync(join(this.#path, "seam.mjs"), `export * from "${SEAM}";\n`);
  }

  /** Builds, proves, compiles and loads; the groups in the order of their specs. */
  async load(groups: readonly GroupSpec[]): Promise<SaverGroup[]> {
    const text = moduleText(groups);
    proveModule("savers/test.ts", text, groups);
    const number = this.#count++;
    const [first, second] = await Promise.all(
      [1, 2].map(async (each) => {
        const copies = copiesText(groups, each);
        proveCopies("savers/copies-test.ts", copies, regionsOf(groups), each);
        const file = this.#write(each === 1 ? `copies-${number}.mjs` : `second-copies-${number}.mjs`, copies);
        return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as RegionCopies;
      }),
    );
    useSecondTexts(first!, second!);
    const file = this.#write(`savers-${number}.mjs`, text.replace("./copies.mjs", `./copies-${number}.mjs`));
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, SaverGroup>;
    return groups.map((group) => loaded[group.name]!);
  }

  /** The same with restores. */
  async loadRestores(specs: readonly RestoreSpec[]): Promise<RestoreRoutine[]> {
    const text = restoresText(specs);
    proveRestores("restores/test.ts", text, specs);
    const loads = loadsText(specs);
    proveLoads("restores/loads-test.ts", loads, loadRegionsOf(specs));
    const number = this.#count++;
    this.#write(`loads-${number}.mjs`, loads);
    const file = this.#write(`restores-${number}.mjs`, text.replace("./loads.mjs", `./loads-${number}.mjs`));
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, RestoreRoutine>;
    return specs.map((spec) => loaded[spec.name]!);
  }

  #write(name: string, text: string): string {
    const file = join(this.#path, name);
    writeFileSync(file, withoutTypes(text));
    return file;
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true });
  }
}
