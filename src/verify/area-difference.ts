/** Where two areas differ, told by component. */

import { componentName } from "../isa/state-component.ts";
import {
  EXTENDED_REGION_OFFSET,
  LEGACY_REGION_SIZE,
  LEGACY_UNWRITTEN_OFFSET,
  MXCSR_OFFSET,
  MXCSR_SIZE,
  XMM_OFFSET,
} from "../isa/xsave-area.ts";
import type { SavePlan } from "../runtime/save-plan.ts";

/** The first byte of a component that is not as it should be. */
export interface Difference {
  /** Component's name, `header`, or `unused`: no component of RFBM lies there. */
  readonly component: string;
  /** Byte offset in the area. */
  readonly offset: number;
  /** Up to 16 bytes from there on, hexadecimal in memory order. */
  readonly expected: string;
  readonly got: string;
}

/** One difference per component that has one, in order of offset. Both arrays are areas of the plan, equally long. */
export function areaDifferences(plan: SavePlan, expected: Uint8Array, got: Uint8Array): Difference[] {
  const found = new Map<string, Difference>();
  for (let offset = 0; offset < expected.length; offset++) {
    if (got[offset] === expected[offset]) continue;
    const component = componentAt(plan, offset);
    if (found.has(component)) continue;
    found.set(component, { component, offset, expected: hexAt(expected, offset), got: hexAt(got, offset) });
  }
  return [...found.values()];
}

/** Up to 16 bytes at an offset. */
export function hexAt(bytes: Uint8Array, offset: number): string {
  return Buffer.from(bytes.subarray(offset, offset + 16)).toString("hex");
}

function componentAt(plan: SavePlan, offset: number): string {
  if (offset >= LEGACY_REGION_SIZE && offset < EXTENDED_REGION_OFFSET) return "header";
  const piece = plan.pieces.find((each) => offset >= each.area && offset < each.area + each.length);
  if (piece) return componentName(piece.component);
  if (offset >= MXCSR_OFFSET && offset < MXCSR_OFFSET + MXCSR_SIZE) return componentName(1);
  if (offset < XMM_OFFSET) return componentName(0);
  return offset < LEGACY_UNWRITTEN_OFFSET ? componentName(1) : "unused";
}
