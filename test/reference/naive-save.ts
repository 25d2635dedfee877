/**
 * XSAVE, XSAVEOPT, XSAVEC and XSAVES a second time, straight from the manual's pseudo-code (Intel SDM vol. 1, 13.4-13.11)
 * and as slow as that: byte by byte, bit by bit. It shares no code with the runtime, so that both must be wrong in
 * the same way to agree.
 */

/** Sub-leaf i of CPUID leaf 0DH as the pseudo-code needs it. */
export interface NaiveRow {
  readonly index: number;
  readonly size: number;
  /** Undefined for a supervisor component. */
  readonly standardOffset: number | undefined;
  readonly align64: boolean;
}

/** Register contents. XSAVES alters PT and UINTR. */
export interface NaiveRegisters {
  /** Bytes 0-415 as FXSAVE64 would store them, pointers as FNSTENV shows them. */
  readonly legacy: Uint8Array;
  readonly fcs: number;
  readonly fds: number;
  readonly extended: ReadonlyMap<number, Uint8Array>;
  readonly xinuse: bigint;
  readonly xfd: bigint;
}

/** CPL, VMX non-root flag, linear address and XCOMP_BV, as the pseudo-code's 4-tuple has them. */
export interface NaiveRestoreInfo {
  readonly cpl: number;
  readonly vmxNonRoot: boolean;
  readonly address: number;
  readonly xcompBv: bigint;
}

/** The modified optimisation: what the last restore left behind, and where this save runs. */
export interface NaiveTracking {
  readonly xrstorInfo: NaiveRestoreInfo | undefined;
  readonly xmodified: bigint;
  readonly cpl: number;
  readonly vmxNonRoot: boolean;
  readonly address: number;
}

/** One execution. */
export interface NaiveSave {
  readonly instruction: "XSAVE" | "XSAVEOPT" | "XSAVEC" | "XSAVES";
  readonly operandSize: 32 | 64;
  readonly mode64: boolean;
  readonly rows: readonly NaiveRow[];
  readonly pointers: "saved" | "zero-unless-es" | "kept-unless-es";
  /** CPUID.(7,0):EBX[13]: the 32-bit forms store FCS and FDS as 0. */
  readonly selectorsZero?: boolean;
  /** Zen 3 leaves bytes 4-7 of PKRU alone. */
  readonly pkruUpperKept?: boolean;
  /** Absent: the processor never leaves out what was not modified. */
  readonly tracking?: NaiveTracking;
  readonly registers: NaiveRegisters;
  readonly rfbm: bigint;
}

const bit = (mask: bigint, index: number): boolean => (mask & (1n << BigInt(index))) !== 0n;

function readMask(area: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let i = 7; i >= 0; i--) value = value * 256n + BigInt(area[at + i]!);
  return value;
}

function writeMask(area: Uint8Array, at: number, mask: bigint): void {
  for (let i = 0; i < 8; i++) area[at + i] = Number((mask / 256n ** BigInt(i)) % 256n);
}

/** The 24 bytes of the x87 control part (SDM vol. 1, 13.5.1; vendor rules: AMD's FXSAVE_LEAK and its successor). */
function storeControl(save: NaiveSave, control: Uint8Array, fcs: number, fds: number, area: Uint8Array): void {
  const exceptionSummary = (control[2]! & 0x80) !== 0;
  for (let i = 0; i < 5; i++) area[i] = control[i]!;
  area[5] = 0;
  if (save.pointers === "kept-unless-es" && !exceptionSummary) return;
  const pointers = new Uint8Array(18);
  if (save.pointers === "saved" || exceptionSummary) {
    for (let i = 0; i < 18; i++) pointers[i] = control[6 + i]!;
    if (save.operandSize === 32) {
      // FOP in 0-1, FIP in 2-9, FDP in 10-17
      const stored = save.selectorsZero !== true;
      pointers[6] = stored ? fcs % 256 : 0;
      pointers[7] = stored ? Math.floor(fcs / 256) : 0;
      pointers[8] = 0;
      pointers[9] = 0;
      pointers[14] = stored ? fds % 256 : 0;
      pointers[15] = stored ? Math.floor(fds / 256) : 0;
      pointers[16] = 0;
      pointers[17] = 0;
    }
  }
  for (let i = 0; i < 18; i++) area[6 + i] = pointers[i]!;
}

/** The initial configuration (SDM vol. 1, 13.6). */
function initialValue(index: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  if (index === 13) bytes[0] = 1;
  if (index === 16) {
    bytes[0] = 0x01;
    bytes[1] = 0xff;
    bytes[3] = 0x80;
  }
  return bytes;
}

/** Whether a byte of a component exists in the mode (SDM vol. 1, 13.5: registers 8-15 and 16-31 in 64-bit mode only). */
function existsInMode(mode64: boolean, index: number, byte: number): boolean {
  if (mode64) return true;
  if (index === 2) return byte < 8 * 16;
  if (index === 6) return byte < 8 * 32;
  return index !== 7;
}

/** Where component `index` starts (SDM vol. 1, 13.4.2 and 13.4.3). */
function placeOf(save: NaiveSave, index: number, compacted: boolean): number {
  const row = save.rows.find((each) => each.index === index)!;
  if (!compacted) return row.standardOffset!;
  let at = 576;
  for (let i = 2; i < 63; i++) {
    if (!bit(save.rfbm, i)) continue;
    const each = save.rows.find((other) => other.index === i)!;
    if (each.align64) while (at % 64 !== 0) at++;
    if (i === index) return at;
    at += each.size;
  }
  throw new Error(`component ${index} is not in RFBM`);
}

/** Executes a save into `area`. */
export function naiveSave(save: NaiveSave, area: Uint8Array): void {
  const { registers, rfbm, instruction } = save;
  const { legacy } = registers;
  const compacted = instruction === "XSAVEC" || instruction === "XSAVES";
  const initOptimisation = instruction !== "XSAVE";
  const mxcsr = legacy[24]! + 256 * legacy[25]! + 65536 * legacy[26]! + 16777216 * legacy[27]!;
  // A component disabled through IA32_XFD is treated as initial.
  const inUse = (index: number): boolean => {
    if (compacted && index === 1 && mxcsr !== 0x1f80) return true;
    return bit(registers.xinuse, index) && !bit(registers.xfd, index);
  };

  const unmodified = (index: number): boolean => {
    const { tracking } = save;
    if (tracking?.xrstorInfo === undefined || instruction === "XSAVE" || instruction === "XSAVEC") return false;
    const { cpl, vmxNonRoot, address, xcompBv } = tracking.xrstorInfo;
    const wanted = instruction === "XSAVES" ? rfbm + 2n ** 63n : 0n;
    const matches =
      cpl === tracking.cpl && vmxNonRoot === tracking.vmxNonRoot && address === tracking.address && xcompBv === wanted;
    return matches && !bit(tracking.xmodified, index);
  };
  // XSAVE stores initial values; the others store nothing of an initial component, XSAVEOPT and XSAVES nothing of an unmodified one.
  const leftOut = (index: number): boolean => (initOptimisation && !inUse(index)) || unmodified(index);

  if (bit(rfbm, 0) && !leftOut(0)) {
    const control = new Uint8Array(24);
    const used = inUse(0);
    if (used) for (let i = 0; i < 24; i++) control[i] = legacy[i]!;
    else {
      control[0] = 0x7f;
      control[1] = 0x03;
    }
    storeControl(save, control, used ? registers.fcs : 0, used ? registers.fds : 0, area);
    for (let st = 0; st < 8; st++) {
      for (let i = 0; i < 16; i++) area[32 + 16 * st + i] = used && i < 10 ? legacy[32 + 16 * st + i]! : 0;
    }
  }
  const mxcsrStored = compacted ? bit(rfbm, 1) && !leftOut(1) : bit(rfbm, 1) || bit(rfbm, 2);
  if (mxcsrStored) for (let i = 24; i < 32; i++) area[i] = legacy[i]!;
  if (bit(rfbm, 1) && !leftOut(1)) {
    const count = save.mode64 ? 16 : 8;
    for (let i = 160; i < 160 + 16 * count; i++) area[i] = inUse(1) ? legacy[i]! : 0;
  }
  for (let index = 2; index < 63; index++) {
    if (!bit(rfbm, index)) continue;
    if (leftOut(index)) continue;
    const row = save.rows.find((each) => each.index === index)!;
    const at = placeOf(save, index, compacted);
    const bytes = inUse(index) ? registers.extended.get(index)! : initialValue(index, row.size);
    for (let i = 0; i < row.size; i++) {
      if (!existsInMode(save.mode64, index, i)) continue;
      if (index === 9 && save.pkruUpperKept === true && i >= 4) continue;
      if (instruction === "XSAVES" && index === 15) {
        const depth = bytes[8]! % 64;
        if (i >= 40 && Math.floor((i - 40) / 24) >= depth) continue;
      }
      area[at + i] = bytes[i]!;
    }
    if (instruction === "XSAVES" && index === 8) bytes[0] = bytes[0]! - (bytes[0]! % 2); // RTIT_CTL.TraceEn
    if (instruction === "XSAVES" && index === 14) bytes[20] = 0; // UINV
  }

  const before = readMask(area, 512);
  let stateBv = 0n;
  let compBv = 2n ** 63n;
  for (let index = 0; index < 64; index++) {
    const value = 2n ** BigInt(index);
    if (bit(rfbm, index)) {
      if (index < 63 && inUse(index)) stateBv += value;
      compBv += value;
    } else if (!compacted && bit(before, index)) stateBv += value;
  }
  writeMask(area, 512, stateBv);
  if (compacted) writeMask(area, 520, compBv);
}
