/**
 * `npm run bench`: saves by generated savers against this CPU's own instructions, C copies and a DataView table
 * loop, in one run: medians of rounds in random order, their spread, and ratios.
 */

import { maskHex } from "../src/isa/feature-mask.ts";
import { generatedRegistry } from "../src/host/load-generated.ts";
import { createArena, type ProcessorDescription, Processors, selectSave } from "../src/runtime/index.ts";
import { saveSegments } from "../src/runtime/save-segments.ts";
import { savePlan, type SaveFamily } from "../src/runtime/save-plan.ts";
import { buildNativeBench } from "./oracle/build-native-bench.ts";

const ROUNDS = 25;
const PER_SAMPLE = 4000;

interface Row {
  readonly title: string;
  readonly model: string;
  readonly family: SaveFamily;
  readonly mask: bigint;
}

const ROWS: readonly Row[] = [
  ...[0x3n, 0x7n, 0xe7n, 0xe6n, 0x2e7n].flatMap((mask) => [
    { title: "compacted", model: "amd-zen-5", family: "XSAVEC" as const, mask },
    { title: "standard", model: "amd-zen-5", family: "XSAVE" as const, mask },
  ]),
  { title: "compacted", model: "intel-sapphire-rapids", family: "XSAVEC", mask: 0x602e7n },
  { title: "LBR", model: "intel-sapphire-rapids", family: "XSAVES", mask: 0x8000n },
];

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const spread = (values: number[]): string => {
  const sorted = values.toSorted((a, b) => a - b);
  return `${(sorted[Math.floor(sorted.length / 10)] ?? 0).toFixed(1)}..${(sorted[Math.floor((sorted.length * 9) / 10)] ?? 0).toFixed(1)}`;
};

/** A loop of its own per candidate: shared feedback would measure the sharing. */
function loop(
  save: (processor: number, offset: number) => void,
  stride: number,
  slots: number,
  processors: number,
): (n: number) => void {
  return new Function(
    "save",
    "stride",
    "slots",
    "processors",
    `/* ${Math.random()} */
    return (n) => { let slot = 0, p = 0; for (let i = 0; i < n; i++) { save(p, slot * stride); slot = slot + 1 === slots ? 0 : slot + 1; p = p + 1 === processors ? 0 : p + 1; } };`,
  )(save, stride, slots, processors) as (n: number) => void;
}

function tableLoop(
  cpu: ProcessorDescription,
  row: Row,
  processors: Processors,
  area: DataView,
): (processor: number, offset: number) => void {
  const segments = savePlan(cpu, row.family, row.mask).pieces;
  const source = new DataView(processors.u8.buffer);
  return (processor, offset) => {
    const base = processor * processors.blockSize;
    for (const each of segments) {
      for (let i = 0; i < each.length; i += 4)
        area.setUint32(offset + each.area + i, source.getUint32(base + each.registers + i, true), true);
    }
    area.setUint32(offset + 512, Number(row.mask), true);
  };
}

async function main(): Promise<void> {
  const registry = await generatedRegistry();
  const native = buildNativeBench();
  if (!native.available) console.log(`no native yardstick: ${native.reason}`);
  console.log(
    `Node ${process.version}; medians of ${ROUNDS} rounds of ${PER_SAMPLE} saves, ns per save (p10..p90); HW reads real registers, we read memory\n`,
  );
  console.log(
    "what                     | fixed        | ring, 1 cpu  | ring, 16     | HW     fixed/HW | C memcpy  ratio | DataView  ratio",
  );
  for (const row of ROWS) {
    const load = registry[row.model];
    if (!load) continue;
    const { cpu, savers } = await load();
    const processors = new Processors(cpu, { count: 16 });
    for (let p = 0; p < 16; p++) processors.setXinuse(p, processors.xcr0(p) | processors.xss(p));
    const arena = createArena({ bytes: 1 << 20, largestArea: 16384 });
    const stride = Math.ceil(savePlan(cpu, row.family, row.mask).size / 64) * 64;
    const slots = Math.floor(65536 / stride);
    const bind = (): ((p: number, o: number) => void) =>
      selectSave(savers, processors, arena, { instruction: row.family, mask: row.mask }).save;
    const candidates = [
      loop(bind(), stride, 1, 1),
      loop(bind(), stride, slots, 1),
      loop(bind(), stride, slots, 16),
      loop(tableLoop(cpu, row, processors, new DataView(arena.buffer)), stride, 1, 1),
    ];
    for (const each of candidates)
      for (let i = 0; i < 40; i++) {
        each(3000);
        if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    const times: number[][] = candidates.map(() => []);
    const hardware: number[] = [];
    const copies: number[] = [];
    const segments = saveSegments(savePlan(cpu, row.family, row.mask), row.mask).map((each) => ({
      from: each.registers,
      to: each.area,
      length: each.length,
    }));
    for (let round = 0; round < ROUNDS; round++) {
      for (const index of candidates.map((_, i) => i).sort(() => Math.random() - 0.5)) {
        const start = process.hrtime.bigint();
        candidates[index]?.(PER_SAMPLE);
        times[index]?.push(Number(process.hrtime.bigint() - start) / PER_SAMPLE);
      }
      if (native.available) {
        const { bench } = native;
        if ((row.mask & ~bench.xcr0) === 0n && row.family !== "XSAVES") {
          const state = bench.alignedBytes(4096);
          const view = new DataView(state.buffer, state.byteOffset);
          view.setUint32(0, 0x037f, true);
          view.setUint32(24, 0x1f80, true);
          view.setBigUint64(512, row.mask, true);
          hardware.push(
            bench.timeInstruction({
              instruction: `${row.family}64` as "XSAVE64" | "XSAVEC64",
              mask: row.mask,
              state,
              area: bench.alignedBytes(4096),
              iterations: PER_SAMPLE,
            }),
          );
        }
        copies.push(
          bench.timeSegments(
            { segments, headers: [] },
            { source: bench.alignedBytes(16384), area: bench.alignedBytes(16384), iterations: PER_SAMPLE },
          ),
        );
      }
    }
    const [fixed = [], ring = [], many = [], table = []] = times;
    const cell = (values: number[]): string => `${median(values).toFixed(1)} (${spread(values)})`.padEnd(18);
    const ratio = (other: number[]): string =>
      other.length
        ? `${median(other).toFixed(1).padStart(6)} ${(median(fixed) / median(other)).toFixed(2).padStart(5)}`
        : "     -     -";
    console.log(
      `${`${maskHex(row.mask)} ${row.title}`.padEnd(18)} | ${cell(fixed)} | ${cell(ring)} | ${cell(many)} | ${ratio(hardware)} | ${ratio(copies)} | ${ratio(table)}`,
    );
    const gc = (globalThis as { gc?: () => void }).gc;
    if (gc && row.mask === 0xe7n) {
      candidates[0]?.(1_000_000);
      gc();
      const before = process.memoryUsage().heapUsed;
      candidates[0]?.(1_000_000);
      console.log(`  heap over the second million: ${process.memoryUsage().heapUsed - before} bytes`);
    }
  }
}

await main();
