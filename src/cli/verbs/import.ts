import type { Command } from "commander";
import { readDump } from "../../dumps/index.ts";
import { modelsFromDump } from "../../host/load-models.ts";
import { readDumpFile } from "../../host/read-dump-file.ts";
import type { NamedDump } from "../import-result.ts";
import { giveImported, type ImportOptions, importOptions, wantedId } from "../import-result.ts";
import { UsageError } from "../usage-error.ts";

export function declare(command: Command): void {
  importOptions(command.argument("<dump...>", "files with CPUID output, or -"))
    .addHelpText(
      "after",
      "\nWithout --out models go to standard output, several divided by ---; what is wrong with a dump to standard error.\nWith --json the rows of several dumps are a list.",
    )
    .action(async (files: string[], options: ImportOptions) => {
      const id = wantedId(options);
      const dumps: NamedDump[] = [];
      for (const file of files) {
        const dump = readDump(await readDumpFile(file));
        const unknown = dump.problems.find(({ rule }) => rule === "unknown-format");
        if (unknown) throw new UsageError(`${file}: ${unknown.message}; save one of these as text`);
        dumps.push([file, modelsFromDump(dump, file, id)]);
      }
      giveImported(dumps, options);
    });
}
