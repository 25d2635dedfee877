/** The benchmark's figures as text: medians over processes, their spread, ratios within a process, and DESIGN's targets. */

import { maskHex } from "../../src/isa/feature-mask.ts";
import { median, quantile } from "./measure.ts";
import { COMMAND_ROWS } from "./commands.ts";
import { GENERATION_ROWS } from "./generation.ts";
import { IMAGES } from "./restores.ts";
import { SNAPSHOT_ROWS } from "./snapshots.ts";
import { rowName, type SectionResult, TABLE } from "./sections.ts";

type Results = ReadonlyMap<string, readonly SectionResult[]>;

/** The whole report. */
export function report(results: Results, processes: number): string {
  const all = [...results.values()].flat();
  const lines = [
    `${all[0]?.title ?? ""}; Node ${process.version}`,
    `Medians over ${processes} fresh processes a section, ns per save (spread of their medians). Ratios are taken within a process.`,
    `The CPU saves real registers, ours and all else a register file in memory. Everything is in use, all in the cache.`,
    ...quietness(results),
    "",
  ];
  for (const [name, title, goals] of SWEEPS) lines.push(...sweepLines(results.get(name), title, goals));
  lines.push(
    ...sinkLines(results.get("sink")),
    ...restoreLines(results.get("restores"), "fixed place"),
    ...restoreLines(results.get("restores-anywhere"), "bound to any place"),
    ...tableLines([...results].flatMap(([name, runs]) => (name.startsWith("table-") ? runs : []))),
    ...gateLines(results),
    ...snapshotLines(results.get("snapshots")),
    ...heapLines(results.get("heap")),
    ...generationLines(results.get("generation")),
    ...commandLines(results.get("commands")),
  );
  return lines.join("\n");
}

/** Median and worst ratio to this CPU that a sweep shall reach on Node 20, and on 24. */
interface Goals {
  readonly node20: readonly [median: number, worst: number];
  readonly node24: readonly [median: number, worst: number];
}

const SWEEPS: readonly (readonly [section: string, title: string, goals: Goals])[] = [
  ["fixed", "Fixed place", { node20: [0.5, 0.8], node24: [0.4, 0.65] }],
  ["ring", "Ring of 64 KiB, one processor", { node20: [0.6, 0.9], node24: [0.45, 0.7] }],
  ["ring16", "Ring of 64 KiB, 16 processors through one binding", { node20: [Number.NaN, 0.95], node24: [Number.NaN, 0.8] }],
];

const goalsNow = ({ node20, node24 }: Goals): readonly [number, number] =>
  Number(process.versions.node.split(".")[0]) >= 24 ? node24 : node20;

const two = (value: number): string => value.toFixed(2);
const verdict = (value: number, target: number): string =>
  Number.isNaN(target) ? "no target" : `target ${target}: ${value <= target ? "met" : "MISSED"}`;

/** Values of a row over the processes. */
function values(runs: readonly SectionResult[], name: string): number[] {
  return runs.flatMap(({ rows }) => rows.filter((row) => row.name === name).map(({ ns }) => ns));
}

/** The ratio of two rows: its value in each process, then the median. NaN where one of them is missing. */
function ratio(runs: readonly SectionResult[], ours: string, theirs: string): number {
  const each = runs.flatMap(({ rows }) => {
    const [a, b] = [ours, theirs].map((name) => rows.find((row) => row.name === name)?.ns);
    return a !== undefined && b !== undefined ? [a / b] : [];
  });
  return each.length === 0 ? Number.NaN : median(each);
}

/** The same for the difference in nanoseconds. */
function difference(runs: readonly SectionResult[], ours: string, theirs: string): number {
  const each = runs.flatMap(({ rows }) => {
    const [a, b] = [ours, theirs].map((name) => rows.find((row) => row.name === name)?.ns);
    return a !== undefined && b !== undefined ? [a - b] : [];
  });
  return each.length === 0 ? Number.NaN : median(each);
}

function cell(runs: readonly SectionResult[], name: string): string {
  const found = values(runs, name);
  if (found.length === 0) return "-";
  return `${median(found).toFixed(1)} (${Math.min(...found).toFixed(1)}..${Math.max(...found).toFixed(1)})`;
}

function quietness(results: Results): string[] {
  const shares = [...results].map(
    ([name, runs]) => `${name} ${runs.map(({ quiet }) => `${Math.round(quiet * 100)}%`).join(" ")}`,
  );
  return [
    `Share of samples in which no neighbour slowed the core, the others are left out (0%: too few, so all count): ${shares.join(", ")}`,
  ];
}

function sweepLines(runs: readonly SectionResult[] | undefined, title: string, goals: Goals): string[] {
  if (!runs?.[0]) return [];
  const names = [...new Set(runs[0].rows.map(({ name }) => name.replace(/ \w+$/, "")))];
  const [goalMedian, goalWorst] = goalsNow(goals);
  const lines = [`${title}: every mask of what this CPU has of x87, SSE, AVX, AVX-512 and PKRU, against its own instruction`];
  for (const family of ["XSAVEC", "XSAVE"]) {
    const masks = names.filter((name) => name.startsWith(`${family} `));
    if (masks.length === 0) continue;
    for (const [what, label] of [
      ["saver", "bound saver"],
      ["selected", "with selection by XINUSE"],
    ] as const) {
      const ratios = masks.map((name) => ({ name, value: ratio(runs, `${name} ${what}`, `${name} CPU`) }));
      const known = ratios.filter(({ value }) => !Number.isNaN(value)).toSorted((a, b) => a.value - b.value);
      const worst = known.at(-1);
      if (!worst) {
        lines.push(`  ${family}64, ${label}: no hardware reference`);
        continue;
      }
      const middle = quantile(
        known.map(({ value }) => value),
        0.5,
      );
      const judged = what === "saver";
      lines.push(
        `  ${`${family}64, ${label}`.padEnd(34)} median ${two(middle)}${judged ? ` (${verdict(middle, goalMedian)})` : ""}, worst ${two(worst.value)} at ${worst.name.split(" ")[1]}${judged ? ` (${verdict(worst.value, goalWorst)})` : ""}; ${known.length} masks`,
      );
    }
  }
  for (const mask of ["3", "7", "207", "E7"]) {
    const name = `XSAVEC ${mask}`;
    if (!names.includes(name)) continue;
    lines.push(
      `    ${name.padEnd(11)} saver ${cell(runs, `${name} saver`)}, selected ${cell(runs, `${name} selected`)}, CPU ${cell(runs, `${name} CPU`)}`,
    );
  }
  return [...lines, ""];
}

function sinkLines(runs: readonly SectionResult[] | undefined): string[] {
  if (!runs?.[0]) return [];
  const names = [...new Set(runs[0].rows.map(({ name }) => name.replace(/ \w+$/, "")))];
  const lines = names.map((name) => {
    const value = ratio(runs, `${name} sink`, `${name} CPU`);
    const judged = Number.isNaN(value) ? "no hardware reference" : `${two(value)} of the CPU (${verdict(value, 1.25)})`;
    return `  ${name.padEnd(11)} ${cell(runs, `${name} sink`)}: ${judged}`;
  });
  return ["Sink form: one branch-free routine, exact for any XINUSE", ...lines, ""];
}

const RESTORE_GOALS = { "all in use": { node20: 0.35, node24: 0.3 }, "half in init": { node20: 0.8, node24: 0.8 } } as const;

function restoreLines(runs: readonly SectionResult[] | undefined, bound: string): string[] {
  if (!runs?.[0]) return [];
  const names = [...new Set(runs[0].rows.map(({ name }) => name.replace(/ \w+$/, "")))];
  const newer = Number(process.versions.node.split(".")[0]) >= 24;
  const lines = names.map((name) => {
    const value = ratio(runs, `${name} restore`, `${name} CPU`);
    const image = IMAGES.find((each) => name.endsWith(each)) ?? IMAGES[0];
    const { node20, node24 } = RESTORE_GOALS[image];
    const judged = Number.isNaN(value)
      ? "no hardware reference"
      : `${two(value)} of the CPU (${verdict(value, newer ? node24 : node20)})`;
    return `  ${name.padEnd(28)} ${cell(runs, `${name} restore`)}, CPU ${cell(runs, `${name} CPU`)}: ${judged}`;
  });
  return [`Restores with all checks against XRSTOR64, ${bound}`, ...lines, ""];
}

function tableLines(runs: readonly SectionResult[]): string[] {
  if (!runs[0]) return [];
  const lines = [
    "Fixed place beside what else there is (layout of the model named; a mask that this CPU lacks has no hardware reference)",
    `  ${"".padEnd(36)} ${"saver".padEnd(20)} ${"selected".padEnd(20)} ${"CPU".padEnd(12)} ${"C segments, one copy".padEnd(24)} saver is x of C  DataView / saver  restructure / saver`,
  ];
  const worst = { c: 0, view: Infinity, struct: Infinity };
  const measured = TABLE.filter(([, family, mask]) => values(runs, `${rowName(family, mask)} selected`).length > 0);
  for (const [model, family, mask] of measured) {
    const name = rowName(family, mask);
    const middle = (what: string): string => {
      const found = values(runs, `${name} ${what}`);
      return found.length === 0 ? "none" : median(found).toFixed(1);
    };
    const generated = values(runs, `${name} saver`).length > 0;
    const ours = `${name} ${generated ? "saver" : "selected"}`;
    const [c, view, struct] = [
      ratio(runs, ours, `${name} C segments`),
      ratio(runs, `${name} DataView`, ours),
      ratio(runs, `${name} restructure`, ours),
    ];
    if (generated) {
      worst.c = Math.max(worst.c, c);
      worst.view = Math.min(worst.view, view);
      worst.struct = Math.min(worst.struct, struct);
    }
    lines.push(
      `  ${`${name.padEnd(13)} ${model}`.padEnd(36)} ${(generated ? cell(runs, `${name} saver`) : "general path").padEnd(20)} ${cell(runs, `${name} selected`).padEnd(20)} ${middle("CPU").padEnd(12)} ${`${middle("C segments")}, ${middle("C one copy")}`.padEnd(24)} ${two(c).padEnd(16)} ${view.toFixed(1).padEnd(17)} ${struct.toFixed(1)}`,
    );
  }
  const general = measured.filter(([, family, mask]) => values(runs, `${rowName(family, mask)} saver`).length === 0);
  for (const [model, family, mask] of general)
    lines.push(`  no saver is generated for ${family} ${maskHex(mask)} of ${model}: the general path serves it`);
  const least = (value: number, target: number): string =>
    `${value.toFixed(1)} (target ${target}: ${value >= target ? "met" : "MISSED"})`;
  lines.push(
    `  worst of the generated: ${two(worst.c)} of C segments (${verdict(worst.c, 3)}); DataView loop at least x ${least(worst.view, 10)}; restructure at least x ${least(worst.struct, 8)}`,
  );
  return [...lines, ""];
}

function gateLines(results: Results): string[] {
  const lines: string[] = [];
  for (const [name, title, target] of [
    ["gate-one", "one mask at the call site", 3],
    ["gate-fixed", "four masks in a fixed order", 8],
    ["gate-random", "four masks in random order", Number.NaN],
  ] as const) {
    const runs = results.get(name);
    if (!runs?.[0]) continue;
    for (const what of ["gate by boundSave", "gate and selection"]) {
      const more = difference(runs, what, "bound savers");
      if (Number.isNaN(more)) continue;
      const how = what === "gate and selection" ? `${title}, by gate.save` : `${title}, by gate.boundSave`;
      lines.push(`  ${how.padEnd(48)} +${more.toFixed(1)} ns on ${cell(runs, "bound savers")} (${verdict(more, target)})`);
    }
  }
  return lines.length === 0 ? [] : ["Gate and selection on top of a bound saver", ...lines, ""];
}

function snapshotLines(runs: readonly SectionResult[] | undefined): string[] {
  if (!runs?.[0]) return [];
  const lines = SNAPSHOT_ROWS.map((name) => `  ${name.padEnd(48)} ${cell(runs, name)}`);
  return [
    "perf's way from an NMI, Sapphire Rapids, everything in use: gate, selection, save into the ring of one of 16 processors and header;",
    "gate, selection, save, filter and the register part of a sample (no target)",
    ...lines,
    "",
  ];
}

function heapLines(runs: readonly SectionResult[] | undefined): string[] {
  if (!runs?.[0]?.heap) return [];
  const lines = Object.keys(runs[0].heap).map((name) => {
    const found = runs.flatMap(({ heap }) => heap?.[name] ?? []);
    const most = Math.max(...found.map(({ bytes }) => bytes));
    const collections = found.reduce((sum, each) => sum + each.collections, 0);
    return `  ${name.padEnd(18)} at most ${most} bytes (${verdict(most, 10_000)}), ${collections} collections (${verdict(collections, 0)})`;
  });
  return ["Heap over the second million of saves", ...lines, ""];
}

function generationLines(runs: readonly SectionResult[] | undefined): string[] {
  if (!runs?.[0]) return [];
  const lines = GENERATION_ROWS.map(([name, target]) => {
    const found = values(runs, name).map((ns) => ns / 1e6);
    const middle = median(found);
    return `  ${name.padEnd(48)} ${middle.toFixed(1)} ms (${Math.min(...found).toFixed(1)}-${Math.max(...found).toFixed(1)}; ${verdict(middle, target)})`;
  });
  return ["Generating, milliseconds of whole processes", ...lines, ""];
}

function commandLines(runs: readonly SectionResult[] | undefined): string[] {
  if (!runs?.[0]) return [];
  const lines = COMMAND_ROWS.map(({ name, target, of }) => {
    const found = values(runs, name).map((ns) => ns / 1e6);
    if (found.length === 0) return `  ${name.padEnd(48)} not measured: no collection of dumps beside the repository`;
    const spread = `${median(found).toFixed(1)} ms (${Math.min(...found).toFixed(1)}-${Math.max(...found).toFixed(1)}`;
    const times = of === undefined ? Number.NaN : ratio(runs, name, of);
    const judged = of === undefined ? verdict(median(found), target) : `${two(times)} of ${of}; ${verdict(times, target)}`;
    return `  ${name.padEnd(48)} ${spread}; ${judged})`;
  });
  const peak = median(runs.flatMap(({ peakBytes }) => peakBytes ?? [])) / 1e6;
  lines.push(`  ${"peak memory of that inspect".padEnd(48)} ${peak.toFixed(0)} MB (${verdict(peak, 120)})`);
  return ["Commands and imports, milliseconds in fresh processes", ...lines, ""];
}
