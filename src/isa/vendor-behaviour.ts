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

/** Departures from the manual: the words that a model may say about each, and what they mean. Absent: the manual. */
export const DEPARTURES = {
  pkruUpperBytes: { kept: "saves leave bytes 4-7 of PKRU as they are (measured on AMD Zen 3)" },
  x87PointerWidth: {
    "48-bit": "FIP and FDP keep 48 bits, sign-extended from bit 47 (measured on AMD Zen 3); the manual's have 64",
    "57-bit": "FIP and FDP keep 57 bits, sign-extended from bit 56 (measured on AMD Zen 5); the manual's have 64",
  },
  x87Selectors: {
    zero: "the 32-bit forms store FCS and FDS as 0, CPUID.(7,0):EBX[13] (Intel since Haswell, Zhaoxin; SDM vol. 1, 8.1.8)",
  },
  modifiedOptimisation: {
    xsaveopt: "XSAVEOPT was seen to leave out what was not modified since XRSTOR (measured on AMD Zen 3 and 5)",
  },
  pkruModified: {
    always: "the modified optimisation never leaves out PKRU (measured on AMD Zen 3); the manual lets it",
  },
  xinuseAfterRestore: {
    "by-value": "loading initial values clears XINUSE (measured on AMD Zen 3 and 5), where SDM vol. 1, 13.8.3 sets it",
  },
  xinuseOfPointers: {
    ignored:
      "FIP, FDP, FCS and FDS alone do not put x87 in use (measured on AMD Zen 3 and 5), where SDM vol. 1, 13.6 counts them",
  },
  xinuseOutside64: {
    "all-registers": "XINUSE counts registers that only 64-bit mode can reach in other modes too (measured on AMD Zen 5)",
  },
  xinuseOfMxcsr: {
    counted: "MXCSR other than 1F80H sets XINUSE[1] (an emulator), which SDM vol. 1, 13.6 keeps to XMM",
  },
} as const;

/** Names of the departures, in the order of files. */
export const DEPARTURE_NAMES = /* @__PURE__ */ Object.keys(DEPARTURES) as readonly DepartureName[];
export type DepartureName = keyof typeof DEPARTURES;
/** A word that a model may say about a departure. */
export type DepartureWord<Name extends DepartureName> = keyof (typeof DEPARTURES)[Name];

/** The words about a departure and their meanings, in order. */
export function departureWords<Name extends DepartureName>(name: Name): readonly (readonly [DepartureWord<Name>, string])[] {
  return Object.entries(DEPARTURES[name]) as [DepartureWord<Name>, string][];
}

/** For schemas: every word and what it means, on one line. */
export function departureText(name: DepartureName): string {
  return departureWords(name)
    .map(([word, meaning]) => `${word}: ${meaning}`)
    .join("; ");
}

/** Vendor behaviour of one CPU, as data. */
export type Quirks = {
  readonly x87Pointers: X87Pointers;
  /** MXCSR_MASK as FXSAVE stores it. */
  readonly mxcsrMask: number;
} & { readonly [Name in DepartureName]?: DepartureWord<Name> | undefined };

/** Bits that FIP and FDP have; a value is sign-extended from the highest. */
export function x87PointerBits(quirks: Quirks): number {
  return quirks.x87PointerWidth === undefined ? 64 : quirks.x87PointerWidth === "57-bit" ? 57 : 48;
}

/** The departures that a CPU has, as `name: word`. */
export function departuresOf(quirks: Quirks): string[] {
  return DEPARTURE_NAMES.flatMap((name) => (quirks[name] === undefined ? [] : [`${name}: ${quirks[name]}`]));
}
