/** Containers with fields that lie, cut and spliced: a clear error or a container, bounded reads, never anything else. */

import { gzipSync } from "node:zlib";
import type { ByteSource } from "../../src/formats/byte-source.ts";
import { AREA_SIZE_LIMIT } from "../../src/formats/container.ts";
import { type Container, CONTAINER_KINDS, FormatError, openContainer } from "../../src/formats/index.ts";
import type { Prng } from "../../src/verify/random/prng.ts";
import { fuzzFiles, type FuzzFile } from "./container-files.ts";
import type { FuzzOutcome, FuzzTarget } from "./fuzz-target.ts";

/** Values that counts, sizes and offsets go wrong with. */
function lyingValue(prng: Prng, fileSize: number): bigint {
  const near = (value: bigint): bigint => value + BigInt(prng.below(5)) - 2n;
  switch (prng.below(7)) {
    case 0:
      return BigInt(prng.below(64));
    case 1:
      return near(BigInt(fileSize));
    case 2:
      return near(1n << BigInt([15, 16, 31, 32, 53, 63][prng.below(6)] ?? 63));
    case 3:
      return BigInt(prng.below(fileSize));
    case 4:
      return prng.u64();
    case 5:
      return ~0n - BigInt(prng.below(64));
    default:
      return BigInt(prng.below(1 << 20));
  }
}

/** One to four lies about fields, sometimes bytes changed anywhere, the end cut off or a part copied over another. */
function mutated(prng: Prng, { bytes, fields }: FuzzFile): Uint8Array {
  const made = bytes.slice();
  const view = new DataView(made.buffer);
  for (let left = prng.below(4) + 1; left > 0; left--) {
    const [at, width] = fields[prng.below(fields.length)] ?? [0, 4];
    const value = lyingValue(prng, made.length);
    if (width === 8) view.setBigUint64(at, BigInt.asUintN(64, value), true);
    else if (width === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
    else view.setUint16(at, Number(BigInt.asUintN(16, value)), true);
  }
  if (prng.below(4) === 0) for (let left = prng.below(8); left > 0; left--) made[prng.below(made.length)] = prng.below(256);
  if (prng.below(8) === 0) {
    const length = prng.below(Math.min(made.length, 4096));
    const from = prng.below(made.length - length);
    made.copyWithin(prng.below(made.length - length), from, from + length);
  }
  return prng.below(8) === 0 ? made.subarray(0, prng.below(made.length)) : made;
}

/** Counts what is read and refuses what lies outside. */
function watched(bytes: Uint8Array): { source: ByteSource; read: () => number } {
  let total = 0;
  return {
    read: () => total,
    source: {
      size: bytes.length,
      read: (offset, length) => {
        if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length))
          throw new Error(`reads ${length} bytes at ${offset} of a file of ${bytes.length}`);
        total += length;
        return Promise.resolve(bytes.subarray(offset, offset + length));
      },
    },
  };
}

/** Errors of a file's first bytes: nothing behind them was looked at. */
const SHALLOW = new Set(["unknown-format", "not-a-core", "unknown-architecture", "not-a-minidump"]);

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
