/**
 * The floating-point part of Linux signal frames, alone or anywhere in a piece of stack.
 * Source: Linux arch/x86/include/uapi/asm/sigcontext.h (struct _fpx_sw_bytes), arch/x86/kernel/fpu/signal.c.
 */

import type { ByteSource } from "./byte-source.ts";
import {
  AREA_BYTES_LIMIT,
  AREA_SIZE_LIMIT,
  type ContainerFormat,
  type ContainerThread,
  nothingFound,
  type ReadContainer,
} from "./container.ts";
import { areaOf } from "./contained-area.ts";
import { FormatError, type ProblemList } from "./format-problem.ts";
import { bytesOf, readWhole } from "./range-reader.ts";
import {
  FP_XSTATE_MAGIC1,
  FP_XSTATE_MAGIC2,
  FRAME_AREA_SIZE_OFFSET,
  FRAME_EXTENDED_SIZE_OFFSET,
  FRAME_FEATURES_OFFSET,
  FRAME_MAGIC2_SIZE,
} from "../isa/signal-frame-bytes.ts";
import { EXTENDED_REGION_OFFSET, LEGACY_REGION_SIZE, SOFTWARE_OFFSET } from "../isa/xsave-area.ts";

/** `struct fregs_state`, which frames of 32-bit programs have before the area: 108 bytes of FSAVE and a status word. */
const FREGS_SIZE = 112;
const FSAVE_SIZE = 108;

/** Bytes looked at together; two windows overlap by the part of an area that ends with xstate_size. */
const WINDOW = 1 << 20;
const OVERLAP = FRAME_AREA_SIZE_OFFSET + 4;
/** Frames nest as deep as signals do. */
const MAX_FRAMES = 4096;

interface Frame {
  readonly offset: number;
  readonly size: number;
  readonly extendedSize: number;
  readonly features: bigint;
}

/** The frame whose area begins at `at` of the view, if the sizes there can be. */
function frameAt(view: DataView, at: number, base: number): Frame | undefined {
  if (view.getUint32(at + SOFTWARE_OFFSET, true) !== FP_XSTATE_MAGIC1) return undefined;
  const extendedSize = view.getUint32(at + FRAME_EXTENDED_SIZE_OFFSET, true);
  const size = view.getUint32(at + FRAME_AREA_SIZE_OFFSET, true);
  if (size < EXTENDED_REGION_OFFSET || size > AREA_SIZE_LIMIT || extendedSize < size + FRAME_MAGIC2_SIZE) return undefined;
  if (extendedSize > size + FRAME_MAGIC2_SIZE + FREGS_SIZE) return undefined;
  return { offset: base + at, size, extendedSize, features: view.getBigUint64(at + FRAME_FEATURES_OFFSET, true) };
}

/** Frames in a view, at multiples of 4: a piece of stack need not begin at a multiple of 64. */
function framesIn(view: DataView, base: number): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + OVERLAP <= view.byteLength; at += 4) {
    const frame = frameAt(view, at, base);
    if (frame) frames.push(frame);
  }
  return frames;
}

/** Frames that begin in the window at `base`. */
async function framesOf(source: ByteSource, base: number): Promise<Frame[]> {
  const length = Math.min(WINDOW + OVERLAP, source.size - base);
  const frames = framesIn(await readWhole(source, base, length, "the stack"), base);
  return frames.filter(({ offset }) => offset < base + WINDOW);
}

/** True if there is a frame in the first 16 MiB: stacks have 8 MiB unless told otherwise. */
async function recognises(_: DataView, source: ByteSource): Promise<boolean> {
  for (let base = 0; base < Math.min(source.size, 16 * WINDOW); base += WINDOW)
    if ((await framesOf(source, base)).length > 0) return true;
  return false;
}

async function read(source: ByteSource, problems: ProblemList): Promise<ReadContainer> {
  const threads: ContainerThread[] = [];
  let total = 0;
  for (let base = 0; base < source.size; base += WINDOW) {
    for (const frame of await framesOf(source, base)) {
      total += frame.size;
      if (threads.length >= MAX_FRAMES || total > AREA_BYTES_LIMIT) {
        problems.add({
          rule: "too-many-frames",
          offset: frame.offset,
          message: `more than ${MAX_FRAMES} frames or ${AREA_BYTES_LIMIT} bytes of them; the rest is left out`,
          remedy: "cut out the part of the stack that matters",
        });
        return { description: description(threads.length), threads };
      }
      threads.push(await threadOf(source, frame, problems));
    }
  }
  if (threads.length === 0)
    throw new FormatError(
      nothingFound(0, `no FP_XSTATE_MAGIC1 (0x${FP_XSTATE_MAGIC1.toString(16)}) with possible sizes in ${source.size} bytes`),
    );
  return { description: description(threads.length), threads };
}

const description = (frames: number): string =>
  frames === 1 ? "Linux signal frame" : `Linux signal frames, ${frames} in a piece of stack`;

/** The area of a frame; without FP_XSTATE_MAGIC2 behind it the kernel takes x87 and SSE only, and so does this. */
async function threadOf(source: ByteSource, frame: Frame, problems: ProblemList): Promise<ContainerThread> {
  const whole = frame.offset + frame.size + FRAME_MAGIC2_SIZE <= source.size;
  const available = Math.min(frame.size + FRAME_MAGIC2_SIZE, source.size - frame.offset);
  const view = await readWhole(source, frame.offset, available, "a signal frame");
  const bytes = new Uint8Array(view.buffer, view.byteOffset, Math.min(frame.size, available));
  const fsaveAt = frame.offset - FREGS_SIZE;
  const compat = frame.extendedSize === frame.size + FRAME_MAGIC2_SIZE + FREGS_SIZE;
  const name = `frame at byte ${frame.offset}${compat ? ", of a 32-bit program" : ""}`;
  const fsave =
    compat && fsaveAt >= 0
      ? { fsave: { fileOffset: fsaveAt, bytes: bytesOf(await readWhole(source, fsaveAt, FSAVE_SIZE, "a signal frame")) } }
      : {};
  if (whole && view.getUint32(frame.size, true) === FP_XSTATE_MAGIC2) {
    const userFeatures = { mask: frame.features, where: `byte ${FRAME_FEATURES_OFFSET}` };
    return { name, registers: fsave, area: areaOf({ fileOffset: frame.offset, bytes }, { userFeatures }) };
  }
  problems.add({
    rule: "magic2-missing",
    offset: frame.offset + frame.size,
    message: `${whole ? "no FP_XSTATE_MAGIC2" : "the file ends before FP_XSTATE_MAGIC2"} at the end of the frame's ${frame.size} bytes; like the kernel, only x87 and SSE are taken`,
    remedy: "check that the piece of stack is whole and was not moved in parts",
  });
  return { name, registers: { ...fsave, fxsave: { fileOffset: frame.offset, bytes: bytes.slice(0, LEGACY_REGION_SIZE) } } };
}

export const SIGNAL_FRAME: ContainerFormat = {
  kind: "signal-frame",
  title: "Linux signal frame, or a piece of stack that has some",
  recognises,
  read,
};
