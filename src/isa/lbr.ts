/** Component 15, the last branch records: five MSRs, then as many triples as IA32_LBR_DEPTH says (SDM vol. 1, 13.5.12). */

export const LBR_COMPONENT = 15;
/** Byte offset and size of IA32_LBR_DEPTH in the component. */
export const LBR_DEPTH_OFFSET = 8;
export const LBR_DEPTH_SIZE = 8;
/** Byte offset of the first triple FROM, TO, INFO, and bytes of each. */
const ENTRIES_OFFSET = 40;
const ENTRY_SIZE = 24;
/** Triples that the component has room for. */
const MAX_DEPTH = 32;
/** Size of the component with room for all; a row of another size is copied whole, since no such CPU is known. */
export const LBR_SIZE: number = ENTRIES_OFFSET + ENTRY_SIZE * MAX_DEPTH;

/** Bytes that XSAVES stores for a value of IA32_LBR_DEPTH (its low six bits). */
export function lbrBytes(depth: number): number {
  return ENTRIES_OFFSET + ENTRY_SIZE * Math.min(depth & 63, MAX_DEPTH);
}
