/** Deviations from the manual, by the names that records give them. */

import type { Quirks } from "../isa/vendor-behaviour.ts";
import { MXCSR_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import { readU64 } from "./little-endian.ts";
import type { RestoreRecord, VectorRecord } from "./vector-record.ts";

/**
 * The deviation of an emulator that looks at MXCSR and at contents only when their component's turn comes: a refused
 * restore has loaded the components before it.
 */
export const LOADED_BEFORE_FAULT = "components-loaded-before-fault";

/** Of saves: words of a model that make a save deviate so. */
const OF_SAVES: ReadonlyMap<string, Partial<Quirks>> = new Map([
  ["modified-optimization", { modifiedOptimisation: "xsaveopt" }],
  ["pkru-reserved-bytes-kept", { pkruUpperBytes: "kept" }],
  ["sse-in-use-by-mxcsr", { xinuseOfMxcsr: "counted" }],
]);

/**
 * Of restores. The first two need no word of a model, since every restore of ours has them: what FXSAVE64 stores of x87's
 * control afterwards is not what the image held.
 */
const OF_RESTORES: ReadonlySet<string> = new Set(["x87-raw-normalized", "x87-pointers-not-visible", LOADED_BEFORE_FAULT]);

/** The words of a model for the deviations that a record names. */
export function quirksOfDeviations(names: readonly string[]): Partial<Quirks> {
  return Object.assign({}, ...names.map((name) => OF_SAVES.get(name)));
}

/** Those of the names that are deviations of saves. */
export function deviationsOfSaves(names: readonly string[]): string[] {
  return names.filter((name) => OF_SAVES.has(name));
}

/** The first deviation that a record names and that is none of its kind of instruction. */
export function unknownDeviation({ kind, deviations }: VectorRecord): string | undefined {
  return deviations.find((name) => !(kind === "save" ? OF_SAVES.has(name) : OF_RESTORES.has(name)));
}

/** The first deviation of restores that a record names and does not show. `found`: LOADED_BEFORE_FAULT is known by its replay. */
export function deviationNotShown(record: RestoreRecord, found: boolean): string | undefined {
  const { deviations, image, stateAfter, rfbm } = record;
  const loaded = (rfbm & readU64(image, XSTATE_BV_OFFSET) & 1n) !== 0n;
  // Byte 5, behind the tag word, is reserved: no CPU has it.
  const altered = image.subarray(0, MXCSR_OFFSET).some((byte, at) => at !== 5 && byte !== stateAfter.legacy[at]);
  return deviations.find((name) => OF_RESTORES.has(name) && !(name === LOADED_BEFORE_FAULT ? found : loaded && altered));
}
