/** Seeded random CPUs, register states and instruction masks, handed to the library and to the naive reference alike. */

import type { ComponentRow } from "../../src/layout/component-row.ts";
import type { AreaMemory } from "../../src/runtime/arena.ts";
import { xcr0Violations } from "../../src/runtime/control-registers.ts";
import type { X87Pointers } from "../../src/isa/vendor-behaviour.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import type { Processors } from "../../src/runtime/processors.ts";
import { FCS_OFFSET, FDS_OFFSET } from "../../src/runtime/register-slots.ts";
import { Prng } from "../../src/verify/random/prng.ts";
import type { NaiveRegisters } from "./naive-save.ts";
import { setXfd } from "../../src/runtime/set-control-registers.ts";
import { loadLegacy } from "../../src/runtime/write-registers.ts";

export { Prng };

const user = (index: number, size: number, standardOffset: number, align64 = false, xfd = false): ComponentRow => ({
  index,
  size,
  standardOffset,
  supervisor: false,
  align64,
  xfd,
});
const supervisor = (index: number, size: number, align64 = false): ComponentRow => ({
  index,
  size,
  standardOffset: undefined,
  supervisor: true,
  align64,
  xfd: false,
});

export const POINTER_RULES: readonly X87Pointers[] = ["saved", "zero-unless-es", "kept-unless-es"];
const SUPERVISORS = [
  [8, 128],
  [10, 8],
  [11, 16],
  [12, 24],
  [13, 8],
  [14, 48],
  [15, 808],
  [16, 8],
] as const;

const any = (rows: readonly ComponentRow[], ...indices: number[]): boolean => rows.some((row) => indices.includes(row.index));

function userRows(prng: Prng): ComponentRow[] {
  const rows: ComponentRow[] = [];
  const maybe = (p: number, ...more: ComponentRow[]): void => {
    if (prng.chance(p)) rows.push(...more);
  };
  switch (prng.below(6)) {
    case 0: // Intel, MPX with or without AVX
      maybe(0.8, user(2, 256, 576));
      maybe(0.6, user(3, 64, 960), user(4, 64, 1024));
      if (any(rows, 2)) maybe(0.5, user(5, 64, 1088), user(6, 512, 1152), user(7, 1024, 1664));
      maybe(0.6, user(9, 8, 2688));
      break;
    case 1: // Intel with AMX, and APX where MPX was
      rows.push(user(2, 256, 576));
      maybe(0.8, user(5, 64, 1088), user(6, 512, 1152), user(7, 1024, 1664));
      maybe(0.8, user(9, 8, 2688));
      maybe(0.7, user(17, 64, 2752, true), user(18, 8192, 2816, true, true));
      maybe(0.7, user(19, 128, 960));
      maybe(0.4, user(20, 128, 11008, prng.chance(0.5), prng.chance(0.3)));
      break;
    case 2: // Zen 2
      rows.push(user(2, 256, 576), user(9, 64, 832));
      maybe(0.5, user(62, 128, 896));
      break;
    case 3: // Bulldozer
      rows.push(user(2, 256, 576), user(62, 128, 832));
      break;
    case 4: // Zen 4
      rows.push(user(2, 256, 576));
      maybe(0.8, user(5, 64, 832), user(6, 512, 896), user(7, 1024, 1408));
      maybe(0.8, user(9, 8, 2432));
      break;
    default: {
      // Nothing that exists: known components at odd places, and ones that no table knows.
      let end = 576;
      const place = (index: number, size: number): void => {
        end += prng.pick([0, 0, 8, 64, 3]);
        rows.push(user(index, size, end, prng.chance(0.3), prng.chance(0.3)));
        end += size;
      };
      if (prng.chance(0.6)) place(9, prng.pick([8, 64, 72]));
      if (prng.chance(0.8)) place(2, 256);
      if (prng.chance(0.5)) place(20, 128);
      for (let n = prng.below(4); n > 0; n--) {
        const index = 21 + prng.below(20);
        if (!any(rows, index)) place(index, prng.pick([8, 16, 64, 200, 1000, 1 + prng.below(300)]));
      }
      if (prng.chance(0.4)) place(62, 128);
    }
  }
  return rows;
}

/** A CPU that may or may not exist. */
export function randomCpu(prng: Prng, pointers: X87Pointers = prng.pick(POINTER_RULES)): ProcessorDescription {
  const rows = userRows(prng);
  const xcr0Supported = rows.reduce((mask, row) => mask | (1n << BigInt(row.index)), 3n);
  const xsaves = prng.chance(0.7);
  if (xsaves) {
    for (const [index, size] of SUPERVISORS) if (prng.chance(0.5)) rows.push(supervisor(index, size));
    if (prng.chance(0.3)) rows.push(supervisor(45 + prng.below(10), prng.pick([8, 24, 100, 600]), prng.chance(0.5)));
  }
  const xssSupported = rows.reduce((mask, row) => (row.supervisor ? mask | (1n << BigInt(row.index)) : mask), 0n);
  return {
    id: "random",
    xcr0Supported,
    xssSupported,
    instructions: { xsaveopt: true, xsavec: true, xgetbv1: true, xsaves, xfd: rows.some((row) => row.xfd) },
    components: rows.toSorted((a, b) => a.index - b.index),
    quirks: {
      x87Pointers: pointers,
      mxcsrMask: prng.pick([0xffff, 0x2ffff]),
      ...(rows.some((row) => row.index === 9 && row.size === 8) && prng.chance(0.4) ? { pkruUpperBytes: "kept" } : {}),
    },
  };
}

/** A random subset, often everything or one bit. */
export function randomSubset(prng: Prng, mask: bigint): bigint {
  const kind = prng.below(8);
  if (kind === 0) return mask;
  const chance = prng.pick([0.15, 0.5, 0.85]);
  let out = 0n;
  for (let i = 0n; i < 63n; i++) if ((mask >> i) & 1n && prng.chance(chance)) out |= 1n << i;
  return out;
}

/** A value of XCR0 that XSETBV accepts. */
export function randomXcr0(prng: Prng, cpu: ProcessorDescription): bigint {
  for (let attempt = 0; attempt < 20; attempt++) {
    const xcr0 = (prng.chance(0.6) ? cpu.xcr0Supported : randomSubset(prng, cpu.xcr0Supported)) | 1n;
    if (xcr0Violations(cpu, xcr0).length === 0) return xcr0;
  }
  return 3n;
}

/** Random contents of every register of a processor, XINUSE, MXCSR and IA32_XFD. */
export function randomiseRegisters(prng: Prng, processors: Processors, processor: number): void {
  const { cpu } = processors;
  const image = new Uint8Array(512);
  prng.fill(image);
  image[7] = image[7]! & 7;
  image[24] = 0x80;
  image[25] = 0x1f;
  image[26] = image[27] = 0;
  if (prng.chance(0.5)) image[24] = prng.u32();
  if (prng.chance(0.1)) image[26] = 2;
  loadLegacy(processors, processor, image);
  const base = processor * processors.blockSize;
  prng.fill(processors.u8, base + FCS_OFFSET, 2);
  prng.fill(processors.u8, base + FDS_OFFSET, 2);
  for (const row of cpu.components) {
    const bytes = processors.component(processor, row.index);
    prng.fill(bytes);
    if (row.index === 8) bytes.fill(0, 72); // reserved, always 0
    if (row.index === 15) {
      bytes.fill(0, 8, 16);
      bytes[8] = prng.pick([0, 4, 8, 12, 16, 20, 24, 28, 32, prng.below(33)]);
    }
  }
  processors.setXinuse(processor, randomSubset(prng, cpu.xcr0Supported | cpu.xssSupported));
  const disableable = cpu.components.reduce((mask, row) => (row.xfd ? mask | (1n << BigInt(row.index)) : mask), 0n);
  setXfd(processors, processor, cpu.instructions.xfd && prng.chance(0.5) ? randomSubset(prng, disableable) : 0n);
}

/** Copies of a processor's registers for the reference. */
export function copyRegisters(processors: Processors, processor: number): NaiveRegisters {
  const base = processor * processors.blockSize;
  const half = (offset: number): number => processors.u8[base + offset]! + 256 * processors.u8[base + offset + 1]!;
  return {
    legacy: processors.component(processor, 0).slice(),
    fcs: half(FCS_OFFSET),
    fds: half(FDS_OFFSET),
    extended: new Map(processors.cpu.components.map((row) => [row.index, processors.component(processor, row.index).slice()])),
    xinuse: processors.xinuse(processor),
    xfd: processors.xfd(processor),
  };
}

/** Random bytes all over, the header sometimes clean. */
export function randomPrefill(prng: Prng, areas: AreaMemory, offset: number): void {
  prng.fill(areas.u8, areas.start, areas.end - areas.start);
  if (prng.chance(0.2)) areas.u8.fill(0, offset + 512, offset + 576);
}

/** First difference of two byte arrays, or undefined. */
export function firstDifference(got: Uint8Array, wanted: Uint8Array): string | undefined {
  if (Buffer.compare(got, wanted) === 0) return undefined;
  const at = got.findIndex((byte, i) => byte !== wanted[i]);
  return `byte ${at}: got ${got[at]?.toString(16)}, wanted ${wanted[at]?.toString(16)}`;
}
