import type { Command } from "commander";
import { readDump } from "../../dumps/index.ts";
import { modelsFromDump } from "../../host/load-models.ts";
import { readDumpFile } from "../../host/read-dump-file.ts";
import type { NamedDump } from "../import-result.ts";
import { printImported } from "../import-result.ts";
import { idArgument } from "../parse-arguments.ts";
import { UsageError } from "../usage-error.ts";

export function declare(command: Command): void {
  command
    .argument("<dump...>", "files with CPUID output, or -")
    .option("--id <id>", "id of the model (default: from the CPU's brand string)", idArgument)
    .option("--json", "print the raw rows of leaf 0DH as JSON; a list for several dumps")
    .addHelpText(
      "after",
      "\nModels go to standard output, several divided by ---; what is wrong with a dump to standard error.\nSave a model as <id>.yaml.",
    )
    .action(async (files: string[], { id, json }: { id?: string; json?: true }) => {
      const dumps: NamedDump[] = [];
      for (const file of files) {
        const dump = readDump(await readDumpFile(file));
        const unknown = dump.problems.find(({ rule }) => rule === "unknown-format");
        if (unknown) throw new UsageError(`${file}: ${unknown.message}; save one of these as text`);
        dumps.push([file, modelsFromDump(dump, file, id)]);
      }
      printImported(dumps, json === true);
    });
}
