/** The savers and restores against the CPU that this program runs on. */

import { maskHex } from "../../isa/feature-mask.ts";
import { INITIAL_MXCSR, MXCSR_OFFSET, XSTATE_BV_OFFSET } from "../../isa/xsave-area.ts";
import { generatedRestores } from "../../host/load-generated.ts";
import { Processors } from "../../runtime/processors.ts";
import type { Difference } from "../area-difference.ts";
import { readU32, readU64 } from "../little-endian.ts";
import { SaverLoader, type SaverSources } from "../load-savers.ts";
import { buildOracle } from "../oracle/build-oracle.ts";
import type { OracleCase, OracleInstruction } from "../oracle/oracle-case.ts";
import type { OracleProcess } from "../oracle/oracle-process.ts";
import type { OracleResult } from "../oracle/oracle-result.ts";
import { randomMovesCase, randomRestoreCase, randomSaveCase, saveInstructions } from "../random/oracle-cases.ts";
import { Prng } from "../random/prng.ts";
import { stateSpaceOf, type StateSpace } from "../random/state-space.ts";
import { hardwareMasks } from "./hardware-masks.ts";
import { SameAreaJudge } from "./judge-same-area.ts";
import { RestoreJudge } from "./judge-restore.ts";
import { SaveJudge } from "./judge-save.ts";
import { exceptionPending, pointersFromImage } from "./load-registers.ts";
import { describeThisCpu } from "./this-cpu.ts";
import { setXfd } from "../../runtime/set-control-registers.ts";

/** What to run. */
export interface HardwareOptions {
  /** Number of executions. */
  readonly cases: number;
  /** Seed of states, masks and areas; same seed and CPU: same cases. */
  readonly seed: number;
  /** Told about every thousand. */
  readonly onProgress?: (done: number) => void;
  readonly sources?: SaverSources;
}

/** Executions of one instruction. */
export interface InstructionCount {
  cases: number;
  /** With a component of RFBM in its initial configuration (a restore: put into it). */
  withInit: number;
  faults: number;
  /** Those in which a generated saver or restore agreed. */
  generated: number;
}

/** A difference, and the execution it was found in. */
export interface HardwareFailure extends Difference {
  /** `XSAVEC64 mask 0x207 XINUSE 0x3, case 17 of seed 1`. */
  readonly id: string;
  /** `generated` or `general`. */
  readonly by: string;
}

/** Outcome; the shape of `verify --json` with what hardware adds. */
export interface HardwareResult {
  readonly cpu: string;
  /** Bundled model that the vendor's rules are taken from; undefined: none has this signature. */
  readonly model: string | undefined;
  readonly seed: number;
  readonly passed: number;
  readonly failed: number;
  /** Not judged: context switches in every attempt, so that XINUSE is not known. */
  readonly skipped: number;
  readonly skippedBy: Readonly<Record<string, number>>;
  readonly deviating: Readonly<Record<string, number>>;
  readonly bySaver: { readonly generated: number; readonly general: number };
  /** Passed, by instruction. */
  readonly byInstruction: Readonly<Record<string, number>>;
  readonly executions: Readonly<Record<string, InstructionCount>>;
  /** How often a state came up in which rules differ. */
  readonly conditions: Readonly<Record<Condition, number>>;
  /** Faults of restores, by the named cause that ours gives first. */
  readonly faultsByRule: Readonly<Record<string, number>>;
  readonly failures: readonly HardwareFailure[];
}

/** See `conditions`. */
export type Condition =
  | "state by XRSTOR"
  | "state by moves"
  | "live x87 pointers, FSW.ES clear"
  | "live x87 pointers, FSW.ES set"
  | "MXCSR not 1F80H, XMM in init"
  | "old header"
  | "PKRU not 0"
  | "compacted image"
  | "standard image"
  | "XSAVEOPT into the area just restored";

const CONDITIONS: readonly Condition[] = [
  "state by XRSTOR",
  "state by moves",
  "live x87 pointers, FSW.ES clear",
  "live x87 pointers, FSW.ES set",
  "MXCSR not 1F80H, XMM in init",
  "old header",
  "PKRU not 0",
  "compacted image",
  "standard image",
  "XSAVEOPT into the area just restored",
];

/** Cases per round with the oracle. */
const ROUND = 1000;
const RESTORE_SHARE = 0.25;
const MOVES_SHARE = 0.25;
const SAME_AREA_SHARE = 0.05;
const MISALIGNED_SHARE = 0.01;
const PKRU = 9;

/** Runs the cases, or says why this machine cannot. Throws ProofError for a saver that is not what its plan says. */
export async function verifyHardware(options: HardwareOptions): Promise<HardwareResult | { readonly unavailable: string }> {
  const build = buildOracle();
  if (!build.available) return { unavailable: build.reason };
  const oracle = build.start();
  try {
    return await runCases(oracle, options);
  } finally {
    await oracle.close();
  }
}

async function runCases(oracle: OracleProcess, options: HardwareOptions): Promise<HardwareResult> {
  const { hello } = oracle;
  const { cpu, model } = describeThisCpu(hello);
  const processors = new Processors(cpu, { xcr0: hello.xcr0 });
  // TILEDATA without the system's permission is disabled through IA32_XFD.
  if (cpu.instructions.xfd) setXfd(processors, 0, hello.xcr0 & ~hello.permitted);
  const prng = new Prng(options.seed);
  const space = stateSpaceOf(hello, cpu.quirks.mxcsrMask);
  const savers = await new SaverLoader(options.sources).load(cpu, hardwareMasks(prng, space));
  const tally = new HardwareTally(options.seed, hello.xcr0);
  const saves = new SaveJudge(processors, savers, hello.areaBytes);
  const routines = model === undefined ? undefined : (await generatedRestores())[model];
  const restores = new RestoreJudge(processors, hello.areaBytes, (await routines?.())?.restores ?? []);
  const sameArea = new SameAreaJudge(cpu, hello);
  for (let done = 0; done < options.cases; done += ROUND) {
    const cases = Array.from({ length: Math.min(ROUND, options.cases - done) }, () => randomCase(prng, space));
    const results = await oracle.run(cases);
    results.forEach((result, i) => {
      const given = cases[i];
      if (given) judgeCase(given, result, done + i, { saves, restores, sameArea }, tally);
    });
    options.onProgress?.(done + cases.length);
  }
  return { cpu: hello.brand, model, ...tally.result() };
}

/** A quarter restores, a quarter saves of states set by moves, half saves of states set by XRSTOR64; 64-bit forms prevail. */
function randomCase(prng: Prng, space: StateSpace): OracleCase {
  if (prng.chance(RESTORE_SHARE)) return randomRestoreCase(prng, space);
  if (space.xsaveopt && prng.chance(SAME_AREA_SHARE)) {
    return { ...randomSaveCase(prng, space, prng.chance(0.8) ? "XSAVEOPT64" : "XSAVEOPT"), loader: "same-area" };
  }
  const instructions = saveInstructions(space);
  const wide = instructions.filter((name) => name.endsWith("64"));
  const instruction: OracleInstruction = prng.pick(prng.chance(0.5) ? wide : instructions);
  const given = prng.chance(MOVES_SHARE / (1 - RESTORE_SHARE))
    ? randomMovesCase(prng, space, instruction)
    : randomSaveCase(prng, space, instruction);
  return prng.chance(MISALIGNED_SHARE) ? { ...given, misalign: 1 + prng.below(63) } : given;
}

interface Judges {
  readonly saves: SaveJudge;
  readonly restores: RestoreJudge;
  readonly sameArea: SameAreaJudge;
}

function judgeCase(
  given: OracleCase,
  result: OracleResult,
  number: number,
  { saves, restores, sameArea }: Judges,
  tally: HardwareTally,
): void {
  const isRestore = given.instruction.startsWith("XRSTOR");
  if (result.loadFault !== null)
    throw new Error(`case ${number} of seed ${tally.seed}: its state was refused, vector ${result.loadFault.vector}`);
  if (!result.stable) return tally.skip();
  tally.meet(given, result, isRestore);
  if (isRestore) {
    const { differences, faults, generated } = restores.judge(given, result);
    if (faults[0]) tally.fault(faults[0].rule);
    tally.count(given, result, number, differences, generated ? "generated" : "general");
    return;
  }
  if (!result.guardsIntact) tally.impossible(number, "the CPU wrote outside the area");
  if (result.registersChanged) tally.impossible(number, "a save altered a register");
  if (given.loader === "same-area") {
    tally.count(given, result, number, sameArea.judge(given, result), "general");
    return;
  }
  const { differences, generated } = saves.judge(given, result);
  tally.count(given, result, number, differences, generated ? "generated" : "general");
}

class HardwareTally {
  readonly seed: number;
  readonly #xcr0: bigint;
  #passed = 0;
  #skipped = 0;
  readonly #bySaver = { generated: 0, general: 0 };
  readonly #executions: Record<string, InstructionCount> = {};
  readonly #byInstruction: Record<string, number> = {};
  readonly #conditions = Object.fromEntries(CONDITIONS.map((name) => [name, 0])) as Record<Condition, number>;
  readonly #faultsByRule: Record<string, number> = {};
  readonly #failures: HardwareFailure[] = [];
  readonly #failed = new Set<number>();

  constructor(seed: number, xcr0: bigint) {
    this.seed = seed;
    this.#xcr0 = xcr0;
  }

  skip(): void {
    this.#skipped++;
  }
  fault(rule: string): void {
    this.#faultsByRule[rule] = (this.#faultsByRule[rule] ?? 0) + 1;
  }
  impossible(number: number, what: string): never {
    throw new Error(`case ${number} of seed ${this.seed}: ${what}; the oracle is not to be trusted here`);
  }

  meet(given: OracleCase, result: OracleResult, isRestore: boolean): void {
    const { instruction, mask, area } = given;
    const { legacy } = result.registersBefore;
    const count = (this.#executions[instruction] ??= { cases: 0, withInit: 0, faults: 0, generated: 0 });
    count.cases++;
    if (result.fault) count.faults++;
    const inUse = isRestore ? readU64(area, XSTATE_BV_OFFSET) : result.xinuse;
    if ((mask & this.#xcr0 & ~inUse) !== 0n) count.withInit++;
    const meet = (condition: Condition, met: boolean): void => {
      if (met) this.#conditions[condition]++;
    };
    meet("state by moves", given.loader === "moves");
    meet("state by XRSTOR", given.loader !== "moves");
    const live = pointersFromImage(given) && given.state !== undefined && given.state.subarray(6, 24).some((byte) => byte !== 0);
    meet("live x87 pointers, FSW.ES clear", live && !exceptionPending(legacy));
    meet("live x87 pointers, FSW.ES set", live && exceptionPending(legacy));
    meet("MXCSR not 1F80H, XMM in init", !result.xmmInUse && readU32(legacy, MXCSR_OFFSET) !== INITIAL_MXCSR);
    meet("old header", !isRestore && area.subarray(XSTATE_BV_OFFSET, XSTATE_BV_OFFSET + 64).some((byte) => byte !== 0));
    meet("PKRU not 0", result.registersBefore.component(PKRU)?.some((byte) => byte !== 0) === true);
    meet("XSAVEOPT into the area just restored", given.loader === "same-area");
    meet("compacted image", isRestore && (area[XSTATE_BV_OFFSET + 15] ?? 0) >= 0x80);
    meet("standard image", isRestore && (area[XSTATE_BV_OFFSET + 15] ?? 0) < 0x80);
  }

  count(
    { instruction, mask }: OracleCase,
    { xinuse }: OracleResult,
    number: number,
    differences: readonly (Difference & { readonly by?: string })[],
    ran: "generated" | "general",
  ): void {
    const id = `${instruction} mask ${maskHex(mask)} XINUSE ${maskHex(xinuse)}, case ${number} of seed ${this.seed}`;
    for (const each of differences) this.#failures.push({ id, ...each, by: each.by ?? ran });
    const agrees = (path: string): boolean => !differences.some(({ by }) => by === undefined || by === path);
    if (agrees("general")) this.#bySaver.general++;
    if (ran === "generated" && agrees("generated")) {
      this.#bySaver.generated++;
      const executed = this.#executions[instruction];
      if (executed) executed.generated++;
    }
    if (differences.length > 0) {
      this.#failed.add(number);
      return;
    }
    this.#passed++;
    this.#byInstruction[instruction] = (this.#byInstruction[instruction] ?? 0) + 1;
  }

  result(): Omit<HardwareResult, "cpu" | "model"> {
    return {
      seed: this.seed,
      passed: this.#passed,
      failed: this.#failed.size,
      skipped: this.#skipped,
      skippedBy: this.#skipped === 0 ? {} : { "context switches in every attempt": this.#skipped },
      deviating: {},
      bySaver: this.#bySaver,
      byInstruction: this.#byInstruction,
      executions: this.#executions,
      conditions: this.#conditions,
      faultsByRule: this.#faultsByRule,
      failures: this.#failures,
    };
  }
}
