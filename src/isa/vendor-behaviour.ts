/**
 * What processors do beyond, or other than, Intel's manual: the words that a model may say, each with its source. The
 * runtime takes them from the model as data; no rule asks for a vendor's name.
 */

/** What a save stores as FOP, FIP, FDP (bytes 6-23, with FCS and FDS in the 32-bit forms). */
export const X87_POINTER_RULES = ["saved", "zero-unless-es", "kept-unless-es"] as const;
/**
 * `saved`: the live values (Intel SDM). `zero-unless-es`: zeros unless FSW.ES = 1 (AMD with CPUID
 * 80000008:EBX[2]; measured on Zen 5). `kept-unless-es`: bytes 6-23 left as they are unless FSW.ES = 1
 * (AMD before family 17h, FXSAVE_LEAK; whether zeros are written instead is not documented); a restore leaves them as
 * they are too, so that they would leak to the next process: Linux loads others of its own before each restore.
 */
export type X87Pointers = (typeof X87_POINTER_RULES)[number];

/** Behaviour with one departure each: the word that a model says, and what it means. Absent: what the manual says. */
export const DEPARTURES = {
  pkruUpperBytes: {
    word: "kept",
    meaning: "kept: saves leave bytes 4-7 of PKRU as they are (measured on AMD Zen 3)",
  },
  x87PointerWidth: {
    word: "57-bit",
    meaning: "57-bit: FIP and FDP keep 57 bits, sign-extended from bit 56 (measured on AMD Zen 5); the manual's have 64",
  },
  x87Selectors: {
    word: "zero",
    meaning:
      "zero: the 32-bit forms store FCS and FDS as 0, CPUID.(7,0):EBX[13] (Intel since Haswell, Zhaoxin; SDM vol. 1, 8.1.8)",
  },
  modifiedOptimisation: {
    word: "xsaveopt",
    meaning: "xsaveopt: XSAVEOPT was seen to leave out what was not modified since XRSTOR (measured on AMD Zen 3 and Zen 5)",
  },
  xinuseAfterRestore: {
    word: "by-value",
    meaning: "by-value: loading initial values clears XINUSE (measured on AMD Zen 3 and Zen 5), where SDM vol. 1, 13.8.3 sets it",
  },
  xinuseOfPointers: {
    word: "ignored",
    meaning:
      "ignored: FIP, FDP, FCS and FDS alone do not put x87 in use (measured on AMD Zen 3 and Zen 5), where SDM vol. 1, 13.6 counts them",
  },
  xinuseOutside64: {
    word: "all-registers",
    meaning: "all-registers: XINUSE counts registers that only 64-bit mode can reach in other modes too (measured on AMD Zen 5)",
  },
  xinuseOfMxcsr: {
    word: "counted",
    meaning: "counted: MXCSR other than 1F80H sets XINUSE[1] (an emulator), which SDM vol. 1, 13.6 keeps to XMM",
  },
} as const;

/** Names of the departures, in the order of files. */
export const DEPARTURE_NAMES = Object.keys(DEPARTURES) as readonly DepartureName[];
export type DepartureName = keyof typeof DEPARTURES;

/** Vendor behaviour of one CPU, as data. */
export type Quirks = {
  readonly x87Pointers: X87Pointers;
  /** MXCSR_MASK as FXSAVE stores it. */
  readonly mxcsrMask: number;
} & { readonly [Name in DepartureName]?: (typeof DEPARTURES)[Name]["word"] | undefined };

/** Bits that FIP and FDP have; a value is sign-extended from the highest. */
export function x87PointerBits(quirks: Quirks): number {
  return quirks.x87PointerWidth === "57-bit" ? 57 : 64;
}

/** The departures that a CPU has, as `name: word`. */
export function departuresOf(quirks: Quirks): string[] {
  return DEPARTURE_NAMES.flatMap((name) => (quirks[name] === undefined ? [] : [`${name}: ${quirks[name]}`]));
}
