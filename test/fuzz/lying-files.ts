/** Files whose fields lie, and a source that counts what is read of them. */

import type { ByteSource } from "../../src/formats/byte-source.ts";
import type { Prng } from "../../src/verify/random/prng.ts";
import type { FuzzFile } from "./container-files.ts";

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
export function mutated(prng: Prng, { bytes, fields }: FuzzFile): Uint8Array {
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
export function watched(bytes: Uint8Array): { source: ByteSource; read: () => number } {
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
