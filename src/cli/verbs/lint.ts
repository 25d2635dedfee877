import type { Command } from "commander";
import { checkFile } from "../../host/load-models.ts";
import { hasErrors, printDiagnostic } from "../../model/diagnostic.ts";
import type { Diagnostic } from "../../model/diagnostic.ts";
import { oneLine } from "../one-line.ts";
import { print, printError, printJson } from "../print.ts";

export function declare(command: Command): void {
  command
    .argument("<file...>", "models (YAML), masks.yaml or CPUID dumps, or -")
    .option("--json", "print JSON")
    .action(async (paths: string[], { json }: { json?: true }) => {
      const files: { file: string; diagnostics: readonly Diagnostic[] }[] = [];
      let unreadable = false;
      for (const file of paths) {
        try {
          const { kind, diagnostics } = await checkFile(file);
          unreadable ||= kind === "unknown";
          files.push({ file, diagnostics });
        } catch (error) {
          unreadable = true;
          printError(oneLine(error instanceof Error ? error.message : String(error)));
        }
      }
      const all = files.flatMap(({ diagnostics }) => diagnostics);
      if (json) printJson({ files });
      else {
        for (const each of all) print(printDiagnostic(each));
        const errors = all.filter(({ severity }) => severity === "error").length;
        print([counted(files.length, "file"), counted(errors, "error"), counted(all.length - errors, "warning")].join(", "));
      }
      process.exitCode = unreadable ? 2 : hasErrors(all) ? 1 : 0;
    });
}

const counted = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : "s"}`;
