import type { Command } from "commander";
import { Option } from "commander";
import { resolveModel } from "../../host/load-models.ts";
import { maskWithNames } from "../../isa/feature-mask.ts";
import { bufferPlan } from "../../model/buffer-plan.ts";
import { bufferData, bufferReport } from "../../report/buffer-report.ts";
import type { AreaForm } from "../../report/model-report.ts";
import { AREA_FORMS, hasForm, modelData, modelReport } from "../../report/model-report.ts";
import { maskArgument } from "../parse-arguments.ts";
import { print, printError, printJson } from "../print.ts";

interface Options {
  readonly mask?: bigint;
  readonly format?: AreaForm;
  readonly buffers?: true;
  readonly json?: true;
}

export function declare(command: Command): void {
  command
    .argument("<model>", "id, YAML file, CPUID dump, or -")
    .option("--mask <mask>", "RFBM: 0xe7, or names such as x87,SSE,AVX; cut to the model (default: everything)", maskArgument)
    .addOption(new Option("--format <format>", "draw this one only").choices(AREA_FORMS))
    .option("--buffers", "sizes of all buffers: signal frame, KVM, SGX, Windows, glibc")
    .option("--json", "print JSON")
    .action(async (argument: string, { mask, format, buffers, json }: Options) => {
      const model = await resolveModel(argument);
      const absent = (mask ?? 0n) & ~(model.xcr0Supported | model.xssSupported);
      if (absent !== 0n && !json) printError(`--mask: ${model.id} has no ${maskWithNames(absent)}; left out`);
      const plan = buffers ? bufferPlan(model, mask) : undefined;
      if (json) printJson(plan ? { ...modelData(model, mask), buffers: bufferData(plan) } : modelData(model, mask));
      else if (plan) print(bufferReport(plan));
      else print(modelReport(model, format === undefined ? AREA_FORMS.filter((form) => hasForm(model, form)) : [format], mask));
    });
}
