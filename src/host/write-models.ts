/** Writes imported models as YAML files. */

import { existsSync, statSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";

import type { CpuModel } from "../model/cpu-model.ts";
import { ID_FORM } from "../model/model-schema.ts";
import { writeModel } from "../model/write-model.ts";
import { writeFilesAtomically } from "../output/output-tree.ts";
import { packageRoot } from "./load-models.ts";

/** Models cannot be written there; nothing was. */
export class WriteModelsError extends Error {
  override readonly name = "WriteModelsError";
}

const YAML_NAME = /\.ya?ml$/;

/**
 * The id that a model must have to be written to this path: its file's name; undefined if the path is a folder. Throws
 * WriteModelsError for a file name that no model's file has.
 */
export function idForFile(path: string): string | undefined {
  if (isFolder(path)) return undefined;
  if (!YAML_NAME.test(path)) {
    if (extname(path) === "" || path.endsWith("/") || path.endsWith(sep)) return undefined;
    throw new WriteModelsError(`${path}: a model's file is named .yaml; a folder of such a name is to end with /, or be there`);
  }
  const id = basename(path).replace(YAML_NAME, "");
  if (ID_FORM.test(id)) return id;
  throw new WriteModelsError(`${path}: the file's name is the model's id; use lower-case words joined by -, such as my-cpu.yaml`);
}

/**
 * Writes one model to a file named `.yaml`, or any number into a folder as `<id>.yaml`. All or none; each appears whole.
 * Throws WriteModelsError if a file is there already and `overwrite` is not set. Returns the paths.
 */
export function writeModels(models: readonly CpuModel[], path: string, overwrite: boolean): string[] {
  const toFile = idForFile(path) !== undefined;
  if (toFile && models.length > 1)
    throw new WriteModelsError(`${path}: ${models.length} models do not fit into one file; name a folder`);
  if (!toFile && existsSync(path) && !isFolder(path))
    throw new WriteModelsError(`${path}: is a file that is not named .yaml; name a YAML file or a folder`);
  const folder = toFile ? dirname(path) : path;
  const schema = schemaFrom(folder);
  const files = models.map((model) => ({
    path: toFile ? basename(path) : `${model.id}.yaml`,
    text: writeModel(model, { schema }),
  }));
  const doubled = files.find((file, at) => files.findIndex((each) => each.path === file.path) < at);
  if (doubled) throw new WriteModelsError(`${path}: two models would be ${doubled.path}; import them one by one with --id`);
  const there = files.filter((file) => existsSync(join(folder, file.path))).map((file) => join(folder, file.path));
  if (there.length > 0 && !overwrite)
    throw new WriteModelsError(
      `${there.join(", ")}: there already, nothing was written; --force replaces ${there.length === 1 ? "it" : "them"}`,
    );
  writeFilesAtomically(folder, files);
  return files.map((file) => join(folder, file.path));
}

/**
 * Path with `/` from a folder to the schema beside it or, in a project that has this package installed at `root`, in the package;
 * null if there is neither.
 */
export function schemaFrom(folder: string, root: string = packageRoot()): string | null {
  if (existsSync(join(folder, "schema.json"))) return "schema.json";
  const [project, inside] = root.split(`${sep}node_modules${sep}`, 2);
  if (inside === undefined || project === undefined || !`${resolve(folder)}${sep}`.startsWith(project + sep)) return null;
  return relative(folder, join(root, "cpu-models", "schema.json")).replaceAll(sep, "/");
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
