/**
 * Fixed parts of an XSAVE area: legacy region (bytes 0-511) and XSAVE header (512-575).
 * Source: Intel SDM vol. 1, 13.4.1 and 13.4.2. Offsets and sizes in bytes.
 */

/** End of the legacy region, start of the XSAVE header. */
export const LEGACY_REGION_SIZE = 512;
/** Bytes of the XSAVE header. */
export const XSAVE_HEADER_SIZE = 64;
/** Start of the extended region; also the smallest size of an XSAVE area. */
export const EXTENDED_REGION_OFFSET: number = LEGACY_REGION_SIZE + XSAVE_HEADER_SIZE;
/** Alignment that every instruction of the XSAVE family demands of its area (SDM vol. 1, 13.7). */
export const XSAVE_AREA_ALIGNMENT = 64;

/** x87 control part: FCW, FSW, FTW, FOP, FIP, FDP (bytes 0-23). */
export const X87_CONTROL_OFFSET = 0;
export const X87_CONTROL_SIZE = 24;
/** MXCSR and MXCSR_MASK (bytes 24-31); they follow component 1, not 0. */
export const MXCSR_OFFSET = 24;
export const MXCSR_MASK_OFFSET = 28;
export const MXCSR_SIZE = 8;
/** ST0-ST7, one slot of 16 bytes each, 10 used (bytes 32-159). */
export const ST_OFFSET = 32;
export const ST_SIZE = 128;
/** XMM0-XMM15 (bytes 160-415). */
export const XMM_OFFSET = 160;
export const XMM_SIZE = 256;
/** First byte that no instruction of the family writes (reserved, then software-available from 464). */
export const LEGACY_UNWRITTEN_OFFSET = 416;
/** Bytes 464-511 are for software: Linux keeps its user features or the signal frame's magic there. */
export const SOFTWARE_OFFSET = 464;

/** sizeof(struct kvm_xsave) without its `extra[]`: the least that KVM_GET_XSAVE2 gives (arch/x86/include/uapi/asm/kvm.h). */
export const KVM_XSAVE_SIZE = 4096;

/** Byte offset of XSTATE_BV. */
export const XSTATE_BV_OFFSET = 512;
/** Byte offset of XCOMP_BV. */
export const XCOMP_BV_OFFSET = 520;

/** FCW in the initial configuration (SDM vol. 1, 13.6). */
export const INITIAL_FCW = 0x037f;
/** MXCSR at reset (SDM vol. 1, 13.6). */
export const INITIAL_MXCSR = 0x1f80;
/** Dword 0 of the area holds FCW (0-15) and FSW (16-31); FSW.ES is bit 7 of FSW. */
export const FSW_ES_BIT_IN_DWORD0 = 23;
