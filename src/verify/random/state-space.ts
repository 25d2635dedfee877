/** What random states and masks range over: the components of one CPU. */

import { bitsOf } from "../../isa/feature-mask.ts";
import type { ComponentRow } from "../../layout/component-row.ts";
import type { OracleHello } from "../oracle/oracle-hello.ts";
import type { Prng } from "./prng.ts";

/** What the generator has to know of a CPU. */
export interface StateSpace {
  /** Components that may hold state: XCR0, less what the process may not use. */
  readonly userMask: bigint;
  readonly xcr0: bigint;
  readonly components: readonly ComponentRow[];
  /** Legal bits of MXCSR. */
  readonly mxcsrMask: number;
  readonly xsavec: boolean;
  readonly xsaveopt: boolean;
  /** Length of states and areas. */
  readonly areaBytes: number;
}

/** The oracle's machine. MXCSR bit 17 (AMD's MM) is taken as legal on AMD; `mxcsrMask` can say it better. */
export function stateSpaceOf(hello: OracleHello, mxcsrMask?: number): StateSpace {
  const amd = hello.vendor === "AuthenticAMD" || hello.vendor === "HygonGenuine";
  return {
    userMask: hello.permitted,
    xcr0: hello.xcr0,
    components: hello.components,
    mxcsrMask: mxcsrMask ?? (amd && hello.family >= 0x17 ? 0x2ffff : 0xffff),
    xsavec: hello.xsavec,
    xsaveopt: hello.xsaveopt,
    areaBytes: hello.areaBytes,
  };
}

/** Random components: each in use with probability 0.7, sometimes all, none or one. */
export function randomInUse(prng: Prng, userMask: bigint): bigint {
  const kind = prng.below(16);
  if (kind === 0) return 0n;
  if (kind <= 3) return userMask;
  const bits = bitsOf(userMask);
  if (kind <= 5) return 1n << BigInt(prng.pick(bits));
  let mask = 0n;
  for (const bit of bits) if (prng.chance(0.7)) mask |= 1n << BigInt(bit);
  return mask;
}

/** A random instruction mask: subsets of XCR0, bits outside it, all ones, zero. */
export function randomMask(prng: Prng, space: StateSpace): bigint {
  switch (prng.below(8)) {
    case 0:
      return prng.pick([0n, 0xffff_ffff_ffff_ffffn, space.xcr0, 1n << 63n, 3n]);
    case 1:
      return prng.u64();
    case 2:
      return prng.u64() & prng.u64() & prng.u64();
    case 3:
      return 1n << BigInt(prng.pick(bitsOf(space.xcr0)));
    case 4:
      return (prng.u64() & ~space.xcr0) | (prng.u64() & space.xcr0);
    default:
      return prng.u64() & space.xcr0;
  }
}
