/** The proof of the regions that restores call: straight-line, and loading just the planned bytes. */

import { LOAD_NAMES, type LoadRegionSpec } from "./load-region.ts";
import type { KnownStatements } from "./known-statements.ts";
import { REGION_TEXTS } from "./region-copy.ts";
import { proveRegions, straightLine } from "./prove-straight-line.ts";

/** What loads of x87 call: bound by `LOAD_NAMES`. */
const LOADS = straightLine(/^control$/);

/** Proves every text of every region; throws ProofError at the first that fails. */
export function proveLoads(path: string, text: string, regions: readonly LoadRegionSpec[], known?: KnownStatements): void {
  proveRegions(
    path,
    text,
    { texts: REGION_TEXTS, maker: "regionLoad", imports: ["regionLoad"], type: "RegionLoad", names: LOAD_NAMES, judge: LOADS },
    regions.map((region) => ({
      name: region.name,
      data: [],
      expected: expectedLoad(region),
      fromArea: region.kind !== "initial",
    })),
    known,
  );
}

/** What a region's function must do, from its plan. */
function expectedLoad({ kind, at, length }: LoadRegionSpec): string[] {
  const block = "((processor & P) * B)";
  if (kind === "legacy") {
    return [
      `const t = ${block} >>> 3;`,
      "const q = (offset & M) >>> 3;",
      `const f = ${block} >>> 2;`,
      "const w = (offset & M) >>> 2;",
      "control(R, Q, f, w, unused, -1, kept);",
      ...[32, 48, 64, 80, 96, 112, 128, 144].flatMap((st) => [
        `move d.q ${st} -> s.t ${st} length 8`,
        `R[f + ${(st + 8) / 4}] = Q[w + ${(st + 8) / 4}]! & 65535;`,
        `R[f + ${(st + 12) / 4}] = 0;`,
      ]),
      "move d.q 160 -> s.t 160 length 256",
    ];
  }
  if (kind === "initial") return [`const t = ${block} >>> 3;`, `move s.i ${at} -> s.t ${at} length ${length}`];
  return [`const t = ${block} >>> 3;`, "const q = (offset & M) >>> 3;", `move d.q ${at} -> s.t ${at} length ${length}`];
}
