/** Writes imported models as YAML files. */

import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { CpuModel } from "../model/cpu-model.ts";
import { ID_FORM } from "../model/model-schema.ts";
import { writeModel } from "../model/write-model.ts";
import { writeFilesAtomically } from "../output/output-tree.ts";

/** Models cannot be written there; nothing was. */
export class WriteModelsError extends Error {
  override readonly name = "WriteModelsError";
}

const YAML_NAME = /\.ya?ml$/;

/** The id that a model must have to be written to this path: its file's name; undefined if the path is a folder. */
export function idForFile(path: string): string | undefined {
  if (isFolder(path) || !YAML_NAME.test(path)) return undefined;
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
  const files = models.map((model) => ({ path: toFile ? basename(path) : `${model.id}.yaml`, text: writeModel(model) }));
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

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}
