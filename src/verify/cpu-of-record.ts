/** The CPU of a recorded execution, as the runtime sees it: from the CPUID rows in the record. */

import { maskOf } from "../isa/feature-mask.ts";
import type { Quirks } from "../isa/vendor-behaviour.ts";
import { MXCSR_MASK_OFFSET } from "../isa/xsave-area.ts";
import { type ComponentRow, componentRow } from "../layout/component-row.ts";
import type { ProcessorDescription } from "../runtime/processor-description.ts";
import { quirksOfDeviations } from "./deviations.ts";
import type { RecordedExecution } from "./vector-record.ts";

/** What processors with AMD's XSAVEERPTR and without quirks of their own in the records do: the recorded one is a Zen 5. */
const ZEN_5: Quirks = {
  x87Pointers: "zero-unless-es",
  mxcsrMask: 0x2ffff,
  x87PointerWidth: "57-bit",
  xinuseOfPointers: "ignored",
};

/** Describes the CPU. Records with equal `cpuKey` have the same. */
export function cpuOfRecord(record: RecordedExecution): ProcessorDescription {
  const { leafD, name, vendor, xsaveerptr } = record.cpu;
  const leaf0 = leafD.get(0);
  const leaf1 = leafD.get(1) ?? { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  const components: ComponentRow[] = [];
  for (const [index, { eax, ebx, ecx }] of [...leafD].sort(([a], [b]) => a - b)) {
    if (index < 2 || eax === 0) continue;
    components.push(componentRow(index, eax, ebx, ecx));
  }
  return {
    id: name,
    xcr0Supported: maskOf(leaf0?.eax ?? 0, leaf0?.edx ?? 0) | record.xcr0,
    xssSupported: maskOf(leaf1.ecx, leaf1.edx),
    instructions: {
      xsaveopt: (leaf1.eax & 1) !== 0,
      xsavec: (leaf1.eax & 2) !== 0,
      xgetbv1: (leaf1.eax & 4) !== 0,
      xsaves: (leaf1.eax & 8) !== 0,
      xfd: (leaf1.eax & 16) !== 0,
    },
    components,
    quirks: Object.assign(
      vendor === "AuthenticAMD" && xsaveerptr ? { ...ZEN_5 } : { x87Pointers: "saved" as const },
      // Hardware and emulator alike: what a restore loaded is in use by its value.
      { xinuseAfterRestore: "by-value" as const, mxcsrMask: mxcsrMask(record) },
      record.cpu.quirks,
      quirksOfDeviations(record.deviations),
    ),
  };
}

/** Equal for records whose `cpuOfRecord` is equal. */
export function cpuKey(record: RecordedExecution): string {
  const { cpu, xcr0, deviations } = record;
  const rows = [...cpu.leafD].map(([index, row]) => [index, row.eax, row.ebx, row.ecx, row.edx]);
  return JSON.stringify([
    cpu.name,
    cpu.vendor,
    cpu.xsaveerptr,
    cpu.quirks,
    rows,
    xcr0.toString(16),
    mxcsrMask(record),
    deviations,
  ]);
}

function mxcsrMask({ state: { legacy } }: RecordedExecution): number {
  return new DataView(legacy.buffer, legacy.byteOffset).getUint32(MXCSR_MASK_OFFSET, true);
}
