/**
 * What a minidump says about process and XSAVE layout.
 * Source: Microsoft minidumpapiset.h (MINIDUMP_MISC_INFO_5, XSTATE_CONFIG_FEATURE_MSC_INFO, MINIDUMP_SYSTEM_INFO).
 */

import { bitsOf } from "../../isa/feature-mask.ts";
import { MAX_COMPONENT_INDEX } from "../../isa/state-component.ts";
import type { DeclaredRow, LayoutEvidence } from "../../image/layout-evidence.ts";
import { AREA_SIZE_LIMIT } from "../container.ts";
import type { ProblemList } from "../format-problem.ts";

/** The table's offsets count in the compacted format where bit 63 of EnabledFeatures is set. */
const COMPACTED_TABLE = 63n;
const XSTATE_DATA_OFFSET = 832;
/** SizeOfInfo, ContextSize, EnabledFeatures, 64 pairs of offset and size: 0x210 bytes. Longer ones begin alike. */
const XSTATE_DATA_SIZE = 0x210;
const FLAG_PROCESS_ID = 1;

export interface MiscInfo {
  readonly pid?: number;
  readonly declared?: LayoutEvidence["declared"];
  readonly enabled?: bigint;
}

/** Reads the stream, whose first byte is at `offset` of the file. */
export function readMiscInfo(view: DataView, offset: number, problems: ProblemList): MiscInfo {
  if (view.byteLength < 12) return {};
  const size = Math.min(view.getUint32(0, true), view.byteLength);
  const pid = (view.getUint32(4, true) & FLAG_PROCESS_ID) !== 0 ? { pid: view.getUint32(8, true) } : {};
  // SizeOfInfo 0 is how writers say that they have no table.
  if (size < XSTATE_DATA_OFFSET + XSTATE_DATA_SIZE || view.getUint32(XSTATE_DATA_OFFSET, true) === 0) return pid;
  const tableSize = view.getUint32(XSTATE_DATA_OFFSET, true);
  const enabled = view.getBigUint64(XSTATE_DATA_OFFSET + 8, true);
  const at = offset + XSTATE_DATA_OFFSET;
  const ignored = (place: number, message: string): MiscInfo => {
    problems.add({
      rule: "bad-xstate-table",
      offset: place,
      message: `${message}; the table is ignored, the layout has to be inferred`,
      remedy: "check the program that wrote the dump",
    });
    return pid;
  };
  if (tableSize < XSTATE_DATA_SIZE)
    return ignored(at, `XSTATE_CONFIG_FEATURE_MSC_INFO has ${tableSize} bytes, expected ${XSTATE_DATA_SIZE} or more`);
  const rows: DeclaredRow[] = [];
  for (const index of bitsOf(enabled)) {
    if (index < 2 || index > MAX_COMPONENT_INDEX) continue;
    const place = XSTATE_DATA_OFFSET + 16 + index * 8;
    const row = { index, standardOffset: view.getUint32(place, true), size: view.getUint32(place + 4, true) };
    if (row.size === 0) continue;
    if (row.standardOffset + row.size > AREA_SIZE_LIMIT)
      return ignored(offset + place, `component ${index} has ${row.size} bytes at ${row.standardOffset}`);
    rows.push(row);
  }
  const source = (enabled >> COMPACTED_TABLE) & 1n ? "MISC_INFO_5 (offsets of the compacted format)" : "MISC_INFO_5";
  return { ...pid, enabled, ...(rows.length > 0 && { declared: { source, rows } }) };
}

/** `PROCESSOR_ARCHITECTURE_*`. */
export type Architecture = "x86" | "amd64";

/** Architecture and, from 32-bit systems, CPUID leaf 0's vendor; undefined for other architectures. */
export function readSystemInfo(view: DataView): { architecture?: Architecture; vendorHint?: string } {
  const number = view.byteLength >= 44 ? view.getUint16(0, true) : -1;
  if (number === 9) return { architecture: "amd64" };
  if (number !== 0) return {};
  const vendor = String.fromCharCode(...Array.from({ length: 12 }, (_, i) => view.getUint8(32 + i)));
  return { architecture: "x86", ...(/^[ -~]{12}$/.test(vendor) && { vendorHint: vendor }) };
}
