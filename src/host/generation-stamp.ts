/** Tells, without generating, that nothing has changed since the last generation. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { typeScriptFiles } from "../output/output-tree.ts";
import { modelsFolder, packageRoot } from "./load-models.ts";
import { masksText, modelTexts, templateTexts } from "./package-files.ts";

/** The note about the last run. */
export interface GenerationStamp {
  /** True if inputs, generator and outputs are those of the last run. */
  current(): boolean;
  write(): void;
  /** Files of the output, known after `current`. */
  readonly count: number;
}

/**
 * Notes, outside version control, the digest of all inputs and outputs of the last run, so that an unchanged
 * tree is recognised without rendering it. `--check` never believes it.
 */
export function generationStamp(folder: string): GenerationStamp {
  const path = join(packageRoot(), "node_modules", ".cache", "xsavekit-generate");
  const schema = join(modelsFolder(), "schema.json");
  let count = 0;
  const digest = (): string => {
    const hash = createHash("sha256");
    const add = (name: string, text: string): void => void hash.update(`${name}\0${text.length}\0${text}`);
    for (const [id, text] of modelTexts()) add(id, text);
    add("masks", masksText());
    for (const [name, template] of Object.entries(templateTexts())) add(name, template);
    add("schema", existsSync(schema) ? readFileSync(schema, "utf8") : "");
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
    current: () => existsSync(path) && readFileSync(path, "utf8") === digest(),
    write(): void {
      // Only where npm keeps such files: an installed package's parent may be read-only.
      const cache = dirname(path);
      try {
        mkdirSync(cache, { recursive: true });
        writeFileSync(path, digest());
      } catch {
        // A stamp that cannot be written costs the next run a second, nothing else.
      }
    },
  };
}
