import type { Command } from "commander";
import { loadBundledModels } from "../../host/load-models.ts";
import { nearestSizes, sizeCauses } from "../../model/size-causes.ts";
import { sizeData, sizeText } from "../../report/size-report.ts";
import { sizeArgument } from "../parse-arguments.ts";
import { print, printJson } from "../print.ts";

export function declare(command: Command): void {
  command
    .argument("<size>", "bytes: 2440, 0x988 or 988h", sizeArgument)
    .option("--json", "print JSON, with every mask")
    .action((size: number, { json }: { json?: true }) => {
      const models = loadBundledModels();
      const causes = sizeCauses(models, size);
      const nearest = causes.length === 0 ? nearestSizes(models, size) : [];
      if (json) printJson(sizeData(size, causes, nearest));
      else print(sizeText(size, causes, nearest));
      process.exitCode = causes.length === 0 ? 1 : 0;
    });
}
