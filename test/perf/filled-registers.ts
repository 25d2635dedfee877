/** A processor with values in all registers that name their place, and who put them there. */

import { GENERAL_REGISTERS } from "../../src/perf/register-numbers.ts";
import type { NamedRegisters } from "./naive-sample.ts";
import type { Rig } from "./sampling-rig.ts";

/** Fills all registers of processor 0 with values that name their place and have `seed` (32 bits) in their upper half, and tells what they are. */
export function fill(machine: Rig, seed: bigint): NamedRegisters {
  const zmm: Uint8Array[] = [];
  const general: Record<string, bigint> = {};
  const k: bigint[] = [];
  for (let n = 0; n < 32; n++) {
    const value = (seed << 32n) | BigInt(0x100 + n);
    machine.writer.vector(0, n, 8, value);
    zmm.push(new Uint8Array(new BigUint64Array(8).fill(value).buffer));
  }
  for (let n = 0; n < 8; n++) {
    k.push((seed << 32n) | BigInt(0x200 + n));
    machine.writer.predicate(0, n, k[n]!);
  }
  for (let n = 16; n < 32; n++) {
    general[`r${n}`] = (seed << 32n) | BigInt(0x300 + n);
    machine.writer.extendedGeneral(0, n, general[`r${n}`]!);
  }
  general.ssp = (seed << 32n) | 0x400n;
  machine.writer.shadowStackPointer(0, general.ssp);
  const view = new BigUint64Array(machine.hit.general.buffer);
  GENERAL_REGISTERS.forEach((name, i) => {
    general[name] = (seed << 32n) | BigInt(0x500 + i);
    view[i] = general[name]!;
  });
  return { general, zmm, k };
}
