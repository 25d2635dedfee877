/** Generates and writes: the bundled models into the package, or any models into a user's own project. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { isHandEdited } from "../generator/file-header.ts";
import { planGeneration } from "../generator/plan-generation.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import { ModelError } from "../model/diagnostic.ts";
import { readMasks } from "../model/read-masks.ts";
import { modelJsonSchema } from "../model/model-schema.ts";
import { compareTree, type TreeDifference, typeScriptFiles, writeTree } from "../output/output-tree.ts";
import { BuildThreads } from "./build-in-threads.ts";
import { loadBundledModels, packageRoot } from "./load-models.ts";
import { masksText, modelTexts, templateTexts } from "./package-files.ts";

/** What to do. */
export interface RegenerateOptions {
  /** Models for a user's project; absent: all bundled ones, into the package's `generated/`. */
  readonly models?: readonly CpuModel[];
  /** Folder of a user's project. */
  readonly out?: string;
  /** Report only, write nothing. */
  readonly check: boolean;
  /** Render even if nothing changed, since the explanation is wanted. */
  readonly explain?: boolean;
}

/** What was found or done. */
export interface RegenerateResult {
  readonly difference: TreeDifference;
  /** Number of files that the output consists of. */
  readonly files: number;
  /** Savers proved; undefined if nothing had changed and nothing was rendered. */
  readonly savers: number | undefined;
  /** One line per model and mask: which saver serves it, with how many forms, and which models share it. */
  readonly explanation: readonly string[];
}

/** Generates, compares with the folder and, unless told to check only, writes. Throws ModelError for a model or mask file that is wrong. */
export async function regenerate(options: RegenerateOptions): Promise<RegenerateResult> {
  const own = options.models === undefined;
  if (!own && options.out === undefined) throw new Error("models of your own need --out DIR");
  const folder = options.out ?? join(packageRoot(), "generated");
  const stamp = own && options.out === undefined ? stampFile(folder) : undefined;
  if (stamp && !options.check && options.explain !== true && stamp.current()) {
    return {
      difference: { missing: [], changed: [], handEdited: [], orphaned: [] },
      files: stamp.count,
      savers: undefined,
      explanation: [],
    };
  }
  const threads = own ? new BuildThreads() : undefined;
  const masks = readMasks(masksText(), "cpu-models/masks.yaml");
  if (!masks.families) throw new ModelError(masks.diagnostics);
  const models = options.models ?? loadBundledModels();
  const inPackage = options.out === undefined;
  const seam = inPackage
    ? { fromRoot: "../src/runtime/generated-v1.ts", fromSavers: "../../src/runtime/generated-v1.ts" }
    : { fromRoot: "xsavekit/runtime/generated-v1", fromSavers: "xsavekit/runtime/generated-v1" };
  const plan = planGeneration(models, { masks: masks.families, seam, extension: inPackage ? ".ts" : ".js" });
  const templates = templateTexts();
  // Loaded here: ts-morph alone takes a quarter of a second, and an unchanged tree does not need it.
  const { assemble, moduleBuilder } = await import("../generator/index.ts");
  const built = threads
    ? await threads.build({ templates, seam }, plan.modules)
    : plan.modules.map(moduleBuilder({ templates, seam }));
  const { files, savers, groups } = assemble(plan, built);
  const difference = compareTree(folder, files, isHandEdited);
  if (!options.check) {
    writeTree(folder, files, difference);
    if (stamp) stamp.write();
    if (inPackage) writeSchema();
  }
  const users = new Map<string, number>();
  for (const list of groups.values())
    for (const group of list) users.set(`${group.file} ${group.name}`, (users.get(`${group.file} ${group.name}`) ?? 0) + 1);
  const explanation = [...groups].flatMap(([id, list]) =>
    list.map(
      (group) =>
        `${id}: ${group.name} (${group.families.join(", ")}) from savers/${group.file}.ts: ${group.forms.length} forms, ` +
        `${group.plan.pieces.length} pieces in ${group.forms[0]?.segments.length ?? 0} segments, shared by ${users.get(`${group.file} ${group.name}`) ?? 1} models`,
    ),
  );
  return { difference, files: files.length, savers, explanation };
}

function writeSchema(): void {
  const path = join(packageRoot(), "cpu-models", "schema.json");
  const text = modelJsonSchema();
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
}

/**
 * Notes, outside version control, the digest of all inputs and outputs of the last run, so that an unchanged
 * tree is recognised without rendering it. `--check` never believes it.
 */
function stampFile(folder: string): { current(): boolean; write(): void; readonly count: number } {
  const path = join(packageRoot(), "node_modules", ".cache", "xsavekit-generate.json");
  let count = 0;
  const digest = (): string => {
    const hash = createHash("sha256");
    const add = (name: string, text: string): void => void hash.update(`${name}\0${text.length}\0${text}`);
    for (const [id, text] of modelTexts()) add(id, text);
    add("masks", masksText());
    add("template", templateTexts()["save-body.hbs"]);
    const here = dirname(fileURLToPath(import.meta.url));
    for (const floor of ["generator", "runtime", "layout", "isa", "model"]) {
      const code = join(here, "..", floor);
      for (const name of readdirSync(code)
        .filter((each) => /\.[jt]s$/.test(each))
        .sort())
        add(name, readFileSync(join(code, name), "utf8"));
    }
    const names = typeScriptFiles(folder);
    count = names.length;
    for (const name of names) add(name, readFileSync(join(folder, name), "utf8"));
    return hash.digest("hex");
  };
  return {
    get count() {
      return count;
    },
    current: () => existsSync(path) && (JSON.parse(readFileSync(path, "utf8")) as { digest?: string }).digest === digest(),
    write(): void {
      // Only where npm keeps such files: an installed package's parent may be read-only.
      const cache = dirname(path);
      try {
        mkdirSync(cache, { recursive: true });
        writeFileSync(path, JSON.stringify({ digest: digest() }));
      } catch {
        // A stamp that cannot be written costs the next run a second, nothing else.
      }
    },
  };
}
