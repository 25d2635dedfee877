/** Where the package's own data lies, found from this module: works from `src/` and from `dist/src/`. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import type { TemplateTexts } from "../generator/render-body.ts";

/** Folder that holds `package.json`, `cpu-models/`, `templates/` and `generated/`. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "cpu-models", "masks.yaml"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("cpu-models/masks.yaml is missing: the package is not complete, install it again");
    folder = parent;
  }
  return folder;
}

/** Texts of `cpu-models/*.yaml` by id, `masks` excluded, sorted. */
export function modelTexts(): ReadonlyMap<string, string> {
  const folder = join(packageRoot(), "cpu-models");
  const ids = readdirSync(folder)
    .filter((name) => name.endsWith(".yaml") && name !== "masks.yaml")
    .map((name) => name.slice(0, -5))
    .sort();
  return new Map(ids.map((id) => [id, readFileSync(join(folder, `${id}.yaml`), "utf8")]));
}

/** Text of `cpu-models/masks.yaml`. */
export function masksText(): string {
  return readFileSync(join(packageRoot(), "cpu-models", "masks.yaml"), "utf8");
}

/** The templates. */
export function templateTexts(): TemplateTexts {
  return { "save-body.hbs": readFileSync(join(packageRoot(), "templates", "save-body.hbs"), "utf8") };
}
