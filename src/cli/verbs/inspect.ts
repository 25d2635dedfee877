import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { CONTAINER_KINDS, type ContainerKind } from "../../formats/container.ts";
import { type DecodedThread, decodeThreads } from "../../formats/decode-container.ts";
import { generatedCpus } from "../../host/load-generated.ts";
import { openContainerFile } from "../../host/open-container-file.ts";
import { VALUE_FORMATS, type ValueFormat } from "../../image/format-value.ts";
import { ImageError } from "../../image/image-error.ts";
import { type Register, selectRegisters } from "../../image/registers.ts";
import { inspection } from "../../report/inspection-data.ts";
import { inspectionText } from "../../report/inspection-text.ts";
import { threadArgument } from "../parse-arguments.ts";
import { print, printJson } from "../print.ts";
import { threadsOf } from "../threads-of.ts";

interface Options {
  readonly registers?: readonly Register[];
  readonly format: ValueFormat;
  readonly thread?: number;
  readonly model?: string;
  readonly as?: ContainerKind;
  readonly json?: true;
}

export function declare(command: Command): void {
  command
    .argument("<file>", "core, minidump, KVM blob, signal frame or XSAVE area (also gzip, zstd), or -")
    .option("--registers <list>", "these only: names, groups, ranges (ymm,zmm16-31,k,mxcsr; all)", registersArgument)
    .addOption(new Option("--format <format>", "how to show vectors").choices(VALUE_FORMATS).default("hex"))
    .option("--thread <tid>", "this thread only", threadArgument)
    .option("--model <model>", "the CPU it comes from: id, YAML file or dump (default: from the file's evidence)")
    .addOption(new Option("--as <kind>", "what the file is (default: by content)").choices(CONTAINER_KINDS))
    .option("--json", "print JSON")
    .addHelpText("after", "\nVectors, tiles and x87 registers are shown as bytes in memory order, numbers as 0x....")
    .action(async (file: string, { registers, format, thread, model, as, json }: Options) => {
      const container = await openContainerFile(file, as === undefined ? {} : { as });
      const chosen = model === undefined ? undefined : await (await import("../../host/load-models.ts")).resolveModel(model);
      const threads: DecodedThread[] = [...decodeThreads(threadsOf(file, container, thread), await generatedCpus(), chosen)];
      const options = { registers, format };
      if (json) printJson(inspection(file, container, threads, options));
      else print(inspectionText(file, container, threads, options));
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
