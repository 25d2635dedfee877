import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { CONTAINER_KINDS, type ContainerKind } from "../../formats/container.ts";
import { VALUE_FORMATS, type ValueFormat } from "../../image/format-value.ts";
import { ImageError } from "../../image/image-error.ts";
import { type Register, selectRegisters } from "../../image/registers.ts";
import type { InspectJobOptions } from "../jobs/inspect-file.ts";
import { declareManyFiles, type ManyFilesOptions, runOverFiles } from "../many-files.ts";
import { threadArgument } from "../parse-arguments.ts";

interface Options extends ManyFilesOptions {
  readonly registers?: readonly Register[];
  readonly format: ValueFormat;
  readonly thread?: number;
  readonly model?: string;
  readonly as?: ContainerKind;
}

/** Run from TypeScript sources in tests, from JavaScript else. */
const JOB: URL = new URL(`../jobs/inspect-file${import.meta.url.slice(-3)}`, import.meta.url);

export function declare(command: Command): void {
  declareManyFiles(command, "core, minidump, KVM blob, signal frame, XSAVE area (also gzip, zstd) or perf.data", "print JSON")
    .option("--registers <list>", "these only: names, groups, ranges (ymm,zmm16-31,k,mxcsr; all)", registersArgument)
    .addOption(new Option("--format <format>", "how to show vectors").choices(VALUE_FORMATS).default("hex"))
    .option("--thread <tid>", "this thread only", threadArgument)
    .option("--model <model>", "the CPU it comes from: id, YAML file or dump (default: from the file's evidence)")
    .addOption(new Option("--as <kind>", "what the file is (default: by content)").choices(CONTAINER_KINDS))
    .addHelpText("after", "\nVectors, tiles and x87 registers are shown as bytes in memory order, numbers as 0x....")
    .action(async (files: string[], { registers, format, thread, model: named, as, ...many }: Options) => {
      const model = named === undefined ? undefined : await (await import("../../host/load-models.ts")).resolveModel(named);
      const asData = many.json === true || many.jsonl === true;
      const options = { asData, registers, format, thread, model, as };
      await runOverFiles<InspectJobOptions>(files, many, JOB, options, { divider: "\n" });
    });
}

function registersArgument(text: string): Register[] {
  try {
    return selectRegisters(text);
  } catch (error) {
    if (error instanceof ImageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
