/** Generates savers for the CPUs and masks of records, proves them, and loads them from a folder that is removed at once. */

import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { loadsModule } from "../generator/build-loads.ts";
import { restoresModule } from "../generator/build-restores.ts";
import { copiesModule, saversModule } from "../generator/build-module.ts";
import { loadRegionsOf } from "../generator/load-region.ts";
import { moduleText } from "../generator/module-text.ts";
import { proveLoads } from "../generator/prove-loads.ts";
import { proveRestores } from "../generator/prove-restores.ts";
import { proveCopies, proveModule } from "../generator/prove-straight-line.ts";
import { regionsOf } from "../generator/region-copy.ts";
import { bodyRenderer, type BodyRenderer, type TemplateTexts } from "../generator/render-body.ts";
import { type RequestedRestore, restoreKey, type RestoreSpec, restoresFor } from "../generator/restore-spec.ts";
import { groupKey, groupsFor, type GroupSpec, type RequestedMask } from "../generator/saver-spec.ts";
import { type RegionCopies, type RestoreRoutine, type SaverGroup, useSecondTexts } from "../runtime/generated-v1.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";
import { withoutTypes } from "./without-types.ts";

/** Where the template and the seam are. */
export interface SaverSources {
  /** Text of `templates/save-body.hbs`; the package's own if absent. */
  readonly template?: string;
  /** URL of the seam as JavaScript; the package's own if absent. */
  readonly seam?: string;
}

/** The modules of the copies that savers call, by text. */
const COPIES = ["copies.mjs", "second-copies.mjs"];

/** Makes savers; what equal groups of several CPUs need is generated and loaded once. */
export class SaverLoader {
  readonly #render: BodyRenderer;
  readonly #seam: string;
  readonly #loaded = new Map<string, SaverGroup>();
  readonly #restores = new Map<string, RestoreRoutine>();

  constructor(sources: SaverSources = {}) {
    const text = (name: keyof TemplateTexts): string =>
      readFileSync(
        ownFile(
          TEMPLATE_FOLDERS.map((folder) => `${folder}/${name}`),
          `templates/${name}`,
        ),
        "utf8",
      );
    this.#render = bodyRenderer({
      "save-body.hbs": sources.template ?? text("save-body.hbs"),
      "copy-body.hbs": text("copy-body.hbs"),
      "restore-body.hbs": text("restore-body.hbs"),
      "load-body.hbs": text("load-body.hbs"),
    });
    this.#seam = sources.seam ?? ownFile(SEAM_PLACES, "the built runtime (npm run build:src)").href;
  }

  /** Savers of the masks on one CPU, proved. Throws ProofError if a saver is not what its plan says. */
  async load(cpu: ProcessorDescription, masks: readonly RequestedMask[]): Promise<SaverGroup[]> {
    const specs = groupsFor(cpu, masks);
    const keys = specs.map(groupKey);
    const missing = new Map<string, GroupSpec>();
    specs.forEach((spec, i) => {
      const key = keys[i];
      if (key !== undefined && !this.#loaded.has(key)) missing.set(key, spec);
    });
    if (missing.size > 0) {
      const exports = await this.#generate([...missing.values()]);
      for (const [key, { name }] of missing) {
        const group = exports.get(name);
        if (!group) throw new Error(`the generated modules do not export ${name}`);
        this.#loaded.set(key, group);
      }
    }
    return keys.flatMap((key) => this.#loaded.get(key) ?? []);
  }

  /** Restores on one CPU, proved. Throws ProofError if one is not what its plan says. */
  async loadRestores(cpu: ProcessorDescription, requested: readonly RequestedRestore[]): Promise<RestoreRoutine[]> {
    const specs = restoresFor(cpu, requested).map((spec) => ({ spec, key: restoreKey(spec) }));
    const missing = specs.filter(({ key }) => !this.#restores.has(key));
    if (missing.length > 0) {
      const path = "verify/restores.ts";
      const planned = missing.map(({ spec }) => spec);
      const text = moduleText(restoresModule(planned, this.#render, { seam: this.#seam, loads: "./loads.mjs" }));
      proveRestores(path, text, planned);
      const texts = new Map([
        ["loads.mjs", this.#loads(planned)],
        ["restores.mjs", withoutTypes(text)],
      ]);
      const [exports] = (await this.#import(texts, ["restores.mjs"])) as Readonly<Record<string, RestoreRoutine>>[];
      for (const { spec, key } of missing) {
        const routine = exports?.[spec.name];
        if (!routine) throw new Error(`the generated module does not export ${spec.name}`);
        this.#restores.set(key, routine);
      }
    }
    return specs.flatMap(({ key }) => this.#restores.get(key) ?? []);
  }

  /** Groups by name. */
  async #generate(groups: readonly GroupSpec[]): Promise<Map<string, SaverGroup>> {
    const texts = new Map([
      ...COPIES.map((name, i) => [name, this.#copies(groups, i + 1)] as const),
      ["savers.mjs", this.#module(groups)],
    ]);
    const [first, second, savers] = await this.#import(texts, [...texts.keys()]);
    useSecondTexts(first as RegionCopies, second as RegionCopies);
    return new Map(Object.entries(savers as Readonly<Record<string, SaverGroup>>));
  }

  /** Writes modules into a folder, imports those that are named, and removes the folder: what each exports. */
  async #import(texts: ReadonlyMap<string, string>, names: readonly string[]): Promise<object[]> {
    const folder = await mkdtemp(join(tmpdir(), "xsavekit-verify-"));
    const found: object[] = [];
    try {
      for (const [name, text] of texts) await writeFile(join(folder, name), text);
      for (const name of names) {
        const url = pathToFileURL(join(folder, name)).href;
        found.push((await import(/* @vite-ignore */ url)) as object);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return found;
  }

  /** Proved JavaScript of one module. */
  #module(groups: readonly GroupSpec[]): string {
    const path = "verify/savers.ts";
    const text = moduleText(saversModule(groups, this.#render, { seam: this.#seam, copies: "./copies.mjs" }));
    proveModule(path, text, groups);
    return withoutTypes(text);
  }

  /** Proved JavaScript of the regions that restores call. */
  #loads(specs: readonly RestoreSpec[]): string {
    const path = "verify/loads.ts";
    const regions = loadRegionsOf(specs);
    const text = moduleText(loadsModule(regions, this.#render, this.#seam));
    proveLoads(path, text, regions);
    return withoutTypes(text);
  }

  /** Proved JavaScript of the copies that they call. */
  #copies(groups: readonly GroupSpec[], number: number): string {
    const path = "verify/copies.ts";
    const regions = regionsOf(groups);
    const text = moduleText(copiesModule(regions, number, this.#render, this.#seam));
    proveCopies(path, text, regions, number);
    return withoutTypes(text);
  }
}

/** Seen from `dist/src/verify`, then from `src/verify`. */
const SEAM_PLACES = ["../runtime/generated-v1.js", "../../dist/src/runtime/generated-v1.js"];
const TEMPLATE_FOLDERS = ["../../../templates", "../../templates"];

function ownFile(places: readonly string[], what: string): URL {
  const found = places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url));
  if (!found) throw new Error(`${what} is not there; looked at ${places.join(" and ")} beside ${import.meta.url}`);
  return found;
}
