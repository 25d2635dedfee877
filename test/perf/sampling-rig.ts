/** A CPU with every component that perf samples, its processors, the generated savers and the gate, for the tests of perf. */

import type { PerfInterface } from "../../src/perf/perf-interface.ts";
import { Interruption } from "../../src/perf/interruption.ts";
import { RegisterSampler } from "../../src/perf/register-sampler.ts";
import type { SampleAttributes, SimdRequest } from "../../src/perf/sample-attributes.ts";
import type { AreaMemory } from "../../src/runtime/arena.ts";
import { createArena } from "../../src/runtime/arena.ts";
import { KernelContexts } from "../../src/runtime/kernel-context.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import type { Policy } from "../../src/runtime/policies/policy.ts";
import { Processors } from "../../src/runtime/processors.ts";
import { generalPath } from "../../src/runtime/general-save.ts";
import { SaverPath } from "../../src/runtime/saver-path.ts";
import { RegisterWriter } from "../../src/perf/emulated-run.ts";
import type { SaverGroup } from "../../src/runtime/generated-v1.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import type { PebsBuffer, PebsRecord } from "../../src/perf/pebs-record.ts";
import { loadModel } from "../model/model-files.ts";

/**
 * Diamond Rapids as published (APX, AVX-512) with CET beside it, which its published figures leave out: a CPU that
 * has all seven groups. No savers are generated for it, so these tests run over the general path.
 */
const published = loadModel("intel-diamond-rapids");
const supervisor = { standardOffset: undefined, supervisor: true, align64: false, xfd: false } as const;
export const EVERYTHING: ProcessorDescription = {
  ...published,
  id: "everything",
  xssSupported: 0x1800n,
  components: [...published.components, { index: 11, size: 16, ...supervisor }, { index: 12, size: 24, ...supervisor }],
};

/** Bytes of a processor's snapshot buffer: more than all that perf asks for. */
export const AREA_SIZE = 4096;

export interface Rig {
  readonly processors: Processors;
  readonly contexts: KernelContexts;
  readonly path: SaverPath;
  readonly gate: NmiGate;
  readonly areas: AreaMemory;
  readonly writer: RegisterWriter;
  readonly hit: Interruption;
  /** Takes a sample in NMI context into a fresh buffer and returns its bytes; undefined where the event takes none. */
  sample(sampler: RegisterSampler, pebs?: PebsRecord, buffer?: PebsBuffer): Uint8Array | undefined;
  sampler(attributes: SampleAttributes, perf?: PerfInterface): RegisterSampler;
}

export interface RigOptions {
  readonly count?: number;
  readonly policy?: Policy;
  readonly cpu?: ProcessorDescription;
  readonly savers?: readonly SaverGroup[];
}

export function rig(options: RigOptions = {}): Rig {
  const { count = 1, cpu = EVERYTHING, savers = [] } = options;
  const processors = new Processors(cpu, { count });
  const contexts = new KernelContexts(count);
  const areas = createArena({ bytes: AREA_SIZE * count, largestArea: 16384 });
  const path = new SaverPath(savers, processors, areas, { general: generalPath });
  const gate = new NmiGate({ cpu, contexts, path, areaSize: AREA_SIZE, ...(options.policy && { policy: options.policy }) });
  const hit = new Interruption();
  return {
    processors,
    contexts,
    path,
    gate,
    areas,
    hit,
    writer: new RegisterWriter(processors),
    sampler: (attributes, perf) => new RegisterSampler(attributes, { cpu, gate, areas, ...(perf && { perf }) }),
    sample(sampler, pebs, buffer) {
      const out = new Int32Array(4096).fill(0x5a5a5a5a);
      contexts.enterNmi(0);
      const end = sampler.sample(0, 0, hit, out, 0, pebs, buffer);
      contexts.leaveNmi(0);
      return end < 0 ? undefined : new Uint8Array(out.buffer, 0, 4 * end);
    },
  };
}

/** A request for vectors, masks and more with REGS_USER and REGS_INTR alike. */
export function simd(part: Partial<SimdRequest> = {}): SimdRequest {
  return {
    predicateQwords: 1,
    vectorQwords: 0,
    vectorsIntr: 0n,
    vectorsUser: 0n,
    predicatesIntr: 0n,
    predicatesUser: 0n,
    ...part,
  };
}
