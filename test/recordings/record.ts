/**
 * `npm run record`: writes the cases of the conformance suite. Computed ones are the same everywhere; recorded ones are of
 * the CPU that this runs on, beside those of other CPUs.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { packageRoot } from "../../src/host/load-models.ts";
import type { CaseJson } from "./case-json.ts";
import { computedCases } from "./computed-cases.ts";
import { recordHardware } from "./record-hardware.ts";

const SEED = 1;
const folder = join(packageRoot(), "src/verify/suite/cases");

function write(name: string, cases: readonly CaseJson[]): void {
  const text = cases.map((each) => `${JSON.stringify(each)}\n`).join("");
  const bytes = gzipSync(text, { level: 9 });
  writeFileSync(join(folder, `${name}.jsonl.gz`), bytes);
  console.log(`${name}: ${cases.length} cases, ${text.length} bytes, compressed ${bytes.length}`);
}

for (const [id, cases] of computedCases(SEED)) write(`computed-${id}`, cases);
try {
  const { model, cases } = await recordHardware(SEED);
  write(`recorded-${model}`, cases);
} catch (error) {
  console.log(`nothing recorded here: ${error instanceof Error ? error.message : String(error)}`);
}
