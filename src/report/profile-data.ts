/** What `inspect` shows of a perf.data file: events, and the registers of its samples. */

import type { PerfData, PerfEvent, PerfSample } from "../formats/index.ts";
import { formatLanes, hexBytes } from "../image/format-value.ts";
import { maskHex } from "../isa/feature-mask.ts";
import { escapeText } from "../model/diagnostic.ts";
import { GENERAL_REGISTER_COUNT, sampleRegisterName } from "../perf/register-numbers.ts";
import type { DecodedRegisters } from "../perf/sample-record.ts";
import type { InspectionOptions, InspectionWarning } from "./inspection-data.ts";

/** Samples that are shown at most. */
export const MOST_SAMPLES = 100_000;
/** Samples in the text for people. */
const SAMPLES_IN_TEXT = 10;

/** One set of a sample's registers: vectors as hex in memory order, the rest as `0x...`. */
export interface ProfiledRegisters {
  /** PERF_SAMPLE_REGS_ABI_*; 0: none were delivered. */
  readonly abi: number;
  readonly registers: Readonly<Record<string, string>>;
  /** Lanes of vectors, where a format other than hex was asked for. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
}

/** One sample. */
export interface ProfiledSample {
  readonly fileOffset: number;
  /** Index into `events`. */
  readonly event: number;
  readonly ip: string | null;
  readonly pid: number | null;
  readonly tid: number | null;
  readonly name: string | null;
  /** Nanoseconds, as `0x...`. */
  readonly time: string | null;
  readonly cpu: number | null;
  /** REGS_USER and REGS_INTR; null where the event has none. */
  readonly user: ProfiledRegisters | null;
  readonly intr: ProfiledRegisters | null;
}

/** A perf.data file; `layout` and `threads` are there so that every container has them. */
export interface Profile {
  readonly file: string;
  readonly container: "perf-data";
  readonly description: string;
  readonly layout: null;
  readonly threads: readonly [];
  readonly events: readonly {
    readonly sampleType: string;
    readonly regsUser: string | null;
    readonly regsIntr: string | null;
    readonly vectorQwords: number;
  }[];
  readonly samples: readonly ProfiledSample[];
  readonly warnings: readonly InspectionWarning[];
}

/** Reads the samples, those of one thread if `tid` is given. */
export async function profile(file: string, data: PerfData, options: InspectionOptions, tid?: number): Promise<Profile> {
  const samples: ProfiledSample[] = [];
  for await (const sample of data.samples()) {
    if (tid !== undefined && sample.tid !== tid) continue;
    if (samples.length === MOST_SAMPLES) {
      data.problems.add({
        rule: "more-samples",
        offset: sample.fileOffset,
        message: `more than ${MOST_SAMPLES} samples; those from here on are left out`,
        remedy: "--thread shows one thread's",
      });
      break;
    }
    samples.push(profiledSample(sample, options));
  }
  return {
    file,
    container: "perf-data",
    description: data.description,
    layout: null,
    threads: [],
    events: data.events.map(profiledEvent),
    samples,
    warnings: data.problems.warnings(file).map(({ rule, offset, message }) => ({ rule, offset: offset ?? null, message })),
  };
}

const maskOrNull = (mask: bigint | undefined): string | null => (mask === undefined ? null : maskHex(mask));

function profiledEvent({ sampleType, regsUser, regsIntr, simd }: PerfEvent): Profile["events"][number] {
  return {
    sampleType: maskHex(BigInt(sampleType >>> 0)),
    regsUser: maskOrNull(regsUser),
    regsIntr: maskOrNull(regsIntr),
    vectorQwords: simd?.vectorQwords ?? 0,
  };
}

function profiledSample(
  { fileOffset, event, ip, pid, tid, name, time, cpu, user, intr }: PerfSample,
  options: InspectionOptions,
): ProfiledSample {
  return {
    fileOffset,
    event,
    ip: maskOrNull(ip),
    pid: pid ?? null,
    tid: tid ?? null,
    name: name ?? null,
    time: maskOrNull(time),
    cpu: cpu ?? null,
    user: user ? profiledRegisters(user, options) : null,
    intr: intr ? profiledRegisters(intr, options) : null,
  };
}

const VECTOR_NAMES = [
  ["zmm", 64],
  ["ymm", 32],
  ["xmm", 16],
] as const;

function profiledRegisters(set: DecodedRegisters, { registers: asked, format }: InspectionOptions): ProfiledRegisters {
  const names = asked && new Set(asked.map((register) => register.name));
  const registers: Record<string, string> = {};
  const values: Record<string, readonly string[]> = {};
  const show = (name: string, value: bigint): void => {
    if (!names || names.has(name)) registers[name] = maskHex(value);
  };
  for (const [bit, value] of set.registers) {
    const name = sampleRegisterName(bit, set.abi) ?? `bit${bit}`;
    // General registers are always shown, as those of a core are.
    if (bit < GENERAL_REGISTER_COUNT) registers[name] = maskHex(value);
    else show(name, value);
  }
  for (const [index, bytes] of set.vectors) {
    // Every width that the record has, where one was asked for; else the register as it was sampled.
    for (const [group, width] of VECTOR_NAMES) {
      const name = `${group}${index}`;
      if (width > bytes.length || (names ? !names.has(name) : width !== bytes.length)) continue;
      registers[name] = hexBytes(bytes.subarray(0, width));
      if (format !== "hex") values[name] = formatLanes(bytes.subarray(0, width), format);
    }
  }
  for (const [index, value] of set.predicates) show(`k${index}`, value);
  return { abi: set.abi, registers, ...(format !== "hex" && { values }) };
}

/** The report for people: a line of each of the first samples, and its registers. */
export function profileText({ file, description, samples, warnings }: Profile): string {
  const lines = [`${escapeText(file)}: ${description}; ${samples.length} ${samples.length === 1 ? "sample" : "samples"}`];
  for (const { rule, offset, message } of warnings) lines.push(`warning ${rule}: byte ${offset}: ${escapeText(message)}`);
  for (const sample of samples.slice(0, SAMPLES_IN_TEXT)) {
    const { tid, name, ip, user, intr } = sample;
    lines.push(
      "",
      `thread ${tid ?? "?"}${name === null ? "" : ` "${escapeText(name)}"`}, ip ${ip ?? "?"}, event ${sample.event}`,
    );
    if (user) lines.push(...setLines("user", user));
    if (intr) lines.push(...setLines("interrupted", intr));
  }
  if (samples.length > SAMPLES_IN_TEXT) lines.push("", `${samples.length - SAMPLES_IN_TEXT} more samples: --json shows all`);
  return lines.join("\n");
}

function setLines(title: string, { abi, registers, values }: ProfiledRegisters): string[] {
  if (abi === 0) return [`  ${title}: no registers were delivered`];
  const width = Math.max(0, ...Object.keys(registers).map((name) => name.length));
  const contents = Object.entries(registers).map(
    ([name, text]) => `    ${name.padEnd(width)}  ${values?.[name]?.join(" ") ?? text}`,
  );
  return [`  ${title}, ABI ${abi}`, ...contents];
}
