/** Do the models say where each figure comes from, and does it stand there? */

import { describe, expect, test } from "vitest";
import { leafDCpus, readDump } from "../../src/dumps/index.ts";
import type { LeafDCpu } from "../../src/dumps/index.ts";
import { decodeDumpBytes } from "../../src/host/read-dump-file.ts";
import { componentKey } from "../../src/model/component-key.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { figureNames, sourcedFigures, sourcesOf } from "../../src/model/figure-sources.ts";
import { INSTRUCTION_NAMES } from "../../src/model/model-schema.ts";
import { quirksOf } from "../../src/model/quirk-sources.ts";
import { SKIPPED, sharedBytes, sharedDumps } from "../dumps/shared-dumps.ts";
import { loadModel, modelFiles } from "./model-files.ts";

const models = modelFiles.map((file) => loadModel(file.replace(".yaml", "")));

/** How the models call the collections of dumps, and the folders that hold some of each. */
const COLLECTIONS: Readonly<Record<string, string>> = {
  InstLatx64: "instlatx64-aida",
  libcpuid: "libcpuid-test",
  libvirt: "libvirt-xml",
  RJCP: "rjcp-xml",
  Firecracker: "firecracker-json",
  umio: "umio-dump",
  "Intel SDE": "intel-sde-def",
  "cpuid -r": "cpuid-r",
  "Linux boot log": "linux-boot-log",
};

/** The shared dump that a source is; undefined if it is none. */
function dumpFile(source: string): string | undefined {
  const name = Object.keys(COLLECTIONS).find((each) => source.startsWith(`${each} `));
  const file = name === undefined ? "" : source.slice(name.length + 1);
  return /^[^ ]*(?: \(.*\))?\.(?:txt|test|xml|json|def)$/.test(file) ? `${COLLECTIONS[name ?? ""]}/${file}` : undefined;
}

/** A figure as a dump has it, from the numbers alone, or undefined if it has none; and as the model has it. */
const FIGURES: Readonly<Record<string, readonly [inDump: (cpu: LeafDCpu) => unknown, inModel: (model: CpuModel) => unknown]>> = {
  xcr0Supported: [(cpu) => mask(cpu, 0, 0, 3), (model) => model.xcr0Supported],
  xssSupported: [(cpu) => mask(cpu, 1, 2, 3), (model) => model.xssSupported],
  sizeMax: [(cpu) => registers(cpu, 0)?.[2], (model) => model.sizeMax],
  instructions: [
    (cpu) => registers(cpu, 1) && (registers(cpu, 1)?.[0] ?? 0) & 31,
    (model) => INSTRUCTION_NAMES.reduce((bits, name, at) => bits + (model.instructions[name] ? 2 ** at : 0), 0),
  ],
  "quirks.x87Selectors": [
    ({ cpuid7Ebx }) => cpuid7Ebx && ((cpuid7Ebx & 0x2000) !== 0 ? "zero" : "saved"),
    (model) => model.quirks.x87Selectors,
  ],
};

const registers = ({ leafD }: LeafDCpu, subleaf: number): readonly number[] | undefined => leafD.get(subleaf)?.registers;
function mask(cpu: LeafDCpu, subleaf: number, low: number, high: number): bigint | undefined {
  const row = registers(cpu, subleaf);
  return row && BigInt(row[low] ?? 0) + 2n ** 32n * BigInt(row[high] ?? 0);
}

/** What of `figures` a CPU of a dump does not show as the model has it. */
function untrue(model: CpuModel, cpu: LeafDCpu, figures: readonly string[]): string[] {
  return figures.filter((figure) => {
    if (figure === "signatures")
      return !model.signatures.some(({ family, model: number }) => family === cpu.family && number === cpu.model);
    const row = model.components.find(({ index }) => componentKey(index) === figure);
    if (row) {
      const flags = (row.supervisor ? 1 : 0) + (row.align64 ? 2 : 0) + (row.xfd ? 4 : 0);
      return String(registers(cpu, row.index)?.slice(0, 3)) !== String([row.size, row.standardOffset ?? 0, flags]);
    }
    const [inDump, inModel] = FIGURES[figure] ?? [() => undefined, () => "no dump shows it"];
    return inDump(cpu) !== inModel(model);
  });
}

describe.skipIf(SKIPPED !== undefined)("a source that is a shared dump", () => {
  const dumps = new Map<string, LeafDCpu[]>();
  const cpusOf = (file: string): LeafDCpu[] => {
    const cpus = dumps.get(file) ?? leafDCpus(readDump(decodeDumpBytes(sharedBytes(file))));
    dumps.set(file, cpus);
    return cpus;
  };
  const there = new Set(sharedDumps(Object.values(COLLECTIONS)));

  test.each(models)("shows what $id takes from it", (model) => {
    for (const { source, figures } of sourcedFigures(model)) {
      const file = dumpFile(source);
      if (file === undefined) continue;
      expect(there.has(file), file).toBe(true);
      // Some files hold rows of more than one CPU; one of them has to be this one.
      const least = cpusOf(file)
        .map((cpu) => untrue(model, cpu, figures))
        .toSorted((a, b) => a.length - b.length)[0];
      expect(least, `${model.id}, ${source}`).toEqual([]);
    }
  });

  test("or a named document has every signature", () => {
    const missing = models.flatMap((model) => {
      const said = sourcesOf(model, "signatures").join("\n");
      const files = model.sources.flatMap(({ source }) => dumpFile(source) ?? []);
      const cpus = files.flatMap(cpusOf);
      return model.signatures
        .filter(({ family, model: number }) => !cpus.some((cpu) => cpu.family === family && cpu.model === number))
        .map(({ model: number }) => number.toString(16).toUpperCase().padStart(2, "0"))
        .filter((number) => !said.includes(` ${number}H`) && files.length > 0)
        .map((number) => `${model.id} ${number}H`);
    });
    expect(missing).toEqual([]);
  });

  test("is found out where a figure is not what it shows", () => {
    const model = loadModel("intel-tiger-lake");
    const [cpu] = cpusOf("instlatx64-aida/GenuineIntel00806C1_TigerLake_CPUID9.txt");
    if (!cpu) throw new Error("no CPU in the dump");
    const broken: CpuModel = {
      ...model,
      sizeMax: 2700,
      xssSupported: 0n,
      components: model.components.map((row) => (row.index === 9 ? { ...row, size: 64 } : row)),
    };
    const figures = figureNames(model).filter((name) => !/x87Pointers|mxcsrMask/.test(name));
    expect(untrue(model, cpu, figures)).toEqual([]);
    expect(untrue(broken, cpu, figures)).toEqual(["xssSupported", "sizeMax", "PKRU"]);
  });
});

test("every figure of every model has a source, and no quirk rests on a dump that cannot show it", () => {
  for (const model of models)
    for (const figure of figureNames(model)) {
      const sources = sourcesOf(model, figure);
      expect(sources, `${model.id} ${figure}`).not.toEqual([]);
      if (/^quirks\.(?!x87Selectors)/.test(figure))
        expect(
          sources.filter((source) => dumpFile(source)),
          `${model.id} ${figure}`,
        ).toEqual([]);
    }
});

test("what is known of a family is said alike in models and in what import makes", () => {
  for (const model of models) {
    const width = Number(model.quirks.x87PointerWidth?.slice(0, 2) ?? 0);
    const evidence = { vendor: model.vendor, family: model.signatures[0]?.family, cpuid80000008Eax: width * 256 };
    const own = model.sources.filter(({ figures }) => figures?.some((name) => /^quirks\.(?!x87Selectors)/.test(name)));
    expect(own, model.id).toEqual(quirksOf(evidence).sources);
  }
});
