/**
 * Sizes of the buffers that hold a CPU's state: of the instructions, and of what systems build around an area. Every
 * formula is a line of the source that it names.
 */

import { bitsOf } from "../isa/feature-mask.ts";
import { KVM_XSAVE_SIZE, LEGACY_REGION_SIZE, XSAVE_AREA_ALIGNMENT } from "../isa/xsave-area.ts";
import { areaLayout } from "../layout/area-layout.ts";
import { acceptedXcr0 } from "../runtime/control-registers.ts";
import { kernelFamilies } from "../runtime/kernel-families.ts";
import type { CpuModel } from "./cpu-model.ts";

/** What needs a buffer. */
export const BUFFER_KINDS = [
  "xsave",
  "xsavec",
  "xsaves",
  "core-note",
  "signal-frame",
  "at-minsigstksz",
  "at-minsigstksz-64-bit-only",
  "kvm-xsave2",
  "sgx-ssa-frame",
  "windows-context",
  "glibc-2.26",
  "glibc-2.40",
] as const;
/** One of them. */
export type BufferKind = (typeof BUFFER_KINDS)[number];

/** One buffer. */
export interface BufferSize {
  readonly kind: BufferKind;
  /** For people. */
  readonly title: string;
  /** Components that it holds. */
  readonly rfbm: bigint;
  readonly bytes: number;
  /** Bytes to allocate where the address must be a multiple of 64. */
  readonly allocate: number;
  readonly formula: string;
  readonly source: string;
}

const roundUp = (size: number, step: number): number => Math.ceil(size / step) * step;

/** FP_XSTATE_MAGIC2_SIZE: the magic number behind the area of a signal frame. */
export const SIGNAL_MAGIC2_SIZE = 4;
/** GPRSGX and the EXINFO component of MISC, SDM vol. 3, 38.9.1 and 38.9.2. */
const SGX_GPRSGX_SIZE = 184;
const SGX_EXINFO_SIZE = 16;
const PAGE = 4096;

/** CPUID.(0DH,0).EBX for a value of XCR0. */
export function userAreaSize(model: CpuModel, xcr0: bigint): number {
  return areaLayout(model, xcr0 & model.xcr0Supported, "standard").size;
}

/**
 * AT_MINSIGSTKSZ for a user area: largest frame, FP_XSTATE_MAGIC2, padding to 16 and of the area to 64, rounded up to 16.
 * With IA-32 emulation the frame is struct sigframe_ia32 (736 bytes) and the area has struct fregs_state (112) in front,
 * without it struct rt_sigframe (440).
 * Source: arch/x86/kernel/signal.c init_sigframe_size(), arch/x86/kernel/fpu/signal.c fpu__get_fpstate_size().
 */
export function minSignalStackSize(userArea: number, ia32Emulation: boolean): number {
  const frame = ia32Emulation ? 736 + 112 : 440;
  return roundUp(userArea + SIGNAL_MAGIC2_SIZE + frame + (16 - 1) + (64 - 1), 16);
}

/**
 * SECS.SSAFRAMESIZE: pages for an area in the standard format for XFRM, MISC with EXINFO, and GPRSGX.
 * Source: SDM vol. 3, 38.9 and 42.7.2.2 ("The SSA is always in non-compacted format").
 */
export function sgxSsaFramePages(model: CpuModel, xfrm: bigint): number {
  return Math.ceil((userAreaSize(model, xfrm | 3n) + SGX_EXINFO_SIZE + SGX_GPRSGX_SIZE) / PAGE);
}

/**
 * Bytes that RtlGetExtendedContextLength2() asks for with CONTEXT_XSTATE on x64: CONTEXT (1232), CONTEXT_EX (32), 63 to
 * align, and the extended part: header and components, without the legacy region; compacted where the CPU has XSAVEC.
 * Source: Wine dlls/ntdll/exception.c, the same function and xstate_get_compacted_size().
 */
export function windowsContextLength(model: CpuModel, mask: bigint): number {
  const format = model.instructions.xsavec ? "compacted" : "standard";
  const xstate = areaLayout(model, mask & model.xcr0Supported & ~3n, format).size - LEGACY_REGION_SIZE;
  return 0x4d0 + 0x20 + 63 + xstate;
}

/** One form of glibc's computation. */
interface GlibcSave {
  /** Bytes for integer registers in front of the area. */
  readonly registers: number;
  /** STATE_SAVE_MASK: what _dl_runtime_resolve_xsavec saves. */
  readonly saved: bigint;
  /** FULL_STATE_SAVE_MASK: what is laid out; AMX's room is taken out again. */
  readonly laidOut: bigint;
}

const GLIBC: Readonly<Record<"glibc-2.26" | "glibc-2.40", GlibcSave>> = {
  "glibc-2.26": { registers: 64, saved: 0xeen, laidOut: 0xeen },
  "glibc-2.40": { registers: 64 + 24, saved: 0x8_00een, laidOut: 0xe_00een },
};

/**
 * Stack that _dl_runtime_resolve takes, `xsave_state_size`. With XSAVEC: the compacted end of all components of
 * its mask that the CPU has, enabled or not, and room for integer registers, rounded up to 64; tiles are laid out but
 * their room (TILECFG to the end of TILEDATA) is taken out again. Without: CPUID.(0DH,0).EBX instead of that end.
 * Source: glibc sysdeps/x86/cpu-features.c update_active() and sysdeps/x86/sysdep.h at tags 2.26 to 2.39 and 2.40 to 2.42
 * (later updates of 2.38 and 2.39 have 2.40's form).
 */
export function glibcStateSize(model: CpuModel, xcr0: bigint, version: keyof typeof GLIBC): number {
  const { registers, laidOut } = GLIBC[version];
  if (!model.instructions.xsavec) return roundUp(userAreaSize(model, xcr0) + registers, XSAVE_AREA_ALIGNMENT);
  const present = laidOut & model.xcr0Supported;
  const layout = areaLayout(model, present, "compacted");
  const tiles = layout.components.filter(({ row }) => row.index === 17 || row.index === 18);
  const [first, last] = [tiles[0], tiles.at(-1)];
  const room = first && last ? last.offset + last.row.size - first.offset : 0;
  return roundUp(layout.size + registers, XSAVE_AREA_ALIGNMENT) - room;
}

/** The part of a mask that a 64-bit Linux 7.3 keeps in user areas. */
function linuxMask(model: CpuModel, mask: bigint): bigint {
  return acceptedXcr0(mask & model.xcr0Supported & kernelFamilies("7.3").userSupported);
}

/**
 * All buffers for a mask, cut to what the model supports (absent: everything); without those of instructions that the
 * model lacks, and SGX for Intel only. Where a system enables components as a whole the mask stands for XCR0.
 */
export function bufferPlan(model: CpuModel, mask: bigint = ~0n): BufferSize[] {
  const user = mask & model.xcr0Supported;
  const all = mask & (model.xcr0Supported | model.xssSupported);
  const xcr0 = acceptedXcr0(user);
  const linux = linuxMask(model, mask);
  const linuxArea = userAreaSize(model, linux);
  const plan: BufferSize[] = [];
  const add = (kind: BufferKind, title: string, rfbm: bigint, bytes: number, formula: string, source: string): void => {
    plan.push({ kind, title, rfbm, bytes, allocate: roundUp(bytes, XSAVE_AREA_ALIGNMENT), formula, source });
  };
  add("xsave", "XSAVE, XSAVEOPT", user, userAreaSize(model, user), "largest offset + size", "SDM vol. 1, 13.4.2");
  if (model.instructions.xsavec)
    add("xsavec", "XSAVEC", user, areaLayout(model, user, "compacted").size, "running sum", "SDM vol. 1, 13.4.3");
  if (model.instructions.xsaves)
    add("xsaves", "XSAVES", all, areaLayout(model, all, "compacted").size, "running sum", "SDM vol. 1, 13.4.3");
  add(
    "core-note",
    "NT_X86_XSTATE, ptrace's register set",
    linux,
    linuxArea,
    "user area",
    "arch/x86/kernel/fpu/regset.c, fpu_user_cfg.max_size",
  );
  add(
    "signal-frame",
    "Linux signal frame, from its area on",
    linux,
    linuxArea + SIGNAL_MAGIC2_SIZE,
    `${linuxArea} + 4 (FP_XSTATE_MAGIC2)`,
    "arch/x86/kernel/fpu/signal.c save_sw_bytes()",
  );
  for (const ia32 of [true, false])
    add(
      ia32 ? "at-minsigstksz" : "at-minsigstksz-64-bit-only",
      `AT_MINSIGSTKSZ${ia32 ? "" : " without IA-32 emulation"}`,
      linux,
      minSignalStackSize(linuxArea, ia32),
      `round16(${linuxArea} + ${ia32 ? 930 : 522})`,
      "arch/x86/kernel/signal.c init_sigframe_size()",
    );
  add(
    "kvm-xsave2",
    "KVM_CAP_XSAVE2",
    linux,
    Math.max(KVM_XSAVE_SIZE, linuxArea),
    `max(4096, ${linuxArea})`,
    "arch/x86/kvm/x86.c kvm_vm_ioctl_check_extension()",
  );
  if (model.vendor === "GenuineIntel") {
    const pages = sgxSsaFramePages(model, xcr0);
    add(
      "sgx-ssa-frame",
      `SGX SSA frame, ${pages} page${pages === 1 ? "" : "s"}`,
      xcr0 | 3n,
      pages * PAGE,
      `pages(${userAreaSize(model, xcr0 | 3n)} + 16 EXINFO + 184 GPRSGX)`,
      "SDM vol. 3, 38.9 and 42.7.2.2",
    );
  }
  add(
    "windows-context",
    "Windows CONTEXT with CONTEXT_XSTATE",
    user,
    windowsContextLength(model, user),
    "1232 CONTEXT + 32 CONTEXT_EX + 63 + area without its first 512 bytes",
    "Wine dlls/ntdll/exception.c RtlGetExtendedContextLength2()",
  );
  for (const version of ["glibc-2.26", "glibc-2.40"] as const)
    add(
      version,
      `_dl_runtime_resolve, glibc ${version === "glibc-2.26" ? "2.26-2.39" : "since 2.40"}`,
      GLIBC[version].saved & model.xcr0Supported,
      glibcStateSize(model, xcr0, version),
      `round64(end + ${GLIBC[version].registers})`,
      "glibc sysdeps/x86/cpu-features.c update_active()",
    );
  return plan;
}

/** Values of XCR0 that a model accepts, of those that differ in an extended component; at most 4096, the largest masks first. */
export function acceptedMasks(model: CpuModel): bigint[] {
  const extended = bitsOf(model.xcr0Supported).filter((index) => index >= 2);
  const masks = new Set<bigint>();
  for (let choice = 2 ** Math.min(extended.length, 12) - 1; choice >= 0; choice--) {
    const mask = extended.reduce((all, index, at) => ((choice >> at) & 1 ? all | (1n << BigInt(index)) : all), 3n);
    masks.add(acceptedXcr0(mask & (model.xcr0Supported | 3n)));
  }
  return [...masks];
}
