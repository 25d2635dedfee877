/** Savers and the general path against recorded executions: every byte of every area. */

import { maskHex, maskPair } from "../isa/feature-mask.ts";
import type { RequestedMask } from "../generator/saver-spec.ts";
import { type AreaMemory, createArena } from "../runtime/arena.ts";
import { bindGeneralSave } from "../runtime/general-save.ts";
import type { BoundSave, RegisterViews, SaverGroup } from "../runtime/generated-v1.ts";
import { registerViews } from "../runtime/register-views.ts";
import { inUseHigh, inUseLow } from "../runtime/in-use.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";
import { ModifiedOptimisation } from "../runtime/modified-optimisation.ts";
import { Processors } from "../runtime/processors.ts";
import type { SaveFamily, SavePlan } from "../runtime/save-plan.ts";
import { formName } from "../runtime/saver-name.ts";
import { selectSave } from "../runtime/select-save.ts";
import { areaDifferences, type Difference, hexAt } from "./area-difference.ts";
import { ContradictionFinder } from "./contradiction.ts";
import { cpuKey, cpuOfRecord } from "./cpu-of-record.ts";
import { deviationNotShown, deviationsOfSaves, LOADED_BEFORE_FAULT } from "./deviations.ts";
import { loadRecordState } from "./load-record-state.ts";
import { SaverLoader, type SaverSources } from "./load-savers.ts";
import { requestedRestores, RestoreBench } from "./replay-restores.ts";
import { familyOf, isNarrow, planOf } from "./save-of-record.ts";
import { type RecordedExecution, readVectors, type RestoreRecord, type SaveRecord, type VectorRecord } from "./vector-record.ts";
import { type SaverKind, Tally, type VectorFailure, type VerifyResult } from "./verify-result.ts";

/** A file of records, plain or gzip. */
export interface VectorFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Told after each file. */
export interface VerifyProgress {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The area's place in the arena, and what surrounds it. */
const AREA_OFFSET = 64;
const GUARD_SIZE = 64;
const GUARD = 0xa5;

const UINTR = 14;
/** IA32_UINTR_MISC in component 14. */
const UINTR_MISC_OFFSET = 16;

/** Runs every record. Throws VectorError for a malformed line, ProofError for a saver that is not what its plan says. */
export async function verifyVectors(
  files: readonly VectorFile[],
  onProgress: (progress: VerifyProgress) => void = () => {},
  sources: SaverSources = {},
): Promise<VerifyResult> {
  const tally = new Tally();
  const loader = new SaverLoader(sources);
  const contradictions = new ContradictionFinder();
  const read = files.map(({ name, bytes }) => {
    const records = readVectors(name, bytes).map((record) => ({ record, wrong: contradictions.find(record) }));
    return { name, records: records.flatMap(({ record, wrong }) => (wrong === undefined ? [record] : [])), all: records };
  });
  const classes = commonClasses(read.flatMap(({ records }) => records.filter((record) => record.kind === "save")));
  for (const { name, records, all } of read) {
    const start = { ...tally };
    for (const { record, wrong } of all)
      if (wrong !== undefined)
        tally.count(record, new Set(), [failureOf(name, record, "record", "what a CPU can have done", wrong)]);
    const saves = new Map<string, SaveRecord[]>();
    const restores = new Map<string, RestoreRecord[]>();
    for (const record of records) {
      if (record.kind === "restore") put(restores, record);
      else if (record.fault !== undefined) tally.skip("fault");
      else put(saves, record);
    }
    for (const same of saves.values()) await verifyCpu(name, same, classes, loader, tally);
    for (const same of restores.values()) await verifyRestores(name, same, loader, tally);
    onProgress({
      file: name,
      passed: tally.passed - start.passed,
      failed: tally.failed - start.failed,
      skipped: tally.skipped - start.skipped,
    });
  }
  return tally.result();
}

/** Puts a record to those of its CPU. */
function put<Record extends RecordedExecution>(byCpu: Map<string, Record[]>, record: Record): void {
  const key = cpuKey(record);
  const same = byCpu.get(key);
  if (same) same.push(record);
  else byCpu.set(key, [record]);
}

/** Restores of one CPU. */
async function verifyRestores(file: string, records: readonly RestoreRecord[], loader: SaverLoader, tally: Tally): Promise<void> {
  const first = records[0];
  if (!first) return;
  const bench = new RestoreBench(cpuOfRecord(first), records);
  bench.routines = await loader.loadRestores(bench.cpu, requestedRestores(records));
  for (const record of records) {
    const replays = bench.replay(record);
    const { id, line, instruction } = record;
    const failures: VectorFailure[] = replays.flatMap(({ path, form, differences }) =>
      differences.map((difference) => ({ id, file, line, instruction, saver: path, form, ...difference })),
    );
    for (const { path, form } of replays) if (path === "generated") tally.forms.add(`${bench.cpu.id} ${form}`);
    const found = replays.some(({ deviation }) => deviation !== undefined);
    const bare = failures.length === 0 ? deviationNotShown(record, found) : undefined;
    if (bare !== undefined) failures.push(failureOf(file, record, "deviation", bare, "the same as without it"));
    tally.count(record, new Set(replays.map(({ path }) => path)), failures, found ? [LOADED_BEFORE_FAULT] : []);
  }
}

/** Saves of one CPU. */
async function verifyCpu(
  file: string,
  records: readonly SaveRecord[],
  classes: Classes,
  loader: SaverLoader,
  tally: Tally,
): Promise<void> {
  const first = records[0];
  if (!first) return;
  const bench = new Bench(file, cpuOfRecord(first), records);
  bench.savers = await loader.load(bench.cpu, requestedMasks(records, classes));
  // All records of a CPU name the same deviations; without any of these none of them may come out.
  const without = deviationsOfSaves(first.deviations).map((name) => {
    const bare = records.map((record) => ({ ...record, deviations: record.deviations.filter((each) => each !== name) }));
    return { name, bench: new Bench(file, cpuOfRecord(bare[0] ?? first), bare) };
  });
  for (const record of records) {
    const failures: VectorFailure[] = [];
    const ran = bench.verify(record, failures, tally.forms);
    const bare = failures.length === 0 ? without.find((each) => each.bench.agrees(record)) : undefined;
    if (bare) failures.push(failureOf(file, record, "deviation", bare.name, "the same as without it"));
    tally.count(record, ran, failures);
  }
}

/** A failure of the record rather than of what executes it. */
function failureOf(
  file: string,
  { id, line, instruction }: VectorRecord,
  component: "deviation" | "record",
  expected: string,
  got: string,
): VectorFailure {
  return { id, file, line, instruction, saver: "general", form: "general", component, offset: 0, expected, got };
}

/** By RFBM: sets in use that get a saver of their own. */
type Classes = ReadonlyMap<bigint, readonly bigint[]>;

/** Specialised savers for an RFBM, beside the one with everything in use: more cost time and show nothing new. */
const CLASSES_PER_MASK = 1;

/** The commonest sets in use over all files, so that CPUs of one layout share their savers. */
function commonClasses(records: readonly SaveRecord[]): Classes {
  const counts = new Map<bigint, Map<bigint, number>>();
  const processorsByCpu = new Map<string, Processors>();
  for (const record of records) {
    const key = cpuKey(record);
    const processors = processorsByCpu.get(key) ?? new Processors(cpuOfRecord(record));
    processorsByCpu.set(key, processors);
    loadRecordState(processors, 0, record);
    const inUse = processors.xinuse(0) & record.rfbm;
    const ofMask = counts.get(record.rfbm) ?? new Map<bigint, number>();
    counts.set(record.rfbm, ofMask);
    if (inUse !== record.rfbm) ofMask.set(inUse, (ofMask.get(inUse) ?? 0) + 1);
  }
  const commonest = (ofMask: ReadonlyMap<bigint, number>): bigint[] =>
    [...ofMask]
      .sort(([, a], [, b]) => b - a)
      .slice(0, CLASSES_PER_MASK)
      .map(([inUse]) => inUse);
  return new Map([...counts].map(([rfbm, ofMask]) => [rfbm, commonest(ofMask)]));
}

/** Each RFBM once, with the instructions that are recorded with it. */
function requestedMasks(records: readonly SaveRecord[], classes: Classes): RequestedMask[] {
  const masks = new Map<bigint, Set<SaveFamily>>();
  for (const record of records) {
    if (isNarrow(record)) continue;
    const families = masks.get(record.rfbm) ?? new Set();
    masks.set(record.rfbm, families.add(familyOf(record)));
    // One saver serves both for masks inside XCR0.
    if (record.instruction === "XSAVEC64") families.add("XSAVES");
  }
  return [...masks]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([rfbm, families]) => ({
      name: `rfbm-${rfbm.toString(16)}`,
      rfbm,
      families: [...families],
      xinuseClasses: classes.get(rfbm) ?? [],
    }));
}

/** Registers and memory for the records of one CPU. */
class Bench {
  readonly cpu: ProcessorDescription;
  savers: readonly SaverGroup[] = [];
  readonly #file: string;
  readonly #processors: Processors;
  readonly #views: RegisterViews;
  readonly #areas: AreaMemory;

  constructor(file: string, cpu: ProcessorDescription, records: readonly SaveRecord[]) {
    this.cpu = cpu;
    this.#file = file;
    const largest = Math.max(...records.map((record) => record.before.length));
    this.#processors = new Processors(cpu, {
      ...(records.some(({ deviations }) => deviations.includes("modified-optimization")) && {
        modifiedOptimisation: ModifiedOptimisation,
      }),
    });
    this.#views = registerViews(this.#processors);
    this.#areas = createArena({ bytes: AREA_OFFSET + largest + GUARD_SIZE, largestArea: largest });
  }

  /** Runs all paths; returns which ran. */
  verify(record: SaveRecord, failures: VectorFailure[], forms: Set<string>): Set<SaverKind> {
    const family = familyOf(record);
    const plan = planOf(this.cpu, record);
    const { id, line, instruction } = record;
    const run = (saver: SaverKind, form: string, bind: () => BoundSave): void =>
      this.#execute(record, plan, bind, (difference) =>
        failures.push({ id, file: this.#file, line, instruction, saver, form, ...difference }),
      );
    run("general", "general", () => bindGeneralSave(plan, this.#processors, this.#areas));
    const ran = new Set<SaverKind>(["general"]);
    // No saver is generated for the 32-bit forms, nor for what leaves out unmodified components.
    if (isNarrow(record) || this.#processors.modifiedOptimisation) return ran;
    const [low, high] = maskPair(record.rfbm);
    const group = this.savers.find((each) => each.families.includes(family) && each.rfbm[0] === low && each.rfbm[1] === high);
    const any = group?.forms.find((form) => form.inUse === "any");
    if (!group || !any) throw new Error(`${record.id}: no generated saver for ${family}, RFBM ${maskHex(record.rfbm)}`);
    // The state is still loaded, and a save leaves XINUSE alone.
    const lowInUse = (inUseLow(this.#processors.i32, 0, plan.mxcsrCounts ? 2 : 0) & low) >>> 0;
    const highInUse = (inUseHigh(this.#processors.i32, 0) & high) >>> 0;
    const taken =
      group.forms.find((form) => form.inUse !== "any" && form.inUse[0] === lowInUse && form.inUse[1] === highInUse) ?? any;
    run("generated", formName(group, taken), () => {
      const selected = selectSave(this.savers, this.#processors, this.#areas, { instruction: family, mask: record.mask });
      if (selected.path !== "generated")
        throw new Error(`${record.id}: ${family}, RFBM ${maskHex(record.rfbm)} was left to the general path`);
      return selected.save;
    });
    // The form for any XINUSE must give the same where selection takes a specialised one.
    if (taken !== any) run("generated", formName(group, any), () => any.bind(this.#views, this.#areas));
    forms.add(`${group.size} ${formName(group, taken)}`).add(`${group.size} ${formName(group, any)}`);
    return ran.add("generated");
  }

  /** True if the general path gives what is recorded. */
  agrees(record: SaveRecord): boolean {
    const plan = planOf(this.cpu, record);
    let same = true;
    this.#execute(
      record,
      plan,
      () => bindGeneralSave(plan, this.#processors, this.#areas),
      () => (same = false),
    );
    return same;
  }

  /** Loads the state, runs the save and reports how memory and registers differ from the recorded ones. */
  #execute(record: SaveRecord, plan: SavePlan, bind: () => BoundSave, report: (difference: Difference) => void): void {
    loadRecordState(this.#processors, 0, record);
    if (record.restoredFromThisArea)
      this.#processors.modifiedOptimisation?.restored(0, record.xcr0, 0n, {
        buffer: this.#areas.buffer,
        offset: AREA_OFFSET,
        context: {},
      });
    this.#areas.u8.fill(GUARD, 0, this.#areas.end);
    this.#areas.u8.set(record.before, AREA_OFFSET);
    bind()(0, AREA_OFFSET);
    this.#compare(record, plan, report);
  }

  #compare(record: SaveRecord, plan: SavePlan, report: (difference: Difference) => void): void {
    const expected = record.after;
    const end = AREA_OFFSET + expected.length;
    const got = this.#areas.u8.slice(AREA_OFFSET, end);
    areaDifferences(plan, expected, got).forEach(report);
    const u8 = this.#areas.u8;
    for (let at = 0; at < this.#areas.end; at++) {
      if (at === AREA_OFFSET) at = end;
      if (u8[at] === GUARD) continue;
      report({
        component: "outside",
        offset: at - AREA_OFFSET,
        expected: GUARD.toString(16),
        got: hexAt(u8.subarray(0, at + 1), at),
      });
      break;
    }
    if (record.uintrMiscAfter !== undefined) {
      const misc = this.#processors.component(0, UINTR).subarray(UINTR_MISC_OFFSET, UINTR_MISC_OFFSET + 8);
      const wanted = new Uint8Array(8);
      new DataView(wanted.buffer).setBigUint64(0, record.uintrMiscAfter, true);
      const offset = wanted.findIndex((byte, i) => byte !== misc[i]);
      if (offset >= 0)
        report({ component: "UINTR_MISC after the save", offset, expected: hexAt(wanted, offset), got: hexAt(misc, offset) });
    }
  }
}
