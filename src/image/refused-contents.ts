/** Contents of a component that XRSTORS does not load (SDM vol. 1, 13.12). */

import { CONTENT_CHECKS, type ContentCheck } from "../runtime/restore-checks.ts";
import type { ComponentState } from "./register-state.ts";

/** The checks of the area's bytes that a component in use does not pass. */
export function refusedContents({ index, inUse, bytes }: ComponentState): ContentCheck[] {
  return CONTENT_CHECKS.filter(
    ({ component, where, byte, bits }) => inUse && component === index && where === "area" && ((bytes[byte] ?? 0) & bits) !== 0,
  );
}
