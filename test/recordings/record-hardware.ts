/** Executions of the CPU that this runs on, as cases. */

import { loadBundledModel } from "../../src/host/load-models.ts";
import { XSTATE_BV_OFFSET } from "../../src/isa/xsave-area.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { describeThisCpu } from "../../src/verify/hardware/this-cpu.ts";
import { pointersFromImage } from "../../src/verify/hardware/load-registers.ts";
import { readU32, readU64, writeU32 } from "../../src/verify/little-endian.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import type { OracleCase, OracleInstruction } from "../../src/verify/oracle/oracle-case.ts";
import type { OracleRegisters, OracleResult } from "../../src/verify/oracle/oracle-result.ts";
import { randomRestoreCase, randomSaveCase } from "../../src/verify/random/oracle-cases.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import { RESTORE_DEFECTS } from "../../src/verify/random/restore-image.ts";
import { stateSpaceOf, type StateSpace } from "../../src/verify/random/state-space.ts";
import { bytesJson, type CaseJson, cpuJson, largestArea, masksJson, type Registers, stateJson } from "./case-json.ts";

const SAVES: readonly OracleInstruction[] = ["XSAVE64", "XSAVEC64", "XSAVEOPT64", "XSAVE"];
const SAVES_EACH = 24;
const RESTORES_PER_DEFECT = 3;
const SOUND_RESTORES = 16;

/** Cases, and the id of the model that they are of. Throws Error where this machine cannot run them. */
export async function recordHardware(seed: number): Promise<{ readonly model: string; readonly cases: readonly CaseJson[] }> {
  const build = buildOracle();
  if (!build.available) throw new Error(build.reason);
  const { hello } = build;
  const id = describeThisCpu(hello).model;
  if (id === undefined) throw new Error("no bundled model has this CPU's signature: import it first");
  const model = loadBundledModel(id);
  const space = stateSpaceOf(hello, model.quirks.mxcsrMask);
  const prng = new Prng(seed);
  const given = [
    ...SAVES.flatMap((instruction) =>
      Array.from({ length: SAVES_EACH }, () => plainArea(prng, randomSaveCase(prng, space, instruction))),
    ),
    ...restores(prng, space),
  ];
  const oracle = build.start();
  const results = await oracle.run(given);
  await oracle.close();
  const cpu = cpuJson(model, `${model.name}, hardware`, hello.xcr0, 0n);
  const cases = given.map((each, i) => {
    const result = results[i];
    if (!result?.stable || result.loadFault || result.imagePkruMasked || result.statePkruMasked)
      throw new Error(`case ${i} could not be executed as asked; record again`);
    const recorder = new Recorder(model, cpu, hello.xcr0, `${id}-${i + 1}`);
    return each.instruction.startsWith("XRSTOR") ? recorder.restore(each, result) : recorder.save(each, result);
  });
  return { model: id, cases };
}

/** Outside the header a pattern, so that the recordings stay small. */
function plainArea(prng: Prng, given: OracleCase): OracleCase {
  const pattern = new Uint8Array(64);
  prng.fill(pattern);
  const area = given.area.map((byte, at) => (at >= XSTATE_BV_OFFSET && at < 576 ? byte : (pattern[at & 63] ?? 0)));
  return { ...given, area };
}

function restores(prng: Prng, space: StateSpace): OracleCase[] {
  const cases: OracleCase[] = [];
  for (const compacted of [false, true]) {
    for (const defect of RESTORE_DEFECTS) {
      const count = defect === "none" ? SOUND_RESTORES : RESTORES_PER_DEFECT;
      for (let i = 0; i < count; i++) {
        const made = randomRestoreCase(prng, space, { compacted, defect });
        // Misaligned as the format has it: by 16.
        cases.push({ ...made, instruction: "XRSTOR64", misalign: defect === "misaligned" ? 16 : 0 });
      }
    }
  }
  return cases;
}

class Recorder {
  readonly #model: CpuModel;
  readonly #cpu: CaseJson;
  readonly #xcr0: bigint;
  readonly #id: string;
  readonly #bytes: number;

  constructor(model: CpuModel, cpu: CaseJson, xcr0: bigint, id: string) {
    this.#model = model;
    this.#cpu = cpu;
    this.#xcr0 = xcr0;
    this.#id = id;
    this.#bytes = largestArea(model, xcr0, 0n);
  }

  save(given: OracleCase, result: OracleResult): CaseJson {
    if (Buffer.compare(result.area.subarray(this.#bytes), given.area.subarray(this.#bytes)) !== 0)
      throw new Error(`${this.#id}: the CPU wrote behind its largest area`);
    if (result.fault) throw new Error(`${this.#id}: the save faulted`);
    return {
      ...this.#head(given, readU64(given.area, XSTATE_BV_OFFSET) === 0n ? "random" : "old-header"),
      ...masksJson({ xinuse: result.xinuseBefore ?? result.xinuse }),
      xmmInUse: result.xmmInUse,
      loader: "xrstor",
      nmi: false,
      initComponents: null,
      fault: null,
      state: stateJson(this.#before(given, result)),
      before: bytesJson(given.area.subarray(0, this.#bytes)),
      after: bytesJson(result.area.subarray(0, this.#bytes)),
      deviations: [],
    };
  }

  restore(given: OracleCase, result: OracleResult): CaseJson {
    const compacted = (given.area[XSTATE_BV_OFFSET + 15] ?? 0) >= 0x80;
    return {
      ...this.#head(given, result.fault ? "refused" : compacted ? "compacted" : "standard"),
      compacted,
      misaligned: (given.misalign ?? 0) !== 0,
      fault: result.fault?.vector ?? null,
      image: bytesJson(given.area.subarray(0, this.#bytes)),
      ...masksJson({ xinuseBefore: result.xinuseBefore ?? 0n, xinuseAfter: result.xinuseAfter ?? 0n }),
      stateBefore: stateJson(this.#before(given, result)),
      // After a fault the kernel's signal frame has been between: what a refused restore must leave is what there was.
      stateAfter: stateJson(result.fault ? this.#read(result.registersBefore) : this.#read(result.registers)),
      deviations: [],
    };
  }

  #head(given: OracleCase, group: string): CaseJson {
    return {
      id: this.#id,
      origin: "recorded",
      cpu: this.#cpu,
      group,
      instruction: given.instruction,
      ...masksJson({ xcr0: this.#xcr0, xss: 0n, xfd: 0n, mask: given.mask, rfbm: given.mask & this.#xcr0 }),
    };
  }

  /** Registers with the live x87 pointers, which FXSAVE64 hides on this CPU unless FSW.ES is set. */
  #before(given: OracleCase, { registersBefore }: OracleResult): Registers {
    const { legacy, components } = this.#read(registersBefore);
    if (pointersFromImage(given) && given.state) legacy.set(given.state.subarray(6, 24), 6);
    if (readU32(legacy, 28) !== this.#model.quirks.mxcsrMask) throw new Error("MXCSR_MASK is not the model's");
    return { legacy, components };
  }

  #read(registers: OracleRegisters): { legacy: Uint8Array; components: Map<number, Uint8Array> } {
    const legacy = registers.legacy.slice();
    writeU32(legacy, 28, this.#model.quirks.mxcsrMask);
    const components = new Map<number, Uint8Array>();
    for (const { index } of this.#model.components) {
      const bytes = registers.component(index);
      if (bytes) components.set(index, bytes);
    }
    return { legacy, components };
  }
}
