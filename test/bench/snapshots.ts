/** perf's way from an NMI: into a ring of its processor, and to the register part of a sample. */

import { generatedRegistry } from "../../src/host/load-generated.ts";
import { Interruption } from "../../src/perf/interruption.ts";
import { LARGEST_SAMPLE, RegisterSampler } from "../../src/perf/register-sampler.ts";
import type { SampleAttributes, SimdRequest } from "../../src/perf/sample-attributes.ts";
import { SLOT_HEADER_SIZE, SnapshotRings } from "../../src/perf/snapshot-ring.ts";
import { KernelContexts, NmiGate, SaverPath } from "../../src/runtime/index.ts";
import { thisMachine } from "./machine.ts";
import { type Candidate, measure } from "./measure.ts";
import type { SectionResult } from "./sections.ts";
import { subject } from "./subjects.ts";

const MODEL = "intel-sapphire-rapids";
const COUNT = 16;
const AREA_SIZE = 2560;
const GENERAL = 0xff0fffn;

/** Masks of the rows into a ring. */
export const RING_MASKS = [0x2, 0x6, 0xe6, 0x8e6] as const;

const NO_SIMD: SimdRequest = {
  predicateQwords: 1,
  vectorQwords: 0,
  vectorsIntr: 0n,
  vectorsUser: 0n,
  predicatesIntr: 0n,
  predicatesUser: 0n,
};

/** Rows to a sample: what REGS_USER asks for beside the general registers, and where it comes from. */
const SAMPLES: readonly (readonly [name: string, attributes: SampleAttributes, context: Partial<Interruption>])[] = [
  ["general registers", { regsUser: GENERAL }, {}],
  ["XMM0-15", { regsUser: GENERAL, simd: { ...NO_SIMD, vectorQwords: 2, vectorsUser: 0xffffn } }, {}],
  ["YMM0-15", { regsUser: GENERAL, simd: { ...NO_SIMD, vectorQwords: 4, vectorsUser: 0xffffn } }, {}],
  [
    "ZMM0-31, k0-k7",
    { regsUser: GENERAL, simd: { ...NO_SIMD, vectorQwords: 8, vectorsUser: 0xffff_ffffn, predicatesUser: 0xffn } },
    {},
  ],
  [
    "ZMM0-31, k0-k7 of a task's saved state",
    { regsUser: GENERAL, simd: { ...NO_SIMD, vectorQwords: 8, vectorsUser: 0xffff_ffffn, predicatesUser: 0xffn } },
    { userMode: false, needFpuLoad: true },
  ],
];

/** Names of the rows, in the report's order. */
export const SNAPSHOT_ROWS: readonly string[] = [
  ...RING_MASKS.map((mask) => `ring ${mask.toString(16).toUpperCase()}`),
  ...SAMPLES.map(([name]) => `sample ${name}`),
];

type Consumer = Awaited<ReturnType<typeof makeConsumer>>;

/** The register file, rings and gate of all rows: further memories of a process are copied to by slower means. */
async function makeConsumer() {
  const generated = await (await generatedRegistry())[MODEL]?.();
  if (!generated) throw new Error(`no generated model ${MODEL}`);
  const on = subject(generated.cpu, generated.savers, COUNT);
  const rings = new SnapshotRings({ processors: COUNT, slots: 4, areaSize: AREA_SIZE });
  const contexts = new KernelContexts(COUNT);
  const path = new SaverPath(on.savers, on.processors, rings.areas);
  const gate = new NmiGate({ cpu: on.cpu, contexts, path, areaSize: AREA_SIZE });
  return { on, rings, contexts, gate };
}

/** NMI, slot, gate, save, header, reader; the processors in turn. */
function intoRing({ rings, contexts, gate }: Consumer, mask: number): Candidate {
  const save = gate.boundSave(mask, 0);
  return (n) => {
    for (let i = 0; i < n; i++) {
      const p = i & (COUNT - 1);
      contexts.enterNmi(p);
      rings.commit(p, save(p, rings.reserve(p)), mask, 0, i);
      contexts.leaveNmi(p);
      rings.release(p);
    }
  };
}

function toSample(
  { on, rings, contexts, gate }: Consumer,
  attributes: SampleAttributes,
  context: Partial<Interruption>,
): Candidate {
  const sampler = new RegisterSampler(attributes, { cpu: on.cpu, gate, areas: rings.areas });
  const hit = new Interruption();
  contexts.enterNmi(0);
  if (gate.save(0, SLOT_HEADER_SIZE, 0x8e6, 0) !== 0) throw new Error("no saved state to sample");
  contexts.leaveNmi(0);
  Object.assign(hit, context, { fpstate: rings.areas.i32.slice(SLOT_HEADER_SIZE >> 2), fpstateOffset: 0 });
  const out = new Int32Array(LARGEST_SAMPLE >> 2);
  return (n) => {
    for (let i = 0; i < n; i++) {
      contexts.enterNmi(0);
      sampler.sample(0, SLOT_HEADER_SIZE, hit, out, 0);
      contexts.leaveNmi(0);
    }
  };
}

/** Every row. */
export async function snapshots(): Promise<SectionResult> {
  const machine = thisMachine();
  const consumer = await makeConsumer();
  const candidates = new Map<string, Candidate>();
  for (const mask of RING_MASKS) candidates.set(`ring ${mask.toString(16).toUpperCase()}`, intoRing(consumer, mask));
  for (const [name, attributes, context] of SAMPLES) candidates.set(`sample ${name}`, toSample(consumer, attributes, context));
  return { title: machine.title, ...(await measure(candidates, machine.probe)) };
}
