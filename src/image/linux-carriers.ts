/**
 * What Linux puts around a standard area: a KVM_SET_XSAVE2 buffer and a signal frame's floating-point state.
 * Sources: linux/arch/x86/include/uapi/asm/sigcontext.h, arch/x86/kernel/fpu/signal.c and arch/x86/kvm/x86.c of v7.3-rc7.
 */

import { KVM_XSAVE_SIZE, SOFTWARE_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import {
  FP_XSTATE_MAGIC1,
  FP_XSTATE_MAGIC2,
  FRAME_AREA_SIZE_OFFSET,
  FRAME_EXTENDED_SIZE_OFFSET,
  FRAME_FEATURES_OFFSET,
  FRAME_MAGIC2_SIZE,
} from "../isa/signal-frame-bytes.ts";
import { ImageError } from "./image-error.ts";
import { imageLayout } from "./image-layout.ts";
import { maskOfBits } from "../isa/feature-mask.ts";
import type { XsaveImage } from "./xsave-image.ts";

/** User components that a standard image has room for, its own x87 and SSE included. */
function featuresOf(image: XsaveImage): bigint {
  return maskOfBits([0, 1, ...imageLayout(image).components.map(({ row }) => row.index)]);
}

/**
 * A buffer as KVM_GET_XSAVE2 returns it: the area, zeros to 4096 bytes, and at byte 464 the user components
 * (absent: those that the image has room for).
 */
export function kvmBuffer(image: XsaveImage, features: bigint = featuresOf(image)): Uint8Array<ArrayBuffer> {
  const area = standardBytes(image);
  const buffer = new Uint8Array(Math.max(KVM_XSAVE_SIZE, area.length));
  buffer.set(area);
  new DataView(buffer.buffer).setBigUint64(SOFTWARE_OFFSET, features, true);
  return buffer;
}

/**
 * A signal frame's state, to be placed at a multiple of 64: software bytes with magic and sizes, and the second magic number
 * behind the area. XSTATE_BV has x87 and SSE, as the kernel forces it on saving (`save_xstate_epilog`).
 */
export function signalFrame(image: XsaveImage, features: bigint = featuresOf(image)): Uint8Array<ArrayBuffer> {
  const area = standardBytes(image);
  const frame = new Uint8Array(area.length + FRAME_MAGIC2_SIZE);
  frame.set(area);
  const view = new DataView(frame.buffer);
  view.setUint32(SOFTWARE_OFFSET, FP_XSTATE_MAGIC1, true);
  view.setUint32(FRAME_EXTENDED_SIZE_OFFSET, frame.length, true);
  view.setBigUint64(FRAME_FEATURES_OFFSET, features, true);
  view.setUint32(FRAME_AREA_SIZE_OFFSET, area.length, true);
  view.setUint32(area.length, FP_XSTATE_MAGIC2, true);
  view.setBigUint64(XSTATE_BV_OFFSET, view.getBigUint64(XSTATE_BV_OFFSET, true) | 3n, true);
  return frame;
}

function standardBytes(image: XsaveImage): Uint8Array {
  if (image.form !== "standard")
    throw new ImageError("wrong-form", `Linux hands areas to user space in the standard format, this image is ${image.form}`);
  return image.bytes.subarray(0, imageLayout(image).size);
}

/** The carriers by the names that the readers of files give them. */
export const LINUX_CARRIERS: Readonly<
  Record<string, ((image: XsaveImage, features?: bigint) => Uint8Array<ArrayBuffer>) | undefined>
> = {
  "kvm-xsave": kvmBuffer,
  "signal-frame": signalFrame,
};
