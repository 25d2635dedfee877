import type { Command } from "commander";
import { modelsFromDump } from "../../host/load-models.ts";
import { probeCpuid } from "../../host/probe-cpuid.ts";
import { printImported } from "../import-result.ts";
import { cpuArgument, idArgument } from "../parse-arguments.ts";

export function declare(command: Command): void {
  command
    .option("--cpu <n>", "logical CPU (default: all)", cpuArgument)
    .option("--id <id>", "id of the model (default: from the CPU's brand string)", idArgument)
    .option("--json", "print the raw rows of leaf 0DH as JSON")
    .addHelpText("after", "\nReads /dev/cpu/N/cpuid: Linux with the cpuid driver, usually as root.")
    .action(({ cpu, id, json }: { cpu?: number; id?: string; json?: true }) => {
      const dump = probeCpuid(cpu === undefined ? undefined : [cpu]);
      printImported([["this machine", modelsFromDump(dump, "this machine", id)]], json === true);
    });
}
