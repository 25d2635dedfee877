import type { Command } from "commander";
import { resolveModel } from "../../host/load-models.ts";
import type { CpuModel } from "../../model/cpu-model.ts";
import { compareModels } from "../../model/compare-models.ts";
import { comparisonSvg } from "../../report/comparison-drawing.ts";
import { comparisonHtml } from "../../report/comparison-page.ts";
import { comparisonMarkdown, comparisonText } from "../../report/comparison-report.ts";
import { maskArgument } from "../parse-arguments.ts";
import { print, printJson } from "../print.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly mask?: bigint;
  readonly markdown?: true;
  readonly svg?: true;
  readonly html?: true;
  readonly json?: true;
}

const WAYS = { markdown: comparisonMarkdown, svg: comparisonSvg, html: comparisonHtml, json: undefined } as const;

export function declare(command: Command): void {
  command
    .argument("<model...>", "two or more: ids, YAML files or CPUID dumps")
    .option("--mask <mask>", "compare these components only: 0xe7, or names (default: everything)", maskArgument)
    .option("--markdown", "print Markdown")
    .option("--svg", "print a drawing")
    .option("--html", "print a page with drawing and table, in one file")
    .option("--json", "print JSON")
    .action(async (names: string[], { mask, ...options }: Options) => {
      const asked = (Object.keys(WAYS) as (keyof typeof WAYS)[]).filter((way) => options[way]);
      if (asked.length > 1) throw new UsageError(`${asked.map((way) => `--${way}`).join(" and ")}: name one of them`);
      if (names.length < 2) throw new UsageError("compare needs at least two models: `xsavekit compare amd-zen-4 amd-zen-5`");
      const models: CpuModel[] = [];
      for (const name of names) models.push(await resolveModel(name));
      const comparison = compareModels(models, mask);
      if (options.json) printJson(comparison);
      else print((WAYS[asked[0] ?? "json"] ?? comparisonText)(comparison));
      process.exitCode = comparison.identical ? 0 : 1;
    });
}
