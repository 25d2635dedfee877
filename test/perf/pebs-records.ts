/** PEBS records put together for the tests, by the tables of the manual and not by the decoder's constants. */

/** Bytes that differ from place to place. */
export function pattern(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed * 31 + 1) & 0xff);
}

/** The order in which the hardware writes general registers. */
const REGISTERS = "flags ip ax cx dx bx sp bp si di r8 r9 r10 r11 r12 r13 r14 r15".split(" ");

function generalRegisters(seed: number): { bytes: Uint8Array; values: Record<string, bigint> } {
  const bytes = new Uint8Array(144);
  const view = new DataView(bytes.buffer);
  const values: Record<string, bigint> = {};
  REGISTERS.forEach((name, i) => {
    values[name] = 0x1111_0000_0000_0000n + BigInt(seed * 1000 + i);
    view.setBigUint64(8 * i, values[name], true);
  });
  return { bytes, values };
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function counters(metrics: boolean): Uint8Array {
  const header = new DataView(new ArrayBuffer(16));
  header.setUint32(0, 0b1011, true);
  header.setUint32(4, 0b1, true);
  header.setUint32(8, metrics ? 3 : 0, true);
  return join([new Uint8Array(header.buffer), pattern(8 * (4 + (metrics ? 2 : 0)), 8)]);
}

/** An adaptive record; `groups` has the bits of MSR_PEBS_DATA_CFG: memory, general, XMM, LBR, counters, metrics. */
export function adaptiveRecord(
  groups: number,
  options: { readonly lbr?: number; readonly prefix?: Uint8Array },
): { bytes: Uint8Array; xmm: Uint8Array; values: Record<string, bigint> } {
  const { lbr = 1, prefix = new Uint8Array(0) } = options;
  const basic = new Uint8Array(32);
  const xmm = pattern(256, 3);
  const { bytes: registers, values } = generalRegisters(1);
  const record = join([
    basic,
    groups & 1 ? pattern(32, 2) : new Uint8Array(0),
    groups & 2 ? registers : new Uint8Array(0),
    groups & 4 ? xmm : new Uint8Array(0),
    groups & 8 ? pattern(24 * lbr, 4) : new Uint8Array(0),
    groups & 0x30 ? counters((groups & 0x20) !== 0) : new Uint8Array(0),
  ]);
  const view = new DataView(record.buffer);
  view.setUint32(0, groups | (groups & 8 ? (lbr - 1) << 24 : 0), true);
  view.setUint16(4, 12, true);
  view.setUint16(6, record.length, true);
  return { bytes: join([prefix, record]), xmm, values };
}

/** What one fragment of an architectural record holds. */
export interface Fragment {
  readonly groups: readonly ("XMM" | "YMMH" | "opmask" | "ZMM_Hi256" | "Hi16_ZMM")[];
  readonly basic?: boolean;
  readonly aux?: boolean;
  readonly general?: boolean;
  /** 1: 8 entries, 2: 16, 3: `lbrDepth`. */
  readonly lbr?: number;
  readonly lbrDepth?: number;
  readonly counters?: boolean;
}

const VECTOR_GROUPS = [
  ["XMM", 49, 256],
  ["YMMH", 50, 256],
  ["opmask", 53, 64],
  ["ZMM_Hi256", 54, 512],
  ["Hi16_ZMM", 55, 1024],
] as const;

/** An architectural record; `nullLinks` puts an empty link before each fragment but the first. A later fragment's group replaces an earlier one's. */
export function architecturalRecord(
  fragments: readonly Fragment[],
  nullLinks: boolean,
): { bytes: Uint8Array; groups: Record<string, Uint8Array>; values?: Record<string, bigint> } {
  const parts: Uint8Array[] = [];
  const groups: Record<string, Uint8Array> = {};
  let values: Record<string, bigint> | undefined;
  fragments.forEach((fragment, i) => {
    const body: Uint8Array[] = [];
    let format = 0n;
    const add = (bit: number, part: Uint8Array): void => {
      format |= 1n << BigInt(bit);
      body.push(part);
    };
    if (fragment.basic) add(63, pattern(48, i));
    if (fragment.aux) add(62, pattern(64, i + 1));
    if (fragment.general) {
      const registers = generalRegisters(i);
      const ssp = pattern(8, i + 2);
      add(61, join([registers.bytes, ssp, new Uint8Array(8)]));
      values = registers.values;
      groups["SSP"] = ssp;
    }
    if (fragment.groups.length > 0) body.push(pattern(16, 9));
    for (const [name, bit, size] of VECTOR_GROUPS) {
      if (!fragment.groups.includes(name)) continue;
      groups[name] = pattern(size, i * 5 + bit);
      add(bit, groups[name]);
    }
    if (fragment.lbr) {
      const count = fragment.lbr === 3 ? (fragment.lbrDepth ?? 0) : 8 * fragment.lbr;
      const header = new DataView(new ArrayBuffer(48));
      header.setBigUint64(16, BigInt(count), true);
      format |= BigInt(fragment.lbr) << 40n;
      body.push(new Uint8Array(header.buffer), pattern(24 * count, 5));
    }
    if (fragment.counters) add(35, counters(i % 2 === 0));
    // A fragment without a group would be a null link and has no end: give it the basic group.
    if (format === 0n) add(63, pattern(48, i));
    const last = i === fragments.length - 1;
    const header = new DataView(new ArrayBuffer(16));
    const size = 16 + body.reduce((sum, part) => sum + part.length, 0);
    header.setBigUint64(0, format | BigInt(size) | (last ? 0n : 1n << 31n), true);
    parts.push(new Uint8Array(header.buffer), ...body);
    if (nullLinks && !last) {
      const link = new DataView(new ArrayBuffer(16));
      link.setUint16(0, 16, true);
      parts.push(new Uint8Array(link.buffer));
    }
  });
  return { bytes: join(parts), groups, ...(values && { values }) };
}
