import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import type { RegenerateResult } from "../../host/regenerate.ts";
import { errorLine } from "../error-line.ts";
import { print, printError, printJson } from "../print.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly out?: string;
  readonly check?: true;
  readonly watch?: true;
  readonly json?: true;
  readonly explain?: true;
}

export function declare(command: Command): void {
  command
    .argument("[model...]", "ids, YAML files or CPUID dumps, with --out (default: all models of the package)")
    .option(
      "--out <dir>",
      "write into a project of yours, importing xsavekit/runtime; generated files of models not named are deleted",
    )
    .option("--check", "report missing, changed, hand-edited and orphaned files, write nothing")
    .option("--watch", "generate again whenever a model, masks.yaml or a template changes; Ctrl-C ends it")
    .option("--explain", "say why each saver has its form, and who shares it")
    .option("--json", "print JSON")
    .action(async (sources: string[], options: Options) => {
      const { out, check, watch } = options;
      if (sources.length > 0 && out === undefined)
        throw new UsageError("models of your own need --out DIR; the package's generated/ holds all bundled models");
      if (watch && check) throw new UsageError("--watch writes and --check does not: name one of them");
      if (watch) return generateOnChange(sources, options);
      const found = await generateOnce(sources, options);
      process.exitCode = check && found > 0 ? 1 : 0;
    });
}

/** Generates or checks, prints, and gives the number of files that differed. */
async function generateOnce(sources: readonly string[], { out, check, json, explain }: Options): Promise<number> {
  const { resolveModel } = await import("../../host/load-models.ts");
  const { regenerate } = await import("../../host/regenerate.ts");
  const models = sources.length === 0 ? undefined : await Promise.all(sources.map((source) => resolveModel(source)));
  const result = await regenerate({
    check: check === true,
    always: explain === true,
    ...(models === undefined ? {} : { models }),
    ...(out === undefined ? {} : { out }),
  });
  const { difference, files, savers, restores, groups } = result;
  const found = countOf(difference);
  if (explain || json) {
    const { explainSavers, explanationText } = await import("../../report/explain-savers.ts");
    const explanation = explainSavers(groups);
    if (json)
      printJson({
        ...difference,
        ...(check ? {} : { files, savers: savers ?? null, restores: restores ?? null }),
        ...(explain ? { explanation } : {}),
      });
    else print(explanationText(explanation));
  }
  const again = ["xsavekit generate", ...sources, ...(out === undefined ? [] : ["--out", out])].join(" ");
  if (!json) printDifference(result, check === true, found, again);
  return found;
}

function countOf(difference: RegenerateResult["difference"]): number {
  return Object.values(difference).reduce((sum: number, paths: readonly string[]) => sum + paths.length, 0);
}

/** What is said of each kind of difference that was found, and of those that were written or deleted. */
const FOUND = { missing: "missing", changed: "changed", handEdited: "hand-edited", orphaned: "orphaned" };
const WRITTEN = { missing: "new", changed: "changed", handEdited: "hand-edited, written anew:", orphaned: "deleted" };

/** `again`: the command that generates. */
function printDifference(
  { difference, files, savers, restores }: RegenerateResult,
  check: boolean,
  found: number,
  again: string,
): void {
  const words = check ? FOUND : WRITTEN;
  for (const kind of ["missing", "changed", "handEdited", "orphaned"] as const) {
    for (const path of difference[kind]) print(`${words[kind]} ${path}`);
  }
  const proved =
    savers === undefined ? "unchanged since the last run" : `${savers} savers proved straight-line, ${restores} restores proved`;
  if (!check) print(`${files} files, ${found} written or deleted; ${proved}`);
  else
    print(
      found === 0 ? `${files} files are current` : `${found} ${found === 1 ? "file differs" : "files differ"}: run "${again}"`,
    );
}

/** Now and after every change until SIGINT. What is wrong with a file while it is being edited is said, and the next change awaited. */
async function generateOnChange(sources: readonly string[], options: Options): Promise<void> {
  const { modelsFolder, packageRoot } = await import("../../host/load-models.ts");
  const { foldersOf, watchInputs } = await import("../../host/watch-inputs.ts");
  const folders = [
    { folder: modelsFolder(), counts: (name: string) => name.endsWith(".yaml") },
    { folder: join(packageRoot(), "templates"), counts: (name: string) => name.endsWith(".hbs") },
    ...foldersOf(sources.filter((source) => existsSync(source))),
  ];
  const generate = async (): Promise<void> => {
    try {
      await generateOnce(sources, options);
    } catch (error) {
      printError(errorLine(error));
    }
    process.stderr.write("watching; Ctrl-C ends it\n");
  };
  await watchInputs(folders, generate);
}
