/** Mask families and a model -> the masks that get savers on it. */

import { bitsOf } from "../isa/feature-mask.ts";
import type { CpuModel } from "./cpu-model.ts";
import { componentKey } from "./component-key.ts";
import { hasInstruction } from "../runtime/instruction-faults.ts";
import type { SaveFamily } from "../runtime/save-plan.ts";
import type { SaveInstruction } from "./mask-schema.ts";
import { SAVE_INSTRUCTIONS } from "./mask-schema.ts";
import type { MaskFamily } from "./read-masks.ts";

/** One RFBM of one model with the instructions that shall have a saver for it. */
export interface ModelMask {
  /** Unique in the model: the family's name, `-user` added where supervisor bits were cut; `perf-sse-avx` for combined ones. */
  readonly name: string;
  /** Not empty, and within what the instructions can save on the model. */
  readonly rfbm: bigint;
  /** In the order XSAVE64, XSAVEOPT64, XSAVEC64, XSAVES64. */
  readonly instructions: readonly SaveInstruction[];
  /** XINUSE values below `rfbm` that get savers of their own; neither empty nor all of it. */
  readonly xinuseClasses: readonly bigint[];
  /** True: every family that names the mask leaves it to the routine for any XINUSE. */
  readonly anyOnly: boolean;
}

interface Draft {
  readonly name: string;
  readonly instructions: Set<SaveInstruction>;
  readonly classes: Set<bigint>;
  anyOnly: boolean;
}

/**
 * Cuts the families (then the model's own masks) to the model. XSAVES64 keeps supervisor bits, the
 * other three save `xcr0Supported` only (Intel SDM vol. 1, 13.7-13.11). What the model lacks is
 * dropped, what several families name is merged under the first one's name.
 */
export function masksFor(model: CpuModel, families: readonly MaskFamily[]): ModelMask[] {
  const drafts = new Map<bigint, Draft>();
  const names = new Set<string>();
  const instructions = SAVE_INSTRUCTIONS.filter((instruction) => hasInstruction(model, familyOf(instruction)));
  for (const family of [...families, ...ownFamilies(model)]) {
    for (const whole of wholeMasks(family, model)) {
      for (const instruction of instructions) {
        if (!family.instructions.includes(instruction)) continue;
        const user = model.xcr0Supported;
        const rfbm = whole & (familyOf(instruction) === "XSAVES" ? user | model.xssSupported : user);
        if (rfbm === 0n) continue;
        let draft = drafts.get(rfbm);
        if (!draft) {
          const name = freeName(nameOf(family, rfbm, whole, model), names);
          draft = { name, instructions: new Set(), classes: new Set(), anyOnly: true };
          drafts.set(rfbm, draft);
        }
        draft.instructions.add(instruction);
        draft.anyOnly &&= family.anyOnly;
        for (const inUse of family.xinuseClasses) {
          const cut = inUse & rfbm;
          if (cut !== 0n && cut !== rfbm) draft.classes.add(cut);
        }
      }
    }
  }
  return [...drafts].map(([rfbm, draft]) => ({
    name: draft.name,
    rfbm,
    instructions: SAVE_INSTRUCTIONS.filter((instruction) => draft.instructions.has(instruction)),
    xinuseClasses: [...draft.classes].toSorted((a, b) => (a < b ? -1 : 1)),
    anyOnly: draft.anyOnly,
  }));
}

const familyOf = (instruction: SaveInstruction): SaveFamily => instruction.slice(0, -"64".length) as SaveFamily;

function wholeMasks(family: MaskFamily, model: CpuModel): readonly bigint[] {
  const supported = model.xcr0Supported | model.xssSupported;
  const masks = family.masks === "all" ? [supported] : family.masks === "all-user" ? [model.xcr0Supported] : family.masks;
  const cut = masks.map((mask) => mask & ~family.without);
  return family.cut ? cut : cut.filter((mask) => (mask & ~supported) === 0n);
}

function ownFamilies(model: CpuModel): MaskFamily[] {
  const rest = { without: 0n, combined: false, cut: true, instructions: SAVE_INSTRUCTIONS, xinuseClasses: [], anyOnly: false };
  return model.masks.map(({ name, rfbm }) => ({ ...rest, name, masks: [rfbm] }));
}

function nameOf(family: MaskFamily, rfbm: bigint, whole: bigint, model: CpuModel): string {
  if (family.combined)
    return [family.name, ...bitsOf(rfbm).map((bit) => componentKey(bit).toLowerCase().replaceAll("_", "-"))].join("-");
  const supervisorCut = (whole & model.xssSupported & ~rfbm) !== 0n;
  return supervisorCut ? `${family.name}-user` : family.name;
}

function freeName(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let count = 2; names.has(name); count++) name = `${wanted}-${count}`;
  names.add(name);
  return name;
}
