/** `npm start`: the main job on this machine, from leaf 0DH to saved areas under the NMI gate, and a report of it. */

import { bitsOf, maskHex, maskWithNames } from "../src/isa/feature-mask.ts";
import { componentName } from "../src/isa/state-component.ts";
import { leafDCpus } from "../src/dumps/index.ts";
import { generatedRegistry } from "../src/host/load-generated.ts";
import { probeCpuid } from "../src/host/probe-cpuid.ts";
import { areaLayout } from "../src/layout/area-layout.ts";
import { modelFromLeafD } from "../src/model/model-from-leaf-0d.ts";
import {
  createArena,
  KernelContexts,
  NmiGate,
  type ProcessorDescription,
  Processors,
  type SaveFamily,
  SaverPath,
  selectSave,
} from "../src/runtime/index.ts";
import { bindGeneralSave } from "../src/runtime/general-save.ts";
import type { SaverGroup } from "../src/runtime/generated-v1.ts";
import { STATUS_NAMES } from "../src/runtime/policies/policy.ts";
import { savePlan } from "../src/runtime/save-plan.ts";
import { buildOracle } from "../src/verify/oracle/build-oracle.ts";
import type { OracleCase } from "../src/verify/oracle/oracle-case.ts";
import { randomSaveCase } from "../src/verify/random/oracle-cases.ts";
import { Prng } from "../src/verify/random/prng.ts";
import { stateSpaceOf } from "../src/verify/random/state-space.ts";

const print = (text = ""): void => void process.stdout.write(`${text}\n`);
const STOCK = "intel-sapphire-rapids";

async function main(): Promise<void> {
  const registry = await generatedRegistry();
  const { cpu, from } = await thisCpu();
  const savers: SaverGroup[] = [];
  for (const load of Object.values(registry)) savers.push(...(await load()).savers);

  print(
    `xsavekit: ${Object.keys(registry).length} CPU models, ${new Set(savers.flatMap((group) => group.forms)).size} generated savers`,
  );
  print(`\n1. The CPU: ${cpu.id}, ${from}`);
  print(`   XCR0 supports ${maskWithNames(cpu.xcr0Supported)}`);
  print(`   IA32_XSS supports ${maskWithNames(cpu.xssSupported)}`);
  print(`\n2. Its areas, in bytes\n`);
  drawArea(cpu, "standard", cpu.xcr0Supported);
  if (cpu.instructions.xsavec) drawArea(cpu, "compacted", cpu.xcr0Supported | cpu.xssSupported);

  print(`\n3. Saves with the generated savers, into areas full of A5H`);
  const processors = new Processors(cpu);
  const random = new Prng(2026);
  for (const index of bitsOf(processors.xcr0(0) | processors.xss(0))) if (index > 1) random.fill(processors.component(0, index));
  const legacy = new Uint8Array(512);
  random.fill(legacy);
  processors.loadLegacy(0, legacy);
  processors.setXinuse(0, processors.xcr0(0) | processors.xss(0));
  const arena = createArena({ bytes: 65536, largestArea: 32768 });
  let differing = 0;
  for (const instruction of ["XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES"] as const satisfies readonly SaveFamily[]) {
    if (instruction !== "XSAVE" && !cpu.instructions[instruction.toLowerCase() as "xsavec"]) continue;
    const mask = instruction === "XSAVES" ? ~0n & 0xffff_ffff_ffff_ffffn : processors.xcr0(0);
    arena.u8.fill(0xa5);
    const selected = selectSave(savers, processors, arena, { instruction, mask });
    selected.save(0, 0);
    const area = arena.u8.slice(0, selected.size);
    arena.u8.fill(0xa5);
    bindGeneralSave(savePlan(cpu, instruction, selected.rfbm), processors, arena)(0, 0);
    const same = Buffer.compare(area, arena.u8.subarray(0, selected.size)) === 0;
    if (!same) differing++;
    const written = area.reduce((sum, byte) => sum + (byte === 0xa5 ? 0 : 1), 0);
    print(
      `   ${`${instruction}64`.padEnd(11)} RFBM ${maskHex(selected.rfbm).padEnd(9)} ${String(selected.size).padStart(5)} bytes, ${written} changed; ${selected.path}; general path ${same ? "writes the same" : "DIFFERS"}`,
    );
  }

  print(`\n4. The NMI gate (xsaves_nmi with the status that its reviewers asked for)`);
  gateReport(cpu, processors, savers);

  print(`\n5. Against the CPU itself`);
  differing += await hardwareReport(savers);

  print(
    `\nNext: npx xsavekit show ${cpu.id in registry ? cpu.id : STOCK}    npx xsavekit compare intel-tiger-lake amd-zen-4    npx xsavekit probe`,
  );
  if (differing > 0) process.exitCode = 1;
}

/** This machine's CPU, or a bundled one and why. */
async function thisCpu(): Promise<{ cpu: ProcessorDescription; from: string }> {
  try {
    const [dumped] = leafDCpus(probeCpuid([0]));
    if (dumped) {
      const { model } = modelFromLeafD(dumped, { file: "/dev/cpu/0/cpuid", id: "this-machine" });
      if (model) return { cpu: model, from: `leaf 0DH of this machine (${dumped.brand})` };
    }
    throw new Error("its leaf 0DH is not complete");
  } catch (error) {
    const load = (await generatedRegistry())[STOCK];
    if (!load) throw error;
    return { cpu: (await load()).cpu, from: `bundled; this machine's leaf 0DH cannot be read: ${(error as Error).message}` };
  }
}

function drawArea(cpu: ProcessorDescription, format: "standard" | "compacted", mask: bigint): void {
  const layout = areaLayout(cpu, mask, format);
  print(`   ${format}, mask ${maskHex(mask)}: ${layout.size} bytes`);
  const line = (offset: number, size: number, name: string): void => {
    const bar = "#".repeat(Math.max(1, Math.min(40, Math.round(size / 32))));
    print(
      `   ${String(offset).padStart(6)} ${String(size).padStart(6)}  ${name.padEnd(12)} ${name.startsWith("(") ? bar.replaceAll("#", ".") : bar}`,
    );
  };
  line(0, 512, "legacy");
  line(512, 64, "header");
  let end = 576;
  for (const { row, offset } of layout.components.toSorted((a, b) => a.offset - b.offset)) {
    if (offset > end) line(end, offset - end, "(hole)");
    line(offset, row.size, componentName(row.index));
    end = Math.max(end, offset + row.size);
  }
  print();
}

function gateReport(cpu: ProcessorDescription, processors: Processors, savers: readonly SaverGroup[]): void {
  if (!cpu.instructions.xsaves) {
    print("   this CPU has no XSAVES, so Linux would not offer xsaves_nmi()");
    return;
  }
  const arena = createArena({ bytes: 65536, largestArea: 32768 });
  const contexts = new KernelContexts(processors.count);
  const path = new SaverPath(savers, processors, arena);
  const gate = new NmiGate({ cpu, contexts, path, areaSize: 32768 });
  const mask = Number((processors.xcr0(0) & 0xe6n) | (processors.xss(0) & 0x800n));
  print(`   in a task:  ${STATUS_NAMES[gate.save(0, 0, mask, 0)] ?? "?"}, XSTATE_BV ${maskHex(BigInt(arena.i32[128] ?? 0))}`);
  contexts.enterNmi(0);
  print(
    `   in an NMI:  ${STATUS_NAMES[gate.save(0, 0, mask, 0)] ?? "?"}, XSTATE_BV ${maskHex(BigInt(arena.i32[128] ?? 0))} by ${path.selected(mask, 0).savers[0] ?? "the general path"}`,
  );
  contexts.leaveNmi(0);
}

/** A thousand random states saved by this CPU's instructions and by the savers, whole buffers compared. */
async function hardwareReport(savers: readonly SaverGroup[]): Promise<number> {
  const build = buildOracle();
  if (!build.available) {
    print(`   not possible here: ${build.reason}`);
    return 0;
  }
  const { model } = modelFromLeafD(
    {
      vendor: build.hello.vendor,
      family: build.hello.family,
      model: build.hello.model,
      stepping: build.hello.stepping,
      brand: build.hello.brand,
      leafD: new Map(build.hello.leafD.map((registers, index) => [index, { registers, line: 0 }])),
      cpuid80000008Ebx: build.hello.leaves["80000008"][1],
      cpuid7Ebx: build.hello.leaves["7.0"][1],
    },
    { file: "cpuid instruction", id: "this-cpu" },
  );
  if (!model) {
    print("   not possible here: leaf 0DH of this CPU is not complete");
    return 0;
  }
  const random = new Prng(Date.now() & 0xffff_ffff);
  const space = stateSpaceOf(build.hello);
  const cases: OracleCase[] = [];
  while (cases.length < 1000) {
    const each = randomSaveCase(random, space);
    if (/^XSAVE(C|OPT)?64$/.test(each.instruction)) cases.push(each);
  }
  const oracle = build.start();
  const results = await oracle.run(cases);
  await oracle.close();
  let compared = 0;
  let generated = 0;
  let differing = 0;
  const arena = createArena({ bytes: 65536, largestArea: 32768 });
  const processors = new Processors(model, { xcr0: build.hello.xcr0, xss: 0n });
  results.forEach((result, i) => {
    const each = cases[i];
    if (!each || result.fault || !result.stable) return;
    processors.loadLegacy(0, result.registers.legacy);
    for (const index of bitsOf(build.hello.xcr0)) {
      const bytes = index > 1 ? result.registers.component(index) : undefined;
      if (bytes) processors.component(0, index).set(bytes.subarray(0, processors.component(0, index).length));
    }
    processors.setXinuse(0, result.xinuse);
    arena.u8.set(each.area, 0);
    const selected = selectSave(savers, processors, arena, {
      instruction: each.instruction.slice(0, -2) as SaveFamily,
      mask: each.mask,
    });
    selected.save(0, 0);
    compared++;
    if (selected.path === "generated") generated++;
    if (Buffer.compare(arena.u8.subarray(0, result.area.length), result.area) !== 0) differing++;
  });
  print(
    `   ${compared} random states and masks on ${build.hello.brand.trim()}: ${differing} differ (${generated} by generated savers, ${compared - generated} by the general path)`,
  );
  return differing;
}

await main();
