/** Texts of the package that the generator works from. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { TemplateTexts } from "../generator/render-body.ts";
import { bundledIds, modelsFolder, packageRoot } from "./load-models.ts";

/** Texts of `cpu-models/*.yaml` by id, `masks` excluded, sorted. */
export function modelTexts(): ReadonlyMap<string, string> {
  return new Map(bundledIds().map((id) => [id, readFileSync(join(modelsFolder(), `${id}.yaml`), "utf8")]));
}

/** Text of `cpu-models/masks.yaml`. */
export function masksText(): string {
  return readFileSync(join(modelsFolder(), "masks.yaml"), "utf8");
}

/** The templates. */
export function templateTexts(): TemplateTexts {
  const text = (name: keyof TemplateTexts): string => readFileSync(join(packageRoot(), "templates", name), "utf8");
  return {
    "save-body.hbs": text("save-body.hbs"),
    "copy-body.hbs": text("copy-body.hbs"),
    "restore-body.hbs": text("restore-body.hbs"),
    "load-body.hbs": text("load-body.hbs"),
  };
}
