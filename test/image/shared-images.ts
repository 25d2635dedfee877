/** The cores and KVM images beside the repository, if they are there, and a reader of ELF notes of the tests' own. */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../../shared/images/", import.meta.url));

/** Why the tests over real images are skipped; undefined if they are not. */
export const SKIPPED: string | undefined = existsSync(FOLDER) ? undefined : `skipped: no real images in ${FOLDER}`;
if (SKIPPED) console.log(SKIPPED);

export interface KnownThread {
  readonly tid: number;
  readonly signalled: boolean;
  readonly initComponents: readonly number[];
  readonly registers: Readonly<Record<string, string>>;
}

export function sharedPath(name: string): string {
  return FOLDER + name;
}

export function sharedBytes(name: string): Uint8Array {
  return readFileSync(FOLDER + name);
}

export function sharedJson<T>(name: string): T {
  return JSON.parse(readFileSync(FOLDER + name, "utf8")) as T;
}

/** XSAVE areas of a little-endian ELF64 core by thread: the note 202H that follows a thread's NT_PRSTATUS. */
export function areasByThread(core: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(core.buffer, core.byteOffset, core.byteLength);
  const areas = new Map<number, Uint8Array>();
  const headers = Number(view.getBigUint64(32, true));
  for (let header = 0; header < view.getUint16(56, true); header++) {
    const at = headers + 56 * header;
    if (view.getUint32(at, true) !== 4) continue; // PT_NOTE
    let note = Number(view.getBigUint64(at + 8, true));
    const end = note + Number(view.getBigUint64(at + 32, true));
    let tid = 0;
    while (note < end) {
      const [nameSize, size, type] = [0, 4, 8].map((field) => view.getUint32(note + field, true)) as [number, number, number];
      const contents = note + 12 + Math.ceil(nameSize / 4) * 4;
      if (type === 1) tid = view.getInt32(contents + 32, true); // pr_pid
      if (type === 0x202) areas.set(tid, core.subarray(contents, contents + size));
      note = contents + Math.ceil(size / 4) * 4;
    }
  }
  return areas;
}
