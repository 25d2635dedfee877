/** Parts of a model as YAML has them -> as CpuModel has them. */

import type { CpuModel, InstructionSupport, Signature } from "./cpu-model.ts";
import type { InstructionName, SignatureFields } from "./model-schema.ts";

/** Signatures as the model has them. */
export function signatureOf({ family, model, stepping }: SignatureFields): Signature {
  return stepping === undefined ? { family, model } : { family, model, stepping };
}

/** Instructions by name as flags. */
export function instructionSupport(names: readonly InstructionName[]): InstructionSupport {
  const has = (name: InstructionName): boolean => names.includes(name);
  return { xsaveopt: has("xsaveopt"), xsavec: has("xsavec"), xgetbv1: has("xgetbv1"), xsaves: has("xsaves"), xfd: has("xfd") };
}

/** Named masks in the order of the file. */
export function maskList(masks: Readonly<Record<string, bigint>> | undefined): CpuModel["masks"] {
  return Object.entries(masks ?? {}).map(([name, rfbm]) => ({ name, rfbm }));
}
