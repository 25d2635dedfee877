import type { Command } from "commander";
import { modelsFromDump } from "../../host/load-models.ts";
import { probeCpuid } from "../../host/probe-cpuid.ts";
import { importedDump, type ImportOptions, importOptions, wantedId, writeImported } from "../import-result.ts";
import { cpuArgument } from "../parse-arguments.ts";
import { print, printJson } from "../print.ts";

export function declare(command: Command): void {
  importOptions(command.option("--cpu <n>", "logical CPU (default: all)", cpuArgument))
    .option("--json", "print the raw rows of leaf 0DH as JSON")
    .addHelpText("after", "\nReads /dev/cpu/N/cpuid: Linux with the cpuid driver, usually as root.")
    .action(({ cpu, json, ...options }: ImportOptions & { cpu?: number; json?: true }) => {
      const id = wantedId(options);
      const dump = modelsFromDump(probeCpuid(cpu === undefined ? undefined : [cpu]), "this machine", id);
      const { data, text, messages, models, finding } = importedDump("this machine", dump);
      const written = writeImported(models, options);
      if (finding) process.exitCode = 1;
      if (json) return printJson(data);
      if (options.out !== undefined) for (const path of written) print(`wrote ${path}`);
      else if (text !== "") print(text);
      for (const message of messages) process.stderr.write(`${message}\n`);
    });
}
