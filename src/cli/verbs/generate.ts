import type { Command } from "commander";
import { print, printJson } from "../print.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly out?: string;
  readonly check?: true;
  readonly json?: true;
  readonly explain?: true;
}

export function declare(command: Command): void {
  command
    .argument("[model...]", "ids, YAML files or CPUID dumps, with --out (default: all models of the package)")
    .option("--out <dir>", "write into a project of yours, importing xsavekit/runtime")
    .option("--check", "report missing, changed, hand-edited and orphaned files, write nothing")
    .option("--explain", "say which saver serves each mask of each model, and who shares it")
    .option("--json", "print JSON")
    .action(async (sources: string[], { out, check, json, explain }: Options) => {
      if (sources.length > 0 && out === undefined)
        throw new UsageError("models of your own need --out DIR; the package's generated/ holds all bundled models");
      const { resolveModel } = await import("../../host/load-models.ts");
      const { regenerate } = await import("../../host/regenerate.ts");
      const models = sources.length === 0 ? undefined : await Promise.all(sources.map((source) => resolveModel(source)));
      const result = await regenerate({
        check: check === true,
        explain: explain === true,
        ...(models === undefined ? {} : { models }),
        ...(out === undefined ? {} : { out }),
      });
      const { difference, explanation, files, savers } = result;
      const found = Object.values(difference).reduce((sum: number, paths: readonly string[]) => sum + paths.length, 0);
      if (json) printJson(check ? difference : { ...difference, files, savers: savers ?? null });
      else {
        if (explain) print(explanation.join("\n"));
        for (const [kind, paths] of Object.entries(difference) as [string, readonly string[]][]) {
          for (const path of paths) print(`${kind === "handEdited" ? "hand-edited" : kind} ${path}`);
        }
        const proved = savers === undefined ? "unchanged since the last run" : `${savers} savers proved straight-line`;
        print(
          check
            ? found === 0
              ? `${files} files are current`
              : `${found} files differ: run "xsavekit generate"`
            : `${files} files, ${found} written or deleted; ${proved}`,
        );
      }
      process.exitCode = check && found > 0 ? 1 : 0;
    });
}
