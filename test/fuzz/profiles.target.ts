/** perf.data files with fields that lie, cut and spliced: samples with warnings or a clear error, bounded reads. */

import { FormatError, openPerfData } from "../../src/formats/index.ts";
import type { Prng } from "../../src/verify/random/prng.ts";
import { attribute, bytesOf, comm, perfFile, perfPipe, record, sample, u64s } from "../formats/perf-data-file.ts";
import { rawFrame } from "../formats/zstd-frames.ts";
import type { FuzzFile } from "./container-files.ts";
import type { FuzzOutcome, FuzzTarget } from "./fuzz-target.ts";
import { mutated, watched } from "./lying-files.ts";

/** TID, READ (all formats), CALLCHAIN, RAW, BRANCH_STACK, REGS_USER, STACK_USER, IDENTIFIER, REGS_INTR. */
const EVERYTHING = 0x2 | 0x10 | 0x20 | 0x400 | 0x800 | 0x1000 | 0x2000 | 0x10000 | 0x40000;
const SIMD = { predicateQwords: 1, predicatesUser: 1, vectorQwords: 4, vectorsUser: 0x10001n };

function fullSample(id: number): Uint8Array {
  const raw = bytesOf(Uint8Array.of(12, 0, 0, 0), new Uint8Array(12));
  const vectors = [1n | (4n << 16n) | (1n << 32n) | (1n << 48n), 1, 2, 3, 4, 5];
  const set = [6, 0xaa, 0xbb, ...vectors];
  return sample(
    u64s(id, 7, 2, 10, 11, 100, id, 0, 200, 2, 0, 2, 1, 2),
    raw,
    u64s(1, 9, 4, 5, 6, ...set, 8, 1, 8, 2, 1, 0x401000),
  );
}

function files(): FuzzFile[] {
  const fields = { sampleType: EVERYTHING, readFormat: 0b11111, branchSampleType: 1 << 17, regsUser: 3n, regsIntr: 1n };
  const events = [
    { attribute: attribute({ ...fields, simd: SIMD }), ids: [1, 2] },
    { attribute: attribute({ ...fields, regsUser: 1n << 32n }), ids: [3] },
  ];
  const records = [comm(7, 7, "worker"), fullSample(1), fullSample(2), record(71, u64s(0, 0)), fullSample(1)];
  const stream = rawFrame(bytesOf(...records));
  stream[6]! &= 0xfe;
  const packed = [record(81, stream.subarray(0, 100)), record(81, stream.subarray(100))];
  const made = [
    ["profile", perfFile(events, records)],
    ["profile of a pipe", perfPipe(events, records)],
    ["compressed profile", perfFile(events, packed)],
  ] as const;
  // Everything but strings is made of quadwords, whose halves and quarters are fields too.
  return made.map(([name, bytes]) => ({
    name,
    bytes,
    fields: Array.from({ length: (bytes.length >> 3) - 1 }, (_, i) => 8 * (i + 1)).flatMap((at): FuzzFile["fields"][number][] => [
      [at, 8],
      [at, 4],
      [at + 4, 2],
      [at + 6, 2],
    ]),
  }));
}

async function run(bytes: Uint8Array, name: string): Promise<FuzzOutcome> {
  const { source, read } = watched(bytes);
  const outcome = await walked(source);
  if (read() > 64 * bytes.length + (1 << 22)) throw new Error(`reads ${read()} bytes of a ${name} of ${bytes.length}`);
  return outcome;
}

async function walked(source: ReturnType<typeof watched>["source"]): Promise<FuzzOutcome> {
  try {
    const profile = await openPerfData(source);
    let samples = 0;
    for await (const each of profile.samples()) {
      samples++;
      if (!profile.events[each.event]) throw new Error(`a sample of event ${each.event}`);
      for (const set of [each.user, each.intr])
        for (const [, vector] of set?.vectors ?? [])
          if (vector.length !== set!.vectorBytes) throw new Error(`a vector of ${vector.length} bytes`);
    }
    for (const each of profile.problems.warnings("fuzz"))
      if (!(Number.isSafeInteger(each.offset) && Number(each.offset) >= 0 && each.remedy !== ""))
        throw new Error(`a warning without a place: ${each.message}`);
    return { name: samples > 0 ? "samples" : "no samples", deep: true };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { rule, offset, message, remedy } = error.problem;
    if (!(Number.isSafeInteger(offset) && offset >= 0 && message !== "" && remedy !== ""))
      throw new Error(`an error without a place: ${error.message}`, { cause: error });
    return { name: `refused: ${rule}`, deep: false };
  }
}

export const target: FuzzTarget = {
  summary: "perf.data files, of a pipe and compressed, with lying fields, cut and spliced",
  leastDeep: 0.6,
  prepare: () => {
    const made = files();
    return (prng: Prng) => {
      const file = made[prng.below(made.length)]!;
      return run(mutated(prng, file), file.name);
    };
  },
};
