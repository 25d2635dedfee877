/** `inspect` of one file. */

import type { ContainerKind } from "../../formats/container.ts";
import { decodeThreads, layoutsOf } from "../../formats/decode-container.ts";
import { generatedCpus } from "../../host/load-generated.ts";
import { openContainerOrProfile } from "../../host/open-container-file.ts";
import type { CpuModel } from "../../model/cpu-model.ts";
import { inspection, type InspectionOptions } from "../../report/inspection-data.ts";
import { inspectionText } from "../../report/inspection-text.ts";
import { profile, profileText } from "../../report/profile-data.ts";
import type { FileOutput } from "../many-files.ts";
import { threadsOf } from "../threads-of.ts";

/** What every file of a run shares. */
export interface InspectJobOptions extends InspectionOptions {
  readonly asData: boolean;
  readonly thread?: number | undefined;
  /** Overrides the evidence of the files. */
  readonly model?: CpuModel | undefined;
  readonly as?: ContainerKind | undefined;
}

/** Reads one file. Throws for one that cannot be read or gives no registers. */
export async function run(file: string, { asData, thread, model, as, ...shown }: InspectJobOptions): Promise<FileOutput> {
  const opened = await openContainerOrProfile(file, as === undefined ? {} : { as }, (data) => profile(file, data, shown, thread));
  if ("profile" in opened) {
    return asData ? { finding: false, data: opened.profile } : { finding: false, text: `${profileText(opened.profile)}\n` };
  }
  const container = threadsOf(file, opened.container, thread);
  const cpus = await generatedCpus();
  const layouts = layoutsOf(container, cpus, model);
  const threads = decodeThreads(container, cpus, model);
  return asData
    ? { finding: false, data: inspection(file, container, layouts, threads, shown) }
    : { finding: false, text: inspectionText(file, container, layouts, threads, shown) };
}
