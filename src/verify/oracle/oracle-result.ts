/** What the oracle saw: the area afterwards, registers as other instructions read them, faults. */

import type { OracleHello } from "./oracle-hello.ts";

/** A fault of the instruction under test. */
export interface OracleFault {
  /** Exception vector: 6 #UD, 7 #NM, 13 #GP, 14 #PF, 17 #AC. */
  readonly vector: number;
  /** POSIX signal number: 4 SIGILL, 7 SIGBUS, 11 SIGSEGV. */
  readonly signal: number;
  /** `si_code`. */
  readonly code: number;
  readonly errorCode: number;
  /** `si_addr`: the linear address of a page fault, else 0. */
  readonly address: bigint;
}

/** What FNSTENV stored. FIP and FDP are their low 32 bits. */
export interface X87Environment {
  readonly fcw: number;
  readonly fsw: number;
  /** Full tag word. */
  readonly ftw: number;
  readonly fip: number;
  readonly fcs: number;
  readonly fop: number;
  readonly fdp: number;
  readonly fds: number;
}

/** Registers as read by FXSAVE64, vector stores, KMOV, RDPKRU and FNSTENV: views, made when asked for. */
export class OracleRegisters {
  readonly #bytes: Uint8Array;
  readonly #hello: OracleHello;

  /** For `OracleProcess` only. */
  constructor(bytes: Uint8Array, hello: OracleHello) {
    this.#bytes = bytes;
    this.#hello = hello;
  }

  /** 512 bytes of FXSAVE64: x87, MXCSR, MXCSR_MASK, XMM. Bytes 416-511 are not written by it and are 0. */
  get legacy(): Uint8Array {
    return this.#bytes.subarray(0, 512);
  }
  /** YMM0_H-YMM15_H, 256 bytes. */
  get avx(): Uint8Array | undefined {
    return this.component(2);
  }
  /** k0-k7, 64 bytes. Without AVX512BW only bits 15:0 of each were read. */
  get opmask(): Uint8Array | undefined {
    return this.component(5);
  }
  /** ZMM0_H-ZMM15_H, 512 bytes. */
  get zmmHi256(): Uint8Array | undefined {
    return this.component(6);
  }
  /** ZMM16-ZMM31, 1,024 bytes. */
  get hi16Zmm(): Uint8Array | undefined {
    return this.component(7);
  }
  /** PKRU in bytes 3:0, then four zero bytes. */
  get pkru(): Uint8Array | undefined {
    return this.component(9);
  }
  /**
   * A component's bytes in its own layout; 0 and 1: `legacy`. Undefined where this machine does not have it.
   * Components other than 0-2, 5-7 and 9 come from a separate XSAVE64, since nothing else reads them whole.
   */
  component(index: number): Uint8Array | undefined {
    const offset = this.#hello.registerOffsets.get(index);
    if (offset === undefined) return undefined;
    const size = index < 2 ? 512 : (this.#hello.components.find((row) => row.index === index)?.size ?? 0);
    return this.#bytes.subarray(offset, offset + size);
  }
  /**
   * FNSTENV, executed once and last, because it alters FCW. So it shows the x87 state after the instruction
   * under test, which for a save is the state before. Meaningless after a fault: the signal frame went through
   * the kernel's own save, which may drop the pointers.
   */
  get environment(): X87Environment {
    const at = 840;
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 28);
    return {
      fcw: view.getUint16(0, true),
      fsw: view.getUint16(4, true),
      ftw: view.getUint16(8, true),
      fip: view.getUint32(12, true),
      fcs: view.getUint16(16, true),
      fop: view.getUint16(18, true) & 0x7ff,
      fdp: view.getUint32(20, true),
      fds: view.getUint16(24, true),
    };
  }
}

/** What one execution did. All byte arrays are views into the reply of its batch. */
export interface OracleResult {
  /** Null: no fault. */
  readonly fault: OracleFault | null;
  /** The preparing XRSTOR64 itself faulted (illegal state image): nothing else below means anything. */
  readonly loadFault: OracleFault | null;
  /** XGETBV(1) just before; null: CPU has no XGETBV(1). */
  readonly xinuseBefore: bigint | null;
  /** XGETBV(1) right after. */
  readonly xinuseAfter: bigint | null;
  /** XINUSE[1] proper just before, from a separate XSAVE64 with RFBM = 2 into scratch. */
  readonly xmmInUse: boolean;
  /** The same right after. */
  readonly xmmInUseAfter: boolean;
  /**
   * XINUSE of the user components before the instruction, bit 1 about XMM alone: XGETBV(1) corrected by
   * `xmmInUse`. Without XGETBV(1): XSTATE_BV of a separate XSAVE64 with all of XCR0.
   */
  readonly xinuse: bigint;
  /** The area afterwards, `areaBytes` long. */
  readonly area: Uint8Array;
  /** Saves: just before. Restores: after. */
  readonly registers: OracleRegisters;
  /** Just before. */
  readonly registersBefore: OracleRegisters;
  /** A save altered a register (must be false). */
  readonly registersChanged: boolean;
  /** The 128 bytes before the area and behind its `areaBytes` are as they were. */
  readonly guardsIntact: boolean;
  /** No context switch and no drift of XINUSE during the (last) attempt. If false, do not judge XINUSE. */
  readonly stable: boolean;
  /** How often it ran until it was stable. */
  readonly attempts: number;
  /** `moves` less what the CPU cannot do. */
  readonly movesDone: number;
  /** PKRU in `state` denied protection key 0, which would kill the process: its bits 1:0 were cleared. */
  readonly statePkruMasked: boolean;
  /** The same for PKRU in the image to restore; `area` shows the image as used. */
  readonly imagePkruMasked: boolean;
}
