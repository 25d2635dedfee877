/** All computed cases, by file: the same on every machine. */

import { loadBundledModel } from "../../src/host/load-models.ts";
import type { CaseJson } from "./case-json.ts";
import { computeSaves } from "./compute-saves.ts";

/** Model, XCR0 and number of saves: each standard map, each pointer rule, AMX with IA32_XFD, APX, MPX, LWP, supervisor state. */
const SAVES: readonly (readonly [model: string, xcr0: bigint, count: number])[] = [
  ["intel-sapphire-rapids", 0x602e7n, 15],
  ["intel-sapphire-rapids", 0x2e7n, 15],
  ["intel-diamond-rapids", 0x802e7n, 10],
  ["intel-tiger-lake", 0x2e7n, 20],
  ["intel-skylake-client", 0x1fn, 15],
  ["intel-sandy-bridge", 0x7n, 10],
  ["amd-bulldozer", 0x4000_0000_0000_0007n, 10],
  ["amd-zen-2", 0x207n, 15],
  ["amd-zen-4", 0x2e7n, 15],
  ["amd-zen-5", 0x2e7n, 15],
];

/** Cases by the model's id. */
export function computedCases(seed: number): ReadonlyMap<string, readonly CaseJson[]> {
  const files = new Map<string, CaseJson[]>();
  for (const [id, xcr0, count] of SAVES) {
    const model = loadBundledModel(id);
    const earlier = files.get(id) ?? [];
    const made = computeSaves(model, `${model.name}, computed`, xcr0, count, seed + files.size + earlier.length);
    files.set(id, [...earlier, ...made.map((each, i) => ({ ...each, id: `${id}-${earlier.length + i + 1}` }))]);
  }
  return files;
}
