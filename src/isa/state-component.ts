/**
 * The table of XSAVE state components: one row each, and the only place that knows them.
 * Sources: Intel SDM vol. 1, 13.1, 13.4-13.6; APX: Intel 355828 (3.1.4.3); SCALEDATA: ACE specification
 * as quoted by LLVM and Bochs; LWP: AMD 43724. Sizes and offsets in bytes.
 */

/** Managed through XCR0 (`user`) or IA32_XSS (`supervisor`). */
export type ComponentKind = "user" | "supervisor";

/** Bytes of an initial configuration that are not zero. */
export interface InitialBytes {
  readonly offset: number;
  readonly bytes: readonly number[];
}

/** One state component as the architecture defines it; where it lies is a model's business. */
export interface StateComponent {
  readonly index: number;
  /** The manuals' spelling. */
  readonly name: string;
  readonly kind: ComponentKind;
  /** Architectural size; 0 for the two in the legacy region. */
  readonly size: number;
  /** CPUID.(0DH,i):ECX[1]: starts at a multiple of 64 in the compacted format. */
  readonly align64: boolean;
  /** CPUID.(0DH,i):ECX[2]: can be disabled through IA32_XFD. */
  readonly xfd: boolean;
  /** CPUID bit of the feature it belongs to. */
  readonly feature: string;
  /** Everything else in the initial configuration is zero. */
  readonly initial: readonly InitialBytes[];
  /** What the public documents leave open about this row. */
  readonly unverified?: string;
}

// Names and initial configurations are columns of their own: a program that only saves carries these and no other.

/** The manuals' spelling, by index. */
const NAMES = {
  0: "x87",
  1: "SSE",
  2: "AVX",
  3: "BNDREGS",
  4: "BNDCSR",
  5: "opmask",
  6: "ZMM_Hi256",
  7: "Hi16_ZMM",
  8: "PT",
  9: "PKRU",
  10: "PASID",
  11: "CET_U",
  12: "CET_S",
  13: "HDC",
  14: "UINTR",
  15: "LBR",
  16: "HWP",
  17: "TILECFG",
  18: "TILEDATA",
  19: "APX",
  20: "SCALEDATA",
  62: "LWP",
} as const;

/** Bytes of an initial configuration that are not zero, by index. */
const INITIAL: Readonly<Record<number, readonly InitialBytes[]>> = {
  0: [{ offset: 0, bytes: [0x7f, 0x03] }],
  13: [{ offset: 0, bytes: [1] }],
  16: [{ offset: 0, bytes: [0x01, 0xff, 0x00, 0x80] }],
};

type Name = (typeof NAMES)[keyof typeof NAMES];

type Facts = readonly [
  kind: ComponentKind,
  size: number,
  feature: string,
  options?: Partial<Pick<StateComponent, "align64" | "xfd" | "unverified">>,
];

const FACTS: Readonly<Record<Name, Facts>> = {
  x87: ["user", 0, "1:EDX[0]"],
  SSE: ["user", 0, "1:EDX[25]"],
  AVX: ["user", 256, "1:ECX[28]"],
  BNDREGS: ["user", 64, "7.0:EBX[14]"],
  BNDCSR: ["user", 64, "7.0:EBX[14]"],
  opmask: ["user", 64, "7.0:EBX[16]"],
  ZMM_Hi256: ["user", 512, "7.0:EBX[16]"],
  Hi16_ZMM: ["user", 1024, "7.0:EBX[16]"],
  PT: ["supervisor", 128, "7.0:EBX[25]"],
  PKRU: ["user", 8, "7.0:ECX[3]"],
  PASID: ["supervisor", 8, "7.0:ECX[29]"],
  CET_U: ["supervisor", 16, "7.0:ECX[7] or EDX[20]"],
  CET_S: ["supervisor", 24, "7.0:ECX[7] or EDX[20]"],
  HDC: ["supervisor", 8, "6:EAX[13]", { unverified: "CPUID bit taken from the manual's naming" }],
  UINTR: ["supervisor", 48, "7.0:EDX[5]"],
  LBR: ["supervisor", 808, "7.0:EDX[19]"],
  HWP: ["supervisor", 8, "6:EAX[7]", { unverified: "CPUID bit taken from the manual's naming" }],
  TILECFG: ["user", 64, "7.0:EDX[24]", { align64: true }],
  TILEDATA: ["user", 8192, "7.0:EDX[24]", { align64: true, xfd: true }],
  APX: ["user", 128, "7.1:EDX[21]"],
  SCALEDATA: [
    "user",
    128,
    "7.1:ECX[11] and 1D.2:EAX[7:0]",
    { unverified: "no dump shows it: offset, alignment, XFD and initial value are not public" },
  ],
  LWP: ["user", 128, "80000001:ECX[15]"],
};

/** All state components that any public document or dump names, by ascending index. */
export const STATE_COMPONENTS: readonly StateComponent[] = /* @__PURE__ */ Object.entries(NAMES).map(([key, name]) => {
  const index = Number(key);
  const [kind, size, feature, options] = FACTS[name];
  return { index, name, kind, size, align64: false, xfd: false, initial: initialBytes(index), feature, ...options };
});

const byIndex = /* @__PURE__ */ new Map(/* @__PURE__ */ STATE_COMPONENTS.map((component) => [component.index, component]));

/** The table's row, or undefined for an index that no document names. */
export function stateComponent(index: number): StateComponent | undefined {
  return byIndex.get(index);
}

/** `AVX`, or `component 21` where the table has no row. */
export function componentName(index: number): string {
  return (NAMES as Readonly<Record<number, string>>)[index] ?? `component ${index}`;
}

/** Bytes of a component's initial configuration that are not zero. */
export function initialBytes(index: number): readonly InitialBytes[] {
  return INITIAL[index] ?? [];
}

/** Index by the manuals' name, case-insensitive; undefined if unknown. */
export function componentIndex(name: string): number | undefined {
  const wanted = name.toLowerCase();
  return STATE_COMPONENTS.find((component) => component.name.toLowerCase() === wanted)?.index;
}

/** Highest index a component can have: bit 63 of XCOMP_BV names the format (SDM vol. 1, 13.4.3). */
export const MAX_COMPONENT_INDEX = 62;
