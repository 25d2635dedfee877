/**
 * A thread's CONTEXT with what CONTEXT_EX adds: the XState chunk, an XSAVE area without the legacy region.
 * Source: Microsoft winnt.h (CONTEXT of amd64 and x86, CONTEXT_EX, XSAVE_AREA_HEADER).
 */

import { maskOfBits, maskWithNames, XCOMP_BV_COMPACTED } from "../../isa/feature-mask.ts";
import { EXTENDED_REGION_OFFSET, LEGACY_REGION_SIZE, XSAVE_HEADER_SIZE } from "../../isa/xsave-area.ts";
import type { LayoutEvidence } from "../../image/layout-evidence.ts";
import { areaOf } from "../contained-area.ts";
import type { ContainedArea, OtherRegisters } from "../container.ts";
import type { ProblemList } from "../format-problem.ts";
import { consecutive, GeneralRegisters, type RegisterPlace } from "../general-registers.ts";
import { viewOf } from "../range-reader.ts";
import type { Architecture, MiscInfo } from "./misc-info.ts";

interface ContextLayout {
  readonly size: number;
  readonly flags: number;
  /** ContextFlags' bits for this architecture and for CONTEXT_FLOATING_POINT (amd64) or CONTEXT_EXTENDED_REGISTERS (x86). */
  readonly architecture: number;
  readonly legacyFlag: number;
  readonly legacy: number;
  readonly registers: readonly RegisterPlace[];
}

const segments = (names: string, start: number): RegisterPlace[] =>
  names.split(" ").map((name, i) => [name, start + 2 * i, 2] as const);

const LAYOUTS: Readonly<Record<Architecture, ContextLayout>> = {
  amd64: {
    size: 1232,
    flags: 48,
    architecture: 0x0010_0000,
    legacyFlag: 0x8,
    legacy: 256,
    registers: [
      ...segments("cs ds es fs gs ss", 56),
      ["eflags", 68, 4],
      ...consecutive("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip", 8, 120),
    ],
  },
  x86: {
    size: 716,
    flags: 0,
    architecture: 0x0001_0000,
    legacyFlag: 0x20,
    legacy: 204,
    registers: consecutive("gs fs es ds edi esi ebx edx ecx eax ebp eip cs eflags esp ss", 4, 140),
  },
};
const CONTEXT_XSTATE = 0x40;
/** Three chunks of a signed offset from CONTEXT_EX and a length: all, legacy, XState. */
const CONTEXT_EX_SIZE = 24;

/** Bytes of a CONTEXT without anything behind it. */
export function contextSize(architecture: Architecture): number {
  return LAYOUTS[architecture].size;
}

/** What a context holds. */
export interface ContextRegisters {
  readonly registers: OtherRegisters;
  readonly area?: ContainedArea;
}

/** Decodes a context whose first byte is at `offset` of the file; it has at least `contextSize` bytes. */
export function readContext(
  bytes: Uint8Array,
  offset: number,
  architecture: Architecture,
  known: MiscInfo & Pick<LayoutEvidence, "vendorHint">,
  problems: ProblemList,
): ContextRegisters {
  const layout = LAYOUTS[architecture];
  const view = viewOf(bytes);
  const flags = view.getUint32(layout.flags, true);
  const warn = (rule: string, at: number, message: string): void =>
    problems.addOnce({ rule, offset: offset + at, message, remedy: "check the program that wrote the dump" });
  if ((flags & layout.architecture) === 0) {
    warn(
      "bad-context",
      layout.flags,
      `ContextFlags 0x${flags.toString(16)} are not those of ${architecture}; the context is left out`,
    );
    return { registers: {} };
  }
  const legacy = bytes.slice(layout.legacy, layout.legacy + LEGACY_REGION_SIZE);
  const hasLegacy = (flags & layout.legacyFlag) !== 0;
  const registers: OtherRegisters = {
    general: new GeneralRegisters(layout.registers, bytes.slice(0, layout.size)),
    ...(hasLegacy && { fxsave: { fileOffset: offset + layout.legacy, bytes: legacy } }),
  };
  if ((flags & CONTEXT_XSTATE) === 0 || bytes.length < layout.size + CONTEXT_EX_SIZE) return { registers };
  const start = layout.size + view.getInt32(layout.size + 16, true);
  const length = view.getUint32(layout.size + 20, true);
  if (length === 0) return { registers };
  if (start < layout.size || length < XSAVE_HEADER_SIZE || start + length > bytes.length) {
    warn(
      "bad-context-ex",
      layout.size + 16,
      `CONTEXT_EX puts ${length} bytes of XState at byte ${start} of a context of ${bytes.length}; it is left out`,
    );
    return { registers };
  }
  const xstate = bytes.slice(start, start + length);
  const xcompBv = viewOf(xstate).getBigUint64(8, true);
  const evidence = {
    ...(known.declared && { declared: known.declared }),
    ...(known.enabled !== undefined && {
      userFeatures: { mask: known.enabled & ~XCOMP_BV_COMPACTED, where: "EnabledFeatures of MISC_INFO_5" },
    }),
    ...(known.vendorHint !== undefined && { vendorHint: known.vendorHint }),
  };
  if ((xcompBv & XCOMP_BV_COMPACTED) === 0n) {
    // Windows before compaction: the chunk is bytes 512 and on of a standard area.
    const area = new Uint8Array(Math.max(LEGACY_REGION_SIZE + length, EXTENDED_REGION_OFFSET));
    area.set(legacy);
    area.set(xstate, LEGACY_REGION_SIZE);
    return { registers, area: areaOf({ fileOffset: offset + start, bytes: area }, evidence) };
  }
  const listed = maskOfBits((known.declared?.rows ?? []).map(({ index }) => index));
  const omitted = xcompBv & ~listed & ~XCOMP_BV_COMPACTED & ~0x3n;
  if (known.declared && omitted !== 0n)
    warn(
      "component-not-in-table",
      start + 8,
      `XCOMP_BV has ${maskWithNames(omitted)}, which the table of MISC_INFO_5 omits; architectural sizes are taken`,
    );
  const form = "compacted-without-legacy";
  const area = areaOf({ fileOffset: offset + start, bytes: xstate }, { ...evidence, form, ...(hasLegacy && { legacy }) });
  return { registers, area };
}
