/**
 * What Linux writes into the software bytes of an area in a signal frame, and behind it. Offsets in the area, in bytes.
 * Source: Linux arch/x86/include/uapi/asm/sigcontext.h, `struct _fpx_sw_bytes`.
 */

import { SOFTWARE_OFFSET } from "./xsave-area.ts";

/** `FPXS`, at byte 464 of a frame that holds more than FXSAVE. */
export const FP_XSTATE_MAGIC1 = 0x4650_5853;
/** `FPXE`, behind the area. */
export const FP_XSTATE_MAGIC2 = 0x4650_5845;
export const FRAME_MAGIC2_SIZE = 4;
/** `extended_size`: the area, what a 32-bit program's frame has before it, and the second magic number. */
export const FRAME_EXTENDED_SIZE_OFFSET: number = SOFTWARE_OFFSET + 4;
/** `xfeatures`. */
export const FRAME_FEATURES_OFFSET: number = SOFTWARE_OFFSET + 8;
/** `xstate_size`: the area alone. */
export const FRAME_AREA_SIZE_OFFSET: number = SOFTWARE_OFFSET + 16;
