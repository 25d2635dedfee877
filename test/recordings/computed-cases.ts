/** All computed cases, by file: the same on every machine. */

import { loadBundledModel } from "../../src/host/load-models.ts";
import type { CaseJson } from "./case-json.ts";
import { computeRestores } from "./compute-restores.ts";
import { computeSaves } from "./compute-saves.ts";

/**
 * Model, XCR0, number of saves and of restores: each standard map, each pointer rule, AMX with IA32_XFD, APX, MPX, LWP,
 * supervisor state.
 */
const CPUS: readonly (readonly [model: string, xcr0: bigint, saves: number, restores: number])[] = [
  ["intel-sapphire-rapids", 0x602e7n, 15, 12],
  ["intel-sapphire-rapids", 0x2e7n, 15, 0],
  ["intel-diamond-rapids", 0x802e7n, 10, 6],
  ["intel-tiger-lake", 0x2e7n, 20, 15],
  ["intel-skylake-client", 0x1fn, 15, 9],
  ["intel-sandy-bridge", 0x7n, 10, 6],
  ["amd-bulldozer", 0x4000_0000_0000_0007n, 10, 0],
  ["amd-zen-2", 0x207n, 15, 12],
  ["amd-zen-4", 0x2e7n, 15, 9],
  ["amd-zen-5", 0x2e7n, 15, 9],
];

/** Cases by the model's id. */
export function computedCases(seed: number): ReadonlyMap<string, readonly CaseJson[]> {
  const files = new Map<string, CaseJson[]>();
  for (const [id, xcr0, saves, restores] of CPUS) {
    const model = loadBundledModel(id);
    const cases = files.get(id) ?? [];
    files.set(id, cases);
    const name = `${model.name}, computed`;
    const from = seed + files.size + cases.length;
    for (const each of [...computeSaves(model, name, xcr0, saves, from), ...computeRestores(model, name, xcr0, restores, from)])
      cases.push({ ...each, id: `${id}-${cases.length + 1}` });
  }
  return files;
}
