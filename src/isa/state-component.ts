/**
 * The table of XSAVE state components: one row each, and the only place that knows them.
 * Sources: Intel SDM vol. 1, 13.1, 13.4-13.6; APX: Intel 355828 (3.1.4.3); SCALEDATA: ACE specification
 * as quoted by LLVM and Bochs; LWP: AMD 43724. Sizes and offsets in bytes.
 */

/** Managed through XCR0 (`user`) or IA32_XSS (`supervisor`). */
export type ComponentKind = "user" | "supervisor";

/** How a register's bytes are usually shown. */
export type RegisterView = "vector" | "st" | "tile" | "number" | "bytes";

/** `count` registers of `size` bytes, `stride` apart, named `name` or `name0`, `name1`, ... */
export interface RegisterField {
  readonly name: string;
  /** Byte offset inside the component (components 0 and 1: inside the area). */
  readonly offset: number;
  readonly size: number;
  /** Number of registers; absent: one, named without a number. */
  readonly count?: number;
  /** Number of the first one (ZMM16, R16); 0 if absent. */
  readonly first?: number;
  /** Distance in bytes between two; `size` if absent. */
  readonly stride?: number;
  readonly view: RegisterView;
}

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
  readonly registers: readonly RegisterField[];
  /** Everything else in the initial configuration is zero. */
  readonly initial: readonly InitialBytes[];
  /** What the public documents leave open about this row. */
  readonly unverified?: string;
}

type Options = Partial<Pick<StateComponent, "align64" | "xfd" | "initial" | "unverified">>;

const row = (
  index: number,
  name: string,
  kind: ComponentKind,
  size: number,
  feature: string,
  registers: readonly RegisterField[],
  options: Options = {},
): StateComponent => ({ index, name, kind, size, align64: false, xfd: false, initial: [], feature, registers, ...options });

const one = (name: string, offset: number, size: number, view: RegisterView = "number"): RegisterField => ({
  name,
  offset,
  size,
  view,
});
const many = (
  name: string,
  offset: number,
  size: number,
  count: number,
  view: RegisterView,
  first = 0,
  stride = size,
): RegisterField => ({
  name,
  offset,
  size,
  count,
  first,
  stride,
  view,
});

/** All state components that any public document or dump names, by ascending index. */
export const STATE_COMPONENTS: readonly StateComponent[] = [
  row(
    0,
    "x87",
    "user",
    0,
    "1:EDX[0]",
    [
      one("fcw", 0, 2),
      one("fsw", 2, 2),
      one("ftw", 4, 1),
      one("fop", 6, 2),
      one("fip", 8, 8),
      one("fdp", 16, 8),
      many("st", 32, 10, 8, "st", 0, 16),
    ],
    { initial: [{ offset: 0, bytes: [0x7f, 0x03] }] },
  ),
  row(1, "SSE", "user", 0, "1:EDX[25]", [one("mxcsr", 24, 4), one("mxcsr_mask", 28, 4), many("xmm", 160, 16, 16, "vector")]),
  row(2, "AVX", "user", 256, "1:ECX[28]", [many("ymmh", 0, 16, 16, "vector")]),
  row(3, "BNDREGS", "user", 64, "7.0:EBX[14]", [many("bnd", 0, 16, 4, "bytes")]),
  row(4, "BNDCSR", "user", 64, "7.0:EBX[14]", [one("bndcfgu", 0, 8), one("bndstatus", 8, 8)]),
  row(5, "opmask", "user", 64, "7.0:EBX[16]", [many("k", 0, 8, 8, "number")]),
  row(6, "ZMM_Hi256", "user", 512, "7.0:EBX[16]", [many("zmmh", 0, 32, 16, "vector")]),
  row(7, "Hi16_ZMM", "user", 1024, "7.0:EBX[16]", [many("zmm", 0, 64, 16, "vector", 16)]),
  row(8, "PT", "supervisor", 128, "7.0:EBX[25]", [
    one("rtit_ctl", 0, 8),
    one("rtit_output_base", 8, 8),
    one("rtit_output_mask_ptrs", 16, 8),
    one("rtit_status", 24, 8),
    one("rtit_cr3_match", 32, 8),
    one("rtit_addr0_a", 40, 8),
    one("rtit_addr0_b", 48, 8),
    one("rtit_addr1_a", 56, 8),
    one("rtit_addr1_b", 64, 8),
  ]),
  row(9, "PKRU", "user", 8, "7.0:ECX[3]", [one("pkru", 0, 4)]),
  row(10, "PASID", "supervisor", 8, "7.0:ECX[29]", [one("pasid", 0, 8)]),
  row(11, "CET_U", "supervisor", 16, "7.0:ECX[7] or EDX[20]", [one("u_cet", 0, 8), one("ssp", 8, 8)]),
  row(12, "CET_S", "supervisor", 24, "7.0:ECX[7] or EDX[20]", [
    one("pl0_ssp", 0, 8),
    one("pl1_ssp", 8, 8),
    one("pl2_ssp", 16, 8),
  ]),
  row(13, "HDC", "supervisor", 8, "6:EAX[13]", [one("pm_ctl1", 0, 8)], {
    initial: [{ offset: 0, bytes: [1] }],
    unverified: "CPUID bit taken from the manual's naming",
  }),
  row(14, "UINTR", "supervisor", 48, "7.0:EDX[5]", [
    one("uintr_handler", 0, 8),
    one("uintr_stackadjust", 8, 8),
    one("uintr_misc", 16, 8),
    one("uintr_pd", 24, 8),
    one("uintr_rr", 32, 8),
    one("uintr_tt", 40, 8),
  ]),
  row(15, "LBR", "supervisor", 808, "7.0:EDX[19]", [
    one("lbr_ctl", 0, 8),
    one("lbr_depth", 8, 8),
    one("ler_from_ip", 16, 8),
    one("ler_to_ip", 24, 8),
    one("ler_info", 32, 8),
    many("lbr_from", 40, 8, 32, "number", 0, 24),
    many("lbr_to", 48, 8, 32, "number", 0, 24),
    many("lbr_info", 56, 8, 32, "number", 0, 24),
  ]),
  row(16, "HWP", "supervisor", 8, "6:EAX[7]", [one("hwp_request", 0, 8)], {
    initial: [{ offset: 0, bytes: [0x01, 0xff, 0x00, 0x80] }],
    unverified: "CPUID bit taken from the manual's naming",
  }),
  row(17, "TILECFG", "user", 64, "7.0:EDX[24]", [one("tilecfg", 0, 64, "bytes")], { align64: true }),
  row(18, "TILEDATA", "user", 8192, "7.0:EDX[24]", [many("tmm", 0, 1024, 8, "tile")], { align64: true, xfd: true }),
  row(19, "APX", "user", 128, "7.1:EDX[21]", [many("r", 0, 8, 16, "number", 16)]),
  row(20, "SCALEDATA", "user", 128, "7.1:ECX[11] and 1D.2:EAX[7:0]", [one("bsr", 0, 128, "bytes")], {
    unverified: "no dump shows it: offset, alignment, XFD and initial value are not public",
  }),
  row(62, "LWP", "user", 128, "80000001:ECX[15]", [
    one("lwpcb", 0, 8),
    one("lwp_flags", 8, 4),
    one("lwp_bufhead", 12, 4),
    one("lwp_bufbase", 16, 8),
    one("lwp_bufsize", 24, 4),
    one("lwp_filters", 28, 4),
    one("lwp_saved_event", 32, 32, "bytes"),
    many("lwp_counter", 64, 4, 16, "number"),
  ]),
];

const byIndex = new Map(STATE_COMPONENTS.map((component) => [component.index, component]));

/** The table's row, or undefined for an index that no document names. */
export function stateComponent(index: number): StateComponent | undefined {
  return byIndex.get(index);
}

/** `AVX`, or `component 21` where the table has no row. */
export function componentName(index: number): string {
  return byIndex.get(index)?.name ?? `component ${index}`;
}

/** Index by the manuals' name, case-insensitive; undefined if unknown. */
export function componentIndex(name: string): number | undefined {
  const wanted = name.toLowerCase();
  return STATE_COMPONENTS.find((component) => component.name.toLowerCase() === wanted)?.index;
}

/** Highest index a component can have: bit 63 of XCOMP_BV names the format (SDM vol. 1, 13.4.3). */
export const MAX_COMPONENT_INDEX = 62;
