/** A view of a model: what a guest, a boot option or a permission leaves of a CPU. It can take away, never add. */

import { hasBit, maskHex, maskWithNames } from "../isa/feature-mask.ts";
import type { CpuModel } from "./cpu-model.ts";
import { standardSizeOf } from "./lint-model.ts";
import type { ViewFields } from "./model-schema.ts";
import { INSTRUCTION_NAMES } from "./model-schema.ts";
import { instructionSupport, maskList, signatureOf } from "./model-parts.ts";
import type { YamlSource } from "./yaml-source.ts";

/**
 * `base` cut down to what `view` leaves. Rows whose bit is gone are gone; `sizeMax` follows them,
 * as a hypervisor that recomputes it does, unless the view states it.
 */
export function restrictModel(yaml: YamlSource, view: ViewFields, base: CpuModel): CpuModel {
  const xcr0Supported = narrowed(yaml, "xcr0Supported", view, base);
  const xssSupported = narrowed(yaml, "xssSupported", view, base);
  const instructions = view.instructions === undefined ? base.instructions : instructionSupport(view.instructions);
  for (const name of INSTRUCTION_NAMES) {
    if (!instructions[name] || base.instructions[name]) continue;
    yaml.report({
      rule: "extends-adds",
      severity: "error",
      path: ["instructions"],
      message: `${base.id} has no ${name}`,
      remedy: `remove ${name}`,
    });
  }
  const components = base.components
    .filter((row) => hasBit(xcr0Supported | xssSupported, row.index))
    .map((row) => (instructions.xfd ? row : { ...row, xfd: false }));
  const { notes } = view;
  return {
    id: view.id,
    name: view.name,
    vendor: base.vendor,
    kind: view.kind,
    signatures: view.signatures?.map(signatureOf) ?? base.signatures,
    xcr0Supported,
    xssSupported,
    instructions,
    sizeMax: view.sizeMax ?? standardSizeOf(components),
    components,
    quirks: { ...base.quirks, ...view.quirks },
    masks: view.masks === undefined ? base.masks : maskList(view.masks),
    sources: view.sources ?? base.sources,
    ...(notes === undefined ? {} : { notes }),
  };
}

function narrowed(yaml: YamlSource, key: "xcr0Supported" | "xssSupported", view: ViewFields, base: CpuModel): bigint {
  const mask = view[key] ?? base[key];
  const added = mask & ~base[key];
  if (added !== 0n) {
    const message = `${maskWithNames(added)} is not in ${base.id}`;
    yaml.report({
      rule: "extends-adds",
      severity: "error",
      path: [key],
      message,
      remedy: `use ${maskHex(mask & base[key])}, or write a whole model`,
    });
  }
  return mask & base[key];
}
