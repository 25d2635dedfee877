/**
 * Compiles and loads `native-bench.c`: this CPU's own XSAVE-family instructions and C copies, timed in the process
 * that measures the TypeScript savers. Nanoseconds per operation throughout.
 */

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { packageRoot } from "../../src/host/load-models.ts";
import { compileCached } from "../../src/verify/oracle/compile-c.ts";

/** Instructions that can be timed, in the order of the addon's numbers. */
export const BENCH_INSTRUCTIONS = ["XSAVE64", "XSAVEC64", "XSAVEOPT64", "XRSTOR64", "FXSAVE64", "FXRSTOR64"] as const;

/** See BENCH_INSTRUCTIONS. */
export type BenchInstruction = (typeof BENCH_INSTRUCTIONS)[number];

/** Bytes `from` .. `from + length` of the source go to `to` of the area. */
export interface CopySegment {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** An 8-byte store: (old & keep) | value. With `keep` = 0 the old word is not read. */
export interface HeaderStore {
  readonly offset: number;
  readonly keep: bigint;
  readonly value: bigint;
}

/** What a save writes, as copies and header stores. */
export interface CopyPlan {
  readonly segments: readonly CopySegment[];
  readonly headers: readonly HeaderStore[];
}

/** `memcpy`: what the compiler and the C library make of it. `vector`: 64-byte vector moves, inline. */
export type CopyForm = "memcpy" | "vector";

/** Where an operation writes (a restore: reads): `slots` places, `stride` bytes apart, walked cyclically. */
export interface BenchTarget {
  readonly area: Uint8Array;
  /** 1 if absent: one fixed place. */
  readonly slots?: number;
  /** Required with `slots`; for instructions a multiple of 64. */
  readonly stride?: number;
  readonly iterations: number;
}

/** A run of an instruction. */
export interface InstructionRun extends BenchTarget {
  readonly instruction: BenchInstruction;
  readonly mask: bigint;
  /** Standard-format image, 64-byte aligned, loaded into the registers before the clock starts (PKRU is not). */
  readonly state: Uint8Array;
}

/** A run of copies. */
export interface CopyRun extends BenchTarget {
  readonly source: Uint8Array;
}

/** The loaded addon. Bad arguments throw RangeError. */
export interface NativeBench {
  readonly xcr0: bigint;
  /** A zeroed Uint8Array whose address is a multiple of 64. */
  alignedBytes(length: number): Uint8Array;
  /** A view of `bytes` that starts at an address divisible by 64, or throws if there is no room for `length`. */
  alignedView(bytes: Uint8Array, length: number): Uint8Array;
  /** One instruction in a loop of machine code. Restores read their image from `area`. */
  timeInstruction(run: InstructionRun): number;
  /** A plan given to `buildNativeBench`, compiled with constant offsets and lengths: C at its best. */
  timePlan(plan: number, form: CopyForm, run: CopyRun): number;
  /** The same, once, without timing: to check that it writes what it should. */
  runPlan(plan: number, form: CopyForm, source: Uint8Array, area: Uint8Array): void;
  /** A plan known only at run time: a C loop over `memcpy`. At most 64 segments and 8 headers. */
  timeSegments(plan: CopyPlan, run: CopyRun): number;
  /** One copy of `length` bytes, length known only at run time. */
  timeMemcpy(length: number, form: CopyForm, run: CopyRun): number;
}

/** The addon, or why there is none. */
export type NativeBenchBuild =
  | { readonly available: true; readonly bench: NativeBench }
  | { readonly available: false; readonly reason: string };

interface Addon {
  readonly xcr0Low: number;
  readonly xcr0High: number;
  timeInstruction(
    instruction: number,
    maskLow: number,
    maskHigh: number,
    iterations: number,
    state: Uint8Array,
    area: Uint8Array,
    stride: number,
    slots: number,
  ): number;
  timePlan(
    plan: number,
    vector: number,
    iterations: number,
    source: Uint8Array,
    area: Uint8Array,
    stride: number,
    slots: number,
  ): number;
  timeSegments(
    triples: Uint8Array,
    headers: Uint8Array,
    iterations: number,
    source: Uint8Array,
    area: Uint8Array,
    stride: number,
    slots: number,
  ): number;
  timeMemcpy(
    length: number,
    vector: number,
    iterations: number,
    source: Uint8Array,
    area: Uint8Array,
    stride: number,
    slots: number,
  ): number;
  runPlan(plan: number, vector: number, source: Uint8Array, area: Uint8Array): void;
  addressModulo64(bytes: Uint8Array): number;
}

/** Folder of Node's C headers that belong to this Node, or undefined. */
function nodeHeaders(): string | undefined {
  const candidates = [
    join(process.env["npm_config_nodedir"] ?? "", "include/node"),
    join(dirname(process.execPath), "../include/node"),
    "/usr/include/node",
    "/usr/local/include/node",
  ];
  return candidates.find((folder) => existsSync(join(folder, "node_api.h")));
}

/** Compiles (cached) and loads the addon, with one specialised function per plan. Never throws on a lacking tool. */
export function buildNativeBench(plans: readonly CopyPlan[] = []): NativeBenchBuild {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { available: false, reason: `native-bench needs Linux on x86-64, this is ${process.platform} on ${process.arch}` };
  }
  const headers = nodeHeaders();
  if (headers === undefined) return { available: false, reason: "native-bench: Node's C headers (node_api.h) not found" };
  const source = readFileSync(join(packageRoot(), "test/oracle/native-bench.c"), "utf8");
  const compiled = compileCached(
    "native-bench",
    plans.length === 0 ? source : source.replace(/\/\* @plans[^*]*\*\//, () => planSource(plans)),
    [
      "-O3",
      "-march=native",
      "-fno-tree-loop-distribute-patterns",
      "-shared",
      "-fPIC",
      `-I${headers}`,
      ...(plans.length === 0 ? [] : ["-DWITH_PLANS"]),
    ],
    { suffix: ".node" },
  );
  if ("reason" in compiled) return { available: false, reason: compiled.reason };
  try {
    const addon = createRequire(import.meta.url)(compiled.path) as Addon;
    return { available: true, bench: new LoadedBench(addon) };
  } catch (error) {
    return { available: false, reason: `native-bench: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** A number that may stand in C text. */
function literal(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0 || value > 0x7fff_ffff)
    throw new RangeError(`plan: not an offset or length: ${value}`);
  return String(value);
}

function planSource(plans: readonly CopyPlan[]): string {
  const lines: string[] = [];
  const ends: string[] = [];
  const sourceEnds: string[] = [];
  plans.forEach((plan, i) => {
    for (const form of ["memcpy", "vector"]) {
      const copy = form === "memcpy" ? "memcpy" : "vector_copy";
      lines.push(`static __attribute__((noinline)) void ${form}_${i}(uint8_t *restrict to, const uint8_t *restrict from) {`);
      lines.push("  (void)to; (void)from;");
      for (const { from, to, length } of plan.segments) {
        lines.push(`  ${copy}(to + ${literal(to)}, from + ${literal(from)}, ${literal(length)});`);
      }
      for (const { offset, keep, value } of plan.headers) {
        lines.push(`  header_store(to + ${literal(offset)}, 0x${keep.toString(16)}ull, 0x${value.toString(16)}ull);`);
      }
      lines.push("}");
    }
    const stores = plan.headers.map(({ offset }) => offset + 8);
    ends.push(literal(Math.max(0, ...stores, ...plan.segments.map(({ to, length }) => to + length))));
    sourceEnds.push(literal(Math.max(0, ...plan.segments.map(({ from, length }) => from + length))));
  });
  const names = (form: string): string => plans.map((_, i) => `${form}_${i}`).join(", ");
  return [
    ...lines,
    `static const plan_function plan_memcpy[] = {${names("memcpy")}}, plan_vector[] = {${names("vector")}};`,
    `static const uint32_t plan_end[] = {${ends.join(", ")}}, plan_source_end[] = {${sourceEnds.join(", ")}};`,
  ].join("\n");
}

class LoadedBench implements NativeBench {
  readonly xcr0: bigint;
  readonly #addon: Addon;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.xcr0 = (BigInt(addon.xcr0High) << 32n) | BigInt(addon.xcr0Low);
  }

  alignedBytes(length: number): Uint8Array {
    return this.alignedView(new Uint8Array(length + 64), length);
  }

  alignedView(bytes: Uint8Array, length: number): Uint8Array {
    const start = (64 - this.#addon.addressModulo64(bytes)) & 63;
    if (start + length > bytes.length) throw new RangeError(`no room for ${length} aligned bytes in ${bytes.length}`);
    return bytes.subarray(start, start + length);
  }

  timeInstruction(run: InstructionRun): number {
    const { instruction, mask, iterations, state, area, stride = 0, slots = 1 } = run;
    return this.#addon.timeInstruction(
      BENCH_INSTRUCTIONS.indexOf(instruction),
      Number(mask & 0xffff_ffffn),
      Number((mask >> 32n) & 0xffff_ffffn),
      iterations,
      state,
      area,
      stride,
      slots,
    );
  }

  timePlan(plan: number, form: CopyForm, run: CopyRun): number {
    const { iterations, source, area, stride = 0, slots = 1 } = run;
    return this.#addon.timePlan(plan, form === "vector" ? 1 : 0, iterations, source, area, stride, slots);
  }

  runPlan(plan: number, form: CopyForm, source: Uint8Array, area: Uint8Array): void {
    this.#addon.runPlan(plan, form === "vector" ? 1 : 0, source, area);
  }

  timeSegments(plan: CopyPlan, run: CopyRun): number {
    const { iterations, source, area, stride = 0, slots = 1 } = run;
    const triples = new Uint32Array(plan.segments.flatMap(({ from, to, length }) => [from, to, length]));
    const headers = new BigUint64Array(plan.headers.flatMap(({ offset, keep, value }) => [BigInt(offset), keep, value]));
    return this.#addon.timeSegments(
      new Uint8Array(triples.buffer),
      new Uint8Array(headers.buffer),
      iterations,
      source,
      area,
      stride,
      slots,
    );
  }

  timeMemcpy(length: number, form: CopyForm, run: CopyRun): number {
    const { iterations, source, area, stride = 0, slots = 1 } = run;
    return this.#addon.timeMemcpy(length, form === "vector" ? 1 : 0, iterations, source, area, stride, slots);
  }
}
