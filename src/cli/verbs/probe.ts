import type { Command } from "commander";
import { modelsFromDump } from "../../host/load-models.ts";
import { probeCpuid } from "../../host/probe-cpuid.ts";
import { giveImported, type ImportOptions, importOptions, wantedId } from "../import-result.ts";
import { cpuArgument } from "../parse-arguments.ts";

export function declare(command: Command): void {
  importOptions(command.option("--cpu <n>", "logical CPU (default: all)", cpuArgument))
    .addHelpText("after", "\nReads /dev/cpu/N/cpuid: Linux with the cpuid driver, usually as root.")
    .action(({ cpu, ...options }: ImportOptions & { cpu?: number }) => {
      const id = wantedId(options);
      const dump = probeCpuid(cpu === undefined ? undefined : [cpu]);
      giveImported([["this machine", modelsFromDump(dump, "this machine", id)]], options);
    });
}
