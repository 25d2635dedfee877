/**
 * What KVM_GET_XSAVE and KVM_GET_XSAVE2 return: a standard-format area, bytes 464-471 the user components that the host
 * supports. Source: Linux Documentation/virt/kvm/api.rst 4.42, 4.134; arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2().
 */

import type { ByteSource } from "./byte-source.ts";
import { AREA_SIZE_LIMIT, type ContainerFormat, type ReadContainer } from "./container.ts";
import { areaOf } from "./contained-area.ts";
import { FormatError, type ProblemList } from "./format-problem.ts";
import { isPlausible, plausibleArea } from "./plausible-area.ts";
import { bytesOf, readWhole } from "./range-reader.ts";
import { KVM_XSAVE_SIZE, SOFTWARE_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";

/** Four KiB or more, a standard-format header, and features at byte 464 that hold XSTATE_BV. */
function recognises(head: DataView, source: ByteSource): boolean {
  if (source.size < KVM_XSAVE_SIZE || source.size > AREA_SIZE_LIMIT) return false;
  const plausible = plausibleArea(head, "area");
  const features = head.getBigUint64(SOFTWARE_OFFSET, true);
  return (
    plausible.form === "standard" &&
    isPlausible(plausible) &&
    features !== 0n &&
    (head.getBigUint64(XSTATE_BV_OFFSET, true) & ~features) === 0n
  );
}

async function read(source: ByteSource, problems: ProblemList): Promise<ReadContainer> {
  if (source.size < KVM_XSAVE_SIZE || source.size > AREA_SIZE_LIMIT)
    throw new FormatError({
      rule: "wrong-size",
      offset: 0,
      message: `a file of ${source.size} bytes; KVM_GET_XSAVE returns ${KVM_XSAVE_SIZE}, KVM_GET_XSAVE2 up to ${AREA_SIZE_LIMIT}`,
      remedy: "name the blob alone, or give `--as raw` for an area that was cut",
    });
  const view = await readWhole(source, 0, source.size, "the area");
  const bytes = bytesOf(view);
  for (const { offset, message } of plausibleArea(view, "area").objections)
    problems.add({ rule: "implausible-area", offset, message, remedy: "check that the file is a KVM blob" });
  const long = source.size > KVM_XSAVE_SIZE;
  return {
    description: long ? `KVM_GET_XSAVE2, ${source.size} bytes` : `KVM_GET_XSAVE or KVM_GET_XSAVE2, ${KVM_XSAVE_SIZE} bytes`,
    // A longer blob has the size of the guest's largest area; the shorter one is padded.
    threads: [{ registers: {}, area: areaOf({ fileOffset: 0, bytes }, { sizePadded: !long }) }],
  };
}

export const KVM_XSAVE: ContainerFormat = { kind: "kvm-xsave", title: "KVM_GET_XSAVE or KVM_GET_XSAVE2", recognises, read };
