/** Bits that the MSRs behind supervisor components have, written down a second time: a WRMSR of any other raises #GP. */

const ALL = 0xffff_ffff_ffff_ffffn;

/** Component -> legal bits of each 8-byte register in it, in order. */
const LEGAL: Readonly<Record<number, readonly bigint[]>> = {
  // TraceEn is legal in an image, but a processor that traces refuses XRSTORS: registers are made without it.
  8: [ALL - 1n, ALL, ALL, ALL, ALL - 31n, ALL, ALL, ALL, ALL, 0n, 0n, 0n, 0n, 0n, 0n, 0n],
  10: [0x800f_ffffn],
  11: [ALL - 0x3c0n, ALL - 3n],
  12: [ALL - 3n, ALL - 3n, ALL - 3n],
  13: [1n],
  // UINV (bits 39:32 of UINTR_MISC) is 0: XSAVES leaves it so, and XRSTORS wants it so.
  14: [ALL, ALL, 0x8000_0000_ffff_ffffn, ALL - 63n, ALL, ALL - 14n],
  15: [0x7f_000fn, 0x78n],
  16: [0xf800_07ff_ffff_ffffn],
};

/**
 * True if XRSTORS accepts the component's bytes of an image: as above, but TraceEn, UINV and any depth of LBR that fits in
 * its field may be set in an image.
 */
export function isLegalImage(index: number, bytes: Uint8Array): boolean {
  const more: Readonly<Record<string, bigint>> = { "8.0": 1n, "14.2": 0xff_0000_0000n, "15.1": 0x7fn };
  return (LEGAL[index] ?? []).every((legal, word) => {
    const allowed = legal | (more[`${index}.${word}`] ?? 0n);
    return Array.from({ length: 8 }, (_, i) => 8 * word + i).every(
      (at, i) => at >= bytes.length || (bytes[at]! & ~Number((allowed / 256n ** BigInt(i)) % 256n)) === 0,
    );
  });
}

/** Clears every bit of a component's registers that hardware does not have. */
export function makeLegal(index: number, bytes: Uint8Array): void {
  for (const [word, legal] of (LEGAL[index] ?? []).entries()) {
    for (let i = 0; i < 8 && 8 * word + i < bytes.length; i++) bytes[8 * word + i]! &= Number((legal / 256n ** BigInt(i)) % 256n);
  }
}
