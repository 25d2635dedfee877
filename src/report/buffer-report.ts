/** Buffers as a table and as data for JSON. */

import { maskHex } from "../isa/feature-mask.ts";
import type { BufferSize } from "../model/buffer-plan.ts";
import { textTable } from "./text-table.ts";

/** A buffer in JSON. */
export interface BufferData {
  readonly kind: string;
  readonly title: string;
  readonly rfbm: string;
  readonly bytes: number;
  readonly allocate: number;
  readonly formula: string;
  readonly source: string;
}

/** What `show --buffers --json` adds as `buffers`. */
export function bufferData(plan: readonly BufferSize[]): BufferData[] {
  return plan.map((buffer) => ({ ...buffer, rfbm: maskHex(buffer.rfbm) }));
}

/** A line for each buffer, with its formula. */
export function bufferReport(plan: readonly BufferSize[]): string {
  const rows = plan.map(({ title, rfbm, bytes, formula }) => [title, maskHex(rfbm), String(bytes), formula]);
  return textTable(["buffer", "mask", "bytes", "how"], rows, ["left", "right", "right"]);
}
