/** Containers with fields that lie, cut and spliced: a clear error or a container, bounded reads, never anything else. */

import { gzipSync } from "node:zlib";
import { AREA_SIZE_LIMIT } from "../../src/formats/container.ts";
import { type Container, CONTAINER_KINDS, FormatError, openContainer } from "../../src/formats/index.ts";
import type { Prng } from "../../src/verify/random/prng.ts";
import { fuzzFiles, type FuzzFile } from "./container-files.ts";
import type { FuzzOutcome, FuzzTarget } from "./fuzz-target.ts";
import { mutated, watched } from "./lying-files.ts";

/** Errors of a file's first bytes: nothing behind them was looked at. */
const SHALLOW = new Set(["unknown-format", "foreign-file", "not-a-core", "unknown-architecture", "not-a-minidump"]);

async function open(bytes: Uint8Array, file: FuzzFile, prng: Prng): Promise<FuzzOutcome> {
  const { source, read } = watched(bytes);
  const as = prng.below(4) === 0 ? { as: CONTAINER_KINDS[prng.below(CONTAINER_KINDS.length)] ?? "raw" } : {};
  const outcome = await openContainer(source, { file: "fuzz", ...as }).then(opened, refused);
  // Every structure is looked at a few times; contexts that share their bytes are bounded by their number.
  if (read() > 64 * bytes.length + (1 << 22)) throw new Error(`reads ${read()} bytes of a ${file.name} of ${bytes.length}`);
  return outcome;
}

function opened(container: Container): FuzzOutcome {
  for (const { area } of container.threads) {
    if (!area) continue;
    if (area.bytes.length > AREA_SIZE_LIMIT || area.evidence.size !== area.bytes.length)
      throw new Error(`an area of ${area.bytes.length} bytes, said to have ${area.evidence.size}`);
    if (!(area.fileOffset >= 0)) throw new Error(`an area at ${area.fileOffset}`);
  }
  for (const each of container.warnings)
    if (!(Number.isSafeInteger(each.offset) && Number(each.offset) >= 0 && each.remedy !== ""))
      throw new Error(`a warning without a place: ${each.message}`);
  return { name: `${container.kind}${container.warnings.length > 0 ? " with warnings" : ""}`, deep: true };
}

function refused(error: unknown): FuzzOutcome {
  if (!(error instanceof FormatError)) throw error;
  const { rule, offset, message, remedy } = error.problem;
  if (!(Number.isSafeInteger(offset) && offset >= 0 && message !== "" && remedy !== ""))
    throw new Error(`an error without a place: ${error.message}`);
  return { name: `refused: ${rule}`, deep: !SHALLOW.has(rule) };
}

export const target: FuzzTarget = {
  summary: "cores, minidumps, KVM blobs, signal frames and raw areas with lying fields, cut and spliced",
  leastDeep: 0.6,
  prepare: () => {
    const files = fuzzFiles();
    return (prng) => {
      const file = files[prng.below(files.length)] ?? expectFiles();
      const bytes = mutated(prng, file);
      return open(prng.below(200) === 0 ? new Uint8Array(gzipSync(bytes, { level: 1 })) : bytes, file, prng);
    };
  },
};

function expectFiles(): never {
  throw new Error("no files to mutate");
}
