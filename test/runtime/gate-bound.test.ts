/** The gate bound to a mask, the gate that looks the mask up, and a third one that decides everything anew on each call. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { groupsFor } from "../../src/generator/saver-spec.ts";
import { maskPair } from "../../src/isa/feature-mask.ts";
import { areaLayout } from "../../src/layout/area-layout.ts";
import { areasIn, createArena } from "../../src/runtime/arena.ts";
import { KernelContexts } from "../../src/runtime/kernel-context.ts";
import type { KernelVersion } from "../../src/runtime/kernel-families.ts";
import { maskFamilies } from "../../src/runtime/mask-families.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import { POLICIES } from "../../src/runtime/policies/policy-list.ts";
import {
  type Build,
  FAULTED,
  NOT_OFFERED,
  type Policy,
  REFUSED_ALIGNMENT,
  REFUSED_SIZE,
  SAVED,
} from "../../src/runtime/policies/policy.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { warningRecords } from "../../src/runtime/warning-log.ts";
import { generalPath } from "../../src/runtime/general-save.ts";
import { SaverPath } from "../../src/runtime/saver-path.ts";
import { selectRestore } from "../../src/runtime/select-restore.ts";
import { MissingPathError, selectSave, StaleBindingError } from "../../src/runtime/select-save.ts";
import { SaversFolder } from "../generator/load-savers.ts";
import { loadModel } from "../model/model-files.ts";
import { ModifiedOptimisation } from "../../src/runtime/modified-optimisation.ts";
import { setXcr0 } from "../../src/runtime/set-control-registers.ts";
import { loadLegacy } from "../../src/runtime/write-registers.ts";

const cpu = loadModel("amd-zen-3");
const AREA_SIZE = 896;
const folder = new SaversFolder();
const savers = await folder.load(
  groupsFor(
    cpu,
    [0x7n, 0x207n].map((rfbm) => ({ name: "test", rfbm, families: ["XSAVES"], xinuseClasses: [3n] })),
  ),
);
folder.remove();

interface Call {
  readonly processor: number;
  readonly offset: number;
  readonly mask: bigint;
  readonly lifted: boolean;
  readonly nmis: number;
  readonly xinuse: bigint;
  readonly xcr0: bigint;
}

function machine(policy: Policy, build: Build) {
  const processors = new Processors(cpu, { count: 2 });
  const arena = createArena({ bytes: 4096, largestArea: 4096 });
  arena.u8.fill(0xa5, 0, 4096);
  for (const processor of [0, 1]) {
    loadLegacy(processors, processor, new Uint8Array(512).fill(0x11 + processor));
    processors.component(processor, 2).fill(0x21 + processor);
    processors.component(processor, 9).fill(0x31 + processor);
  }
  const contexts = new KernelContexts(2);
  const path = new SaverPath(savers, processors, arena, {
    general: generalPath,
    restores: (request) => selectRestore([], processors, arena, request),
  });
  const gate = new NmiGate({ policy, cpu, contexts, path, areaSize: AREA_SIZE, build });
  return { processors, arena, contexts, gate };
}
type Machine = ReturnType<typeof machine>;

/** All that areas may use; behind it is the sink, whose bytes mean nothing. */
const areasOf = ({ arena }: Machine): Uint8Array => arena.u8.subarray(0, arena.end);

/** Status, or the name of what was thrown. */
function outcome(act: () => number): number | string {
  try {
    return act();
  } catch (error) {
    if (error instanceof StaleBindingError || error instanceof RangeError) return error.name;
    throw error;
  }
}

/** Kernels other than 7.3 whose families a policy uses, and their independent set. */
const FAMILIES: Readonly<Record<string, readonly [KernelVersion, "independentByArchLbr"]>> = {
  "independent-or-task": ["5.14", "independentByArchLbr"],
  "independent-only": ["5.14", "independentByArchLbr"],
  "independent-pair": ["5.14", "independentByArchLbr"],
};

/** The kernel's order of things, written down again: nothing is kept from call to call. */
function anew({ gate, processors, arena, contexts }: Machine, call: Call): number {
  const { policy } = gate;
  const [kernel, set] = FAMILIES[policy.name] ?? ["7.3", "independentEnumerated"];
  const families = maskFamilies(kernel, cpu);
  if (!policy.saves) return NOT_OFFERED;
  const mask = call.mask & (policy.name === "independent-pair" ? families[set] : call.mask);
  const independent = maskPair(families[set]);
  const task = maskPair(families.allTask);
  const words = {
    independentLow: independent[0] | 0,
    independentHigh: independent[1] | 0,
    taskLow: task[0] | 0,
    taskHigh: task[1] | 0,
    xsaves: families.xsaves,
  };
  const inNmi = contexts.inNmi(call.processor);
  let status = policy.decide(words, true, inNmi, ...maskPair(mask), gate.build === "debug", call.lifted);
  if (status === 0 && policy.alignment === "refused" && call.offset % 64 !== 0) status = REFUSED_ALIGNMENT;
  const enabled = cpu.xcr0Supported | cpu.xssSupported;
  const size = areaLayout(cpu, mask & enabled, "compacted").size;
  if (status === 0 && policy.checksSize && size > AREA_SIZE) status = REFUSED_SIZE;
  const clear = (): void => {
    if (policy.clearsXstateBv && arena.accepts(call.offset - (call.offset % 64), 576))
      arena.u8.fill(0, call.offset + 512 - (call.offset % 4), call.offset + 520 - (call.offset % 4));
  };
  if (status !== SAVED) {
    clear();
    return status;
  }
  // Bound before the first change of XCR0: the area must have room for that RFBM, then the change is noticed.
  const rfbm = mask & enabled;
  if (!arena.accepts(call.offset, areaLayout(cpu, rfbm, "compacted").size)) {
    clear();
    return FAULTED;
  }
  if (call.processor < 2 && (mask & (processors.xcr0(call.processor) | processors.xss(call.processor))) !== rfbm) {
    clear();
    throw new StaleBindingError("stale");
  }
  selectSave([], processors, arena, { instruction: "XSAVES", mask }).save(call.processor, call.offset);
  return SAVED;
}

const calls = fc.array(
  fc.record({
    processor: fc.constantFrom(0, 0, 0, 1, 2),
    offset: fc.constantFrom(0, 0, 1024, 2048, 2048 + 32, 4, 4096 - 576, 4096, 8192),
    mask: fc.oneof(
      fc.constantFrom(0n, 2n, 6n, 7n, 0x207n, 0x800n, 0x1800n, 0x1807n, 0xffff_ffff_ffff_ffffn),
      fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
    ),
    lifted: fc.boolean(),
    nmis: fc.constantFrom(0, 1, 2),
    xinuse: fc.constantFrom(0x207n, 3n, 0n, 0x204n),
    xcr0: fc.constantFrom(0x207n, 0x207n, 0x207n, 7n, 3n),
  }),
  { minLength: 1, maxLength: 24 },
);

test.each(POLICIES)("$name: bound, looked up and decided anew give the same", (policy) => {
  for (const build of ["production", "debug"] as const) {
    fc.assert(
      fc.property(calls, (sequence) => {
        const [bound, lookedUp, third] = [machine(policy, build), machine(policy, build), machine(policy, build)];
        const entries = new Map<string, (processor: number, offset: number) => number>();
        for (const { mask, lifted } of sequence) {
          const words = maskPair(mask);
          entries.set(`${mask} ${lifted}`, bound.gate.boundSave(...words, lifted));
          // Signed words are the same mask; bound now, while XCR0 is what it was.
          lookedUp.gate.boundSave(words[0] | 0, words[1] | 0, lifted);
        }
        for (const call of sequence) {
          for (const { contexts, processors } of [bound, lookedUp, third]) {
            contexts.counts.fill(0);
            for (let n = 0; n < call.nmis; n++) for (const processor of [0, 1]) contexts.enterNmi(processor);
            for (const processor of [0, 1]) {
              processors.setXinuse(processor, call.xinuse);
              setXcr0(processors, processor, call.xcr0);
            }
          }
          const { processor, offset, mask, lifted } = call;
          const [low, high] = maskPair(mask);
          const results = [
            outcome(() => entries.get(`${mask} ${lifted}`)!(processor, offset)),
            outcome(() => lookedUp.gate.save(processor, offset, low, high, lifted)),
          ];
          const expected = outcome(() => anew(third, call));
          expect(results).toEqual([expected, expected]);
          const wanted = areasOf(third);
          expect(Buffer.compare(areasOf(bound), wanted), `mask ${mask.toString(16)}`).toBe(0);
          expect(Buffer.compare(areasOf(lookedUp), wanted), `mask ${mask.toString(16)}`).toBe(0);
          expect(warningRecords(bound.gate.warnings)).toEqual(warningRecords(lookedUp.gate.warnings));
          expect(bound.gate.lastVector).toBe(lookedUp.gate.lastVector);
        }
      }),
      { numRuns: 40 },
    );
  }
});

test("a path serves what was handed over, and names what is missing otherwise", () => {
  const processors = new Processors(cpu);
  const arena = createArena({ bytes: 4096, largestArea: 4096 });
  const bare = new SaverPath(savers, processors, arena);
  const full = new SaverPath(savers, processors, arena, {
    general: generalPath,
    restores: (request) => selectRestore([], processors, arena, request),
  });
  expect(bare.selected(0x207, 0).path).toBe("generated");
  expect(full.selected(0x201, 0).path).toBe("general");
  expect(() => bare.selected(0x201, 0)).toThrow(MissingPathError);
  expect(() => bare.selected(0x201, 0)).toThrow(/XSAVES with RFBM 0x201.*no saver given.*general: generalPath/);
  const buffer = new SaverPath(savers, processors, areasIn(new ArrayBuffer(4096)));
  expect(() => buffer.selected(0x207, 0)).toThrow(/arena with a sink/);
  const tracked = new SaverPath(savers, new Processors(cpu, { modifiedOptimisation: ModifiedOptimisation }), arena);
  expect(() => tracked.selected(0x207, 0)).toThrow(/no saver tracks XMODIFIED/);
  expect(full.selectedRestore(7, 0).restore(0, 0)).toBe(13);
  expect(() => bare.selectedRestore(7, 0)).toThrow(/"restores"/);
});
