/**
 * `npm start`: the main job on this machine, from leaf 0DH to saved areas under the NMI gate, and a report of it.
 * `npm start -- MODEL` does it with a bundled model instead.
 */

import { bitsOf, maskHex, maskWithNames } from "../src/isa/feature-mask.ts";
import { componentName } from "../src/isa/state-component.ts";
import { leafDCpus } from "../src/dumps/index.ts";
import { generatedRegistry } from "../src/host/load-generated.ts";
import { loadBundledModel, ModelArgumentError } from "../src/host/load-models.ts";
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
import { bindGeneralSave, generalPath } from "../src/runtime/general-save.ts";
import type { SaverGroup } from "../src/runtime/generated-v1.ts";
import { STATUS_NAMES } from "../src/runtime/policies/policy.ts";
import { savePlan } from "../src/runtime/save-plan.ts";
import { hardwareText } from "../src/report/hardware-report.ts";
import { verifyHardware } from "../src/verify/hardware/verify-hardware.ts";
import { Prng } from "../src/verify/random/prng.ts";
import { loadLegacy } from "../src/runtime/write-registers.ts";

const print = (text = ""): void => void process.stdout.write(`${text}\n`);
const STOCK = "intel-sapphire-rapids";

async function main(): Promise<void> {
  const registry = await generatedRegistry();
  const { cpu, from } = await chosenCpu(process.argv[2]);
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
  let differing = 0;
  for (const { instruction, rfbm, size, path, written, same } of bothPaths(processors, savers)) {
    if (!same) differing++;
    print(
      `   ${`${instruction}64`.padEnd(11)} RFBM ${maskHex(rfbm).padEnd(9)} ${String(size).padStart(5)} bytes, ${written} changed; ${path}; general path ${same ? "writes the same" : "DIFFERS"}`,
    );
  }

  print(`\n4. The NMI gate (xsaves_nmi with the status that its reviewers asked for)`);
  gateReport(cpu, processors, savers);

  print(`\n5. Against the CPU itself`);
  differing += await hardwareReport();

  print(
    `\nNext: npx xsavekit show ${cpu.id in registry ? cpu.id : STOCK}    npx xsavekit compare intel-tiger-lake amd-zen-4    npx xsavekit probe`,
  );
  if (differing > 0) process.exitCode = 1;
}

/** The model named, else this machine's CPU, or a bundled one and why. */
async function chosenCpu(id: string | undefined): Promise<{ cpu: ProcessorDescription; from: string }> {
  if (id !== undefined) return { cpu: loadBundledModel(id), from: "bundled, as named" };
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

/** What a save by the selected saver and one by the general path, each of the same state, leave in areas full of A5H. */
function* bothPaths(processors: Processors, savers: readonly SaverGroup[]) {
  const { cpu } = processors;
  const arena = createArena({ bytes: 65536, largestArea: 32768 });
  for (const instruction of ["XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES"] as const satisfies readonly SaveFamily[]) {
    if (instruction !== "XSAVE" && !cpu.instructions[instruction.toLowerCase() as "xsavec"]) continue;
    const mask = instruction === "XSAVES" ? ~0n & 0xffff_ffff_ffff_ffffn : processors.xcr0(0);
    const selected = selectSave(savers, processors, arena, { instruction, mask });
    const { rfbm, size, path } = selected;
    const general = bindGeneralSave(savePlan(cpu, instruction, rfbm), processors, arena);
    const [area, other] = [selected.save, general].map((save) => {
      // XSAVES changes registers, too (PT's TraceEn, UINTR's UINV): each save has its own.
      setEverything(processors);
      arena.u8.fill(0xa5);
      save(0, 0);
      return arena.u8.slice(0, size);
    }) as [Uint8Array, Uint8Array];
    const written = area.reduce((sum, byte) => sum + (byte === 0xa5 ? 0 : 1), 0);
    yield { instruction, rfbm, size, path, written, same: Buffer.compare(area, other) === 0 };
  }
}

/** Sets all registers to numbers that are always the same, everything in use. */
function setEverything(processors: Processors): void {
  const random = new Prng(2026);
  for (const index of bitsOf(processors.xcr0(0) | processors.xss(0))) if (index > 1) random.fill(processors.component(0, index));
  const legacy = new Uint8Array(512);
  random.fill(legacy);
  loadLegacy(processors, 0, legacy);
  processors.setXinuse(0, processors.xcr0(0) | processors.xss(0));
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
  const path = new SaverPath(savers, processors, arena, { general: generalPath });
  const gate = new NmiGate({ cpu, contexts, path, areaSize: 32768 });
  const mask = Number((processors.xcr0(0) & 0xe6n) | (processors.xss(0) & 0x800n));
  print(`   in a task:  ${STATUS_NAMES[gate.save(0, 0, mask, 0)] ?? "?"}, XSTATE_BV ${maskHex(BigInt(arena.i32[128] ?? 0))}`);
  contexts.enterNmi(0);
  print(
    `   in an NMI:  ${STATUS_NAMES[gate.save(0, 0, mask, 0)] ?? "?"}, XSTATE_BV ${maskHex(BigInt(arena.i32[128] ?? 0))} by ${path.selected(mask, 0).savers[0] ?? "the general path"}`,
  );
  contexts.leaveNmi(0);
}

/** A thousand random states saved and restored by this CPU's instructions and by ours, areas and registers compared. */
async function hardwareReport(): Promise<number> {
  const result = await verifyHardware({ cases: 1000, seed: Date.now() % 1_000_000 });
  if ("unavailable" in result) {
    print(`   not possible here: ${result.unavailable}`);
    return 0;
  }
  print(
    hardwareText(result)
      .split("\n")
      .map((line) => `   ${line}`)
      .join("\n"),
  );
  return result.failed;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ModelArgumentError)) throw error;
  process.stderr.write(`npm start: ${error.message}\n`);
  process.exitCode = 2;
}
