/** The registers inside each state component; a table of its own, since a program that only saves needs none of them. */

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

const REGISTERS: ReadonlyMap<number, readonly RegisterField[]> = new Map<number, readonly RegisterField[]>([
  [
    0,
    [
      one("fcw", 0, 2),
      one("fsw", 2, 2),
      one("ftw", 4, 1),
      one("fop", 6, 2),
      one("fip", 8, 8),
      one("fdp", 16, 8),
      many("st", 32, 10, 8, "st", 0, 16),
    ],
  ], // x87
  [1, [one("mxcsr", 24, 4), one("mxcsr_mask", 28, 4), many("xmm", 160, 16, 16, "vector")]], // SSE
  [2, [many("ymmh", 0, 16, 16, "vector")]], // AVX
  [3, [many("bnd", 0, 16, 4, "bytes")]], // BNDREGS
  [4, [one("bndcfgu", 0, 8), one("bndstatus", 8, 8)]], // BNDCSR
  [5, [many("k", 0, 8, 8, "number")]], // opmask
  [6, [many("zmmh", 0, 32, 16, "vector")]], // ZMM_Hi256
  [7, [many("zmm", 0, 64, 16, "vector", 16)]], // Hi16_ZMM
  [
    8,
    [
      one("rtit_ctl", 0, 8),
      one("rtit_output_base", 8, 8),
      one("rtit_output_mask_ptrs", 16, 8),
      one("rtit_status", 24, 8),
      one("rtit_cr3_match", 32, 8),
      one("rtit_addr0_a", 40, 8),
      one("rtit_addr0_b", 48, 8),
      one("rtit_addr1_a", 56, 8),
      one("rtit_addr1_b", 64, 8),
    ],
  ], // PT
  [9, [one("pkru", 0, 4)]], // PKRU
  [10, [one("pasid", 0, 8)]], // PASID
  [11, [one("u_cet", 0, 8), one("ssp", 8, 8)]], // CET_U
  [12, [one("pl0_ssp", 0, 8), one("pl1_ssp", 8, 8), one("pl2_ssp", 16, 8)]], // CET_S
  [13, [one("pm_ctl1", 0, 8)]], // HDC
  [
    14,
    [
      one("uintr_handler", 0, 8),
      one("uintr_stackadjust", 8, 8),
      one("uintr_misc", 16, 8),
      one("uintr_pd", 24, 8),
      one("uintr_rr", 32, 8),
      one("uintr_tt", 40, 8),
    ],
  ], // UINTR
  [
    15,
    [
      one("lbr_ctl", 0, 8),
      one("lbr_depth", 8, 8),
      one("ler_from_ip", 16, 8),
      one("ler_to_ip", 24, 8),
      one("ler_info", 32, 8),
      many("lbr_from", 40, 8, 32, "number", 0, 24),
      many("lbr_to", 48, 8, 32, "number", 0, 24),
      many("lbr_info", 56, 8, 32, "number", 0, 24),
    ],
  ], // LBR
  [16, [one("hwp_request", 0, 8)]], // HWP
  [17, [one("tilecfg", 0, 64, "bytes")]], // TILECFG
  [18, [many("tmm", 0, 1024, 8, "tile")]], // TILEDATA
  [19, [many("r", 0, 8, 16, "number", 16)]], // APX
  [20, [one("bsr", 0, 128, "bytes")]], // SCALEDATA
  [
    62,
    [
      one("lwpcb", 0, 8),
      one("lwp_flags", 8, 4),
      one("lwp_bufhead", 12, 4),
      one("lwp_bufbase", 16, 8),
      one("lwp_bufsize", 24, 4),
      one("lwp_filters", 28, 4),
      one("lwp_saved_event", 32, 32, "bytes"),
      many("lwp_counter", 64, 4, 16, "number"),
    ],
  ], // LWP
]);

/** The registers of a component, in order of offset; undefined for an index that the table of components lacks. */
export function componentRegisters(index: number): readonly RegisterField[] | undefined {
  return REGISTERS.get(index);
}
