/** The parts of the benchmark; each runs in a process of its own, so that nothing is warmed by another. */

import { bitsOf, maskPair } from "../../src/isa/feature-mask.ts";
import { generatedRegistry } from "../../src/host/load-generated.ts";
import { KernelContexts, NmiGate, type SaveFamily, SaverPath } from "../../src/runtime/index.ts";
import { copyPlan, dataViewLoop, hardware, restructureSave, ringFor, savesAt, savesInRing } from "./candidates.ts";
import { commands } from "./commands.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { generation } from "./generation.ts";
import { restores } from "./restores.ts";
import { snapshots } from "./snapshots.ts";
import { type Candidate, measure, type Measurement } from "./measure.ts";
import { bindAny, bindSave, PLACE, saversOf, subject, type Subject } from "./subjects.ts";

/** What a section's process prints. */
export interface SectionResult extends Measurement {
  readonly title: string;
  /** Heap and collections over the second million of saves, by what saved. */
  readonly heap?: Readonly<Record<string, { readonly bytes: number; readonly collections: number }>>;
  /** Peak memory of a command. */
  readonly peakBytes?: number;
}

const FAMILIES = ["XSAVE", "XSAVEC"] as const satisfies readonly SaveFamily[];

/** The masks of the sweep: everything of x87, SSE, AVX, AVX-512 and PKRU that this CPU has enabled, in every mixture. */
export function sweepMasks(xcr0: bigint): bigint[] {
  const bits = bitsOf(xcr0 & 0x2e7n);
  return Array.from({ length: 2 ** bits.length - 1 }, (_, n) =>
    bits.reduce((mask, bit, i) => mask | (((n + 1) >> i) & 1 ? 1n << BigInt(bit) : 0n), 0n),
  );
}

/** Rows of the table with competitors: model, family and mask; where this CPU has the mask, its own layout. */
export const TABLE: readonly (readonly [model: string, family: SaveFamily, mask: bigint])[] = [
  ...[0x3n, 0x7n, 0x207n].flatMap((mask) => FAMILIES.map((family) => ["amd-zen-3", family, mask] as const)),
  ...[0xe6n, 0xe7n].flatMap((mask) => FAMILIES.map((family) => ["amd-zen-5", family, mask] as const)),
  ["intel-tiger-lake", "XSAVEC", 0x2e7n],
  ["intel-tiger-lake", "XSAVE", 0x2e7n],
  ["intel-sapphire-rapids", "XSAVEC", 0x602e7n],
  ["intel-sapphire-rapids", "XSAVES", 0x8000n],
];

/** Name of a row. */
export const rowName = (family: SaveFamily, mask: bigint): string => `${family} ${mask.toString(16).toUpperCase()}`;

async function sweep(place: "fixed" | "ring", processors: number): Promise<SectionResult> {
  const machine = thisMachine();
  const masks = sweepMasks(machine.cpu.xcr0Supported);
  const families = FAMILIES.filter((family) => family === "XSAVE" || machine.cpu.instructions.xsavec);
  const on = subject(machine.cpu, await saversOf(machine.cpu, masks, families), processors);
  const candidates = new Map<string, Candidate>();
  for (const family of families) {
    for (const mask of masks) {
      const name = rowName(family, mask);
      const { saver, selected, plan } = bindSave(on, family, mask, place === "fixed");
      if (!saver) throw new Error(`${name}: no saver was generated`);
      const ring = place === "ring" ? ringFor(plan.size, processors) : undefined;
      const loop = (save: typeof saver): Candidate =>
        ring ? savesInRing(save, ring) : savesAt(save, PLACE.processor, PLACE.offset);
      candidates.set(`${name} saver`, loop(saver));
      candidates.set(`${name} selected`, loop(selected));
      if (machine.native) candidates.set(`${name} CPU`, hardware(machine.native, `${family}64`, mask, ring));
    }
  }
  return { title: machine.title, ...(await measure(candidates, machine.probe)) };
}

async function sink(): Promise<SectionResult> {
  const machine = thisMachine();
  const masks = [0x3n, 0x7n, 0xe7n, 0x207n, 0x2e7n].filter((mask) => (mask & ~machine.cpu.xcr0Supported) === 0n);
  const on = subject(machine.cpu, await saversOf(machine.cpu, masks, ["XSAVEC"]));
  const candidates = new Map<string, Candidate>();
  for (const mask of masks) {
    const name = rowName("XSAVEC", mask);
    const any = bindAny(on, "XSAVEC", mask);
    if (!any) throw new Error(`${name}: no saver for any XINUSE`);
    candidates.set(`${name} sink`, savesAt(any, 0, PLACE.offset));
    if (machine.native) candidates.set(`${name} CPU`, hardware(machine.native, "XSAVEC64", mask));
  }
  return { title: machine.title, ...(await measure(candidates, machine.probe)) };
}

/** Each model in a process of its own: savers of several register files would share what V8 folds for one. */
async function table(model: string): Promise<SectionResult> {
  const candidates = new Map<string, Candidate>();
  const rows = [];
  const generated = await (await generatedRegistry())[model]?.();
  if (!generated) throw new Error(`no generated model ${model}`);
  const on = subject(generated.cpu, generated.savers);
  for (const [of, family, mask] of TABLE) {
    if (of !== model) continue;
    const bound = bindSave(on, family, mask, true);
    rows.push({ family, mask, bound, name: rowName(family, mask), copies: copyPlan(bound.plan, bound.segments) });
  }
  const machine = thisMachine(rows.map(({ copies }) => copies));
  const { native } = machine;
  rows.forEach(({ name, family, mask, bound }, index) => {
    const { plan, segments, saver, selected } = bound;
    const { processors, areas } = on;
    const at = (save: typeof selected): Candidate => savesAt(save, PLACE.processor, PLACE.offset);
    if (saver) candidates.set(`${name} saver`, at(saver));
    candidates.set(`${name} selected`, at(selected));
    candidates.set(`${name} DataView`, at(dataViewLoop(plan, processors, areas)));
    candidates.set(`${name} restructure`, at(restructureSave(plan, segments, processors, areas)));
    if (!native) return;
    const source = native.alignedBytes(16384);
    const area = native.alignedBytes(16384);
    const payload = segments.reduce((sum, { length }) => sum + length, 0);
    candidates.set(`${name} C segments`, (iterations) => native.timePlan(index, "memcpy", { source, area, iterations }));
    candidates.set(`${name} C one copy`, (iterations) => native.timeMemcpy(payload, "memcpy", { source, area, iterations }));
    if (family !== "XSAVES" && (mask & ~native.xcr0) === 0n) {
      candidates.set(`${name} CPU`, hardware(native, `${family}64` as "XSAVE64", mask));
    }
  });
  return { title: machine.title, ...(await measure(candidates, machine.probe)) };
}

/** A model whose XSAVES masks perf's NMI handler asks for. */
const GATED_MODEL = "amd-zen-3";
const GATED_MASKS = [0x3n, 0x7n, 0x6n, 0x207n];

async function gated(): Promise<{ machine: Machine; on: Subject; gate: NmiGate }> {
  const generated = await (await generatedRegistry())[GATED_MODEL]?.();
  if (!generated) throw new Error(`no generated model ${GATED_MODEL}`);
  const on = subject(generated.cpu, generated.savers);
  const contexts = new KernelContexts(1);
  contexts.enterNmi(0);
  const path = new SaverPath(on.savers, on.processors, on.areas);
  const gate = new NmiGate({ cpu: on.cpu, contexts, path, areaSize: 4096 });
  return { machine: thisMachine(), on, gate };
}

function gateLoop(gate: NmiGate, masks: readonly bigint[]): Candidate {
  const words = Int32Array.from(masks, Number);
  const next = `k = k === ${words.length - 1} ? 0 : k + 1;`;
  const text = `/* ${masks.length} */ return (n) => { let k = 0; for (let i = 0; i < n; i++) { gate.save(0, 4096, words[k], 0); ${next} } };`;
  return new Function("gate", "words", text)(gate, words) as Candidate;
}

/** Each mask's save is called where it stands: `saver` without the gate, or the gate's own. */
function callsOf(what: string, savers: readonly unknown[]): Candidate {
  const calls = savers.map((_, i) => `s${i}(0, 4096);`).join(" ");
  const text = `/* ${what} */ return (n) => { for (let i = 0; i < n; i += ${savers.length}) { ${calls} } };`;
  return new Function(...savers.map((_, i) => `s${i}`), text)(...savers) as Candidate;
}

/** `one`: one mask at the call site; `fixed`, `random`: several in a fixed or a random order. */
async function selection(order: "one" | "fixed" | "random"): Promise<SectionResult> {
  const { machine, on, gate } = await gated();
  const masks = order === "one" ? GATED_MASKS.slice(1, 2) : GATED_MASKS;
  const stream =
    order === "random"
      ? Array.from({ length: 65536 }, () => GATED_MASKS[Math.floor(Math.random() * GATED_MASKS.length)]!)
      : masks;
  const candidates = new Map<string, Candidate>([
    [
      "bound savers",
      callsOf(
        "savers",
        masks.map((mask) => bindSave(on, "XSAVES", mask, false).saver),
      ),
    ],
    ["gate and selection", gateLoop(gate, stream)],
  ]);
  if (order !== "random") {
    const entries = masks.map((mask) => gate.boundSave(...maskPair(mask)));
    candidates.set("gate by boundSave", callsOf("gate", entries));
  }
  return { title: machine.title, ...(await measure(candidates, machine.probe)) };
}

async function heap(): Promise<SectionResult> {
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new Error("the heap needs node --expose-gc");
  const { machine, on, gate } = await gated();
  const { plan, selected } = bindSave(on, "XSAVES", 0x7n, false);
  const placed = bindSave(on, "XSAVES", 0x7n, true).selected;
  const loops: Readonly<Record<string, Candidate>> = {
    "fixed place": savesAt(placed, PLACE.processor, PLACE.offset),
    ring: savesInRing(selected, ringFor(plan.size)),
    "through the gate": gateLoop(gate, GATED_MASKS),
  };
  const found: Record<string, { bytes: number; collections: number }> = {};
  for (const [name, loop] of Object.entries(loops)) {
    for (let i = 0; i < 40; i++) {
      loop(5000);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    let collections = 0;
    const observer = new PerformanceObserver((list) => (collections += list.getEntries().length));
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
    observer.observe({ entryTypes: ["gc"] });
    // After the collection: V8 of Node 24 makes anew, once, 15 to 25 kB of what that has thrown away.
    loop(1_000_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = process.memoryUsage().heapUsed;
    loop(1_000_000);
    const bytes = process.memoryUsage().heapUsed - before;
    await new Promise((resolve) => setTimeout(resolve, 20));
    observer.disconnect();
    found[name] = { bytes, collections };
  }
  return { title: machine.title, rows: [], quiet: 1, heap: found };
}

/** Every section by name. */
export const SECTIONS: Readonly<Record<string, () => Promise<SectionResult>>> = {
  fixed: () => sweep("fixed", 1),
  ring: () => sweep("ring", 1),
  ring16: () => sweep("ring", 16),
  sink,
  restores: () => restores("fixed"),
  "restores-anywhere": () => restores("anywhere"),
  ...Object.fromEntries(TABLE.map(([model]) => [`table-${model}`, () => table(model)])),
  "gate-one": () => selection("one"),
  "gate-fixed": () => selection("fixed"),
  "gate-random": () => selection("random"),
  snapshots,
  heap,
  generation,
  commands,
};
