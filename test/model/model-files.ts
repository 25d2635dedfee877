/** The repository's models, read once. */
import { readFileSync, readdirSync } from "node:fs";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { ModelError } from "../../src/model/diagnostic.ts";
import { readModel } from "../../src/model/read-model.ts";

const folder = new URL("../../cpu-models/", import.meta.url);

export const modelFiles: string[] = readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== "masks.yaml");

export function modelText(file: string): string {
  return readFileSync(new URL(file, folder), "utf8");
}

const loaded = new Map<string, CpuModel>();

export function loadModel(id: string): CpuModel {
  const before = loaded.get(id);
  if (before) return before;
  const { model, diagnostics } = readModel(modelText(`${id}.yaml`), `${id}.yaml`, (base) => modelText(`${base}.yaml`));
  if (!model) throw new ModelError(diagnostics);
  loaded.set(id, model);
  return model;
}
