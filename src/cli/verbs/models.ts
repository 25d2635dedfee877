import type { Command } from "commander";
import { loadBundledModels } from "../../host/load-models.ts";
import { modelList, modelSummary } from "../../report/model-report.ts";
import { print, printJson } from "../print.ts";

export function declare(command: Command): void {
  command.option("--json", "print JSON").action((options: { json?: true }) => {
    const models = loadBundledModels();
    if (options.json) printJson({ models: models.map(modelSummary) });
    else print(modelList(models));
  });
}
