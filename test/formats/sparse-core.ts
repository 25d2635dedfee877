/** A core of 4 GiB that takes a few KiB on disk: one thread with MXCSR 1FA0H, 5CH in the upper half of YMM3, else zeros. */

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { CoreWriter } from "./core-writer.ts";

const SIZE = 4 * 1024 ** 3;

/** Writes it, with the notes first, as kernels do, or last, as gcore does. */
export function writeSparseCore(file: string, notesAt: "first" | "last"): void {
  const area = new Uint8Array(832);
  const view = new DataView(area.buffer);
  view.setUint32(24, 0x1fa0, true);
  view.setBigUint64(464, 7n, true);
  view.setBigUint64(512, 7n, true);
  area.fill(0x5c, 576 + 16 * 3, 576 + 16 * 4);
  const core = new CoreWriter("x86-64")
    .thread(77, { signal: 11, area })
    .layout([[2, 256, 576]])
    .bytes();
  const descriptor = openSync(file, "w");
  if (notesAt === "first") writeSync(descriptor, core);
  else {
    // The segment of the notes is moved to the file's end.
    const headers = core.subarray(0, 64 + 2 * 56);
    const notes = core.subarray(headers.length);
    new DataView(headers.buffer, headers.byteOffset).setBigUint64(64 + 8, BigInt(SIZE - notes.length), true);
    writeSync(descriptor, headers);
    writeSync(descriptor, notes, 0, notes.length, SIZE - notes.length);
  }
  ftruncateSync(descriptor, SIZE);
  closeSync(descriptor);
}
