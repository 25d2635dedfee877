import type { Command } from "commander";
import { type ImportedDump, type ImportOptions, importOptions, wantedId, writeImported } from "../import-result.ts";
import type { ImportJobOptions } from "../jobs/import-dump.ts";
import { declareManyFiles, type ManyFilesOptions, runOverFiles } from "../many-files.ts";
import { print } from "../print.ts";

/** Run from TypeScript sources in tests, from JavaScript else. */
const JOB: URL = new URL(`../jobs/import-dump${import.meta.url.slice(-3)}`, import.meta.url);

export function declare(command: Command): void {
  declareManyFiles(importOptions(command), "CPUID output", "print the raw rows of leaf 0DH as JSON")
    .addHelpText(
      "after",
      "\nWithout --out models go to standard output, several divided by ---;\nwhat is wrong with a dump to standard error.",
    )
    .action(async (files: string[], options: ImportOptions & ManyFilesOptions) => {
      const dumps: ImportedDump[] = [];
      const style = {
        divider: "---\n",
        silent: options.out !== undefined,
        take: (dump: ImportedDump) => void (options.out !== undefined && dumps.push(dump)),
      };
      await runOverFiles<ImportJobOptions, ImportedDump>(files, options, JOB, { id: wantedId(options) }, style);
      // All or none, so what is said of the dumps waits for it.
      const models = dumps.flatMap((dump) => dump.models);
      const written = writeImported(models, options);
      if (options.json || options.jsonl) return;
      for (const path of written) print(`wrote ${path}`);
      for (const message of dumps.flatMap(({ messages }) => messages)) process.stderr.write(`${message}\n`);
    });
}
