/** Seeded random cases for the oracle. Same seed and same machine description: same cases, byte for byte. */

import { EXTENDED_REGION_OFFSET, INITIAL_MXCSR, MXCSR_OFFSET } from "../../isa/xsave-area.ts";
import { readU32, writeU32 } from "../little-endian.ts";
import type { OracleCase, OracleInstruction } from "../oracle/oracle-case.ts";
import type { Prng } from "./prng.ts";
import { randomArea, randomState } from "./register-state.ts";
import { randomRestoreImage, type RestoreImage, type RestoreOptions } from "./restore-image.ts";
import { randomMask, type StateSpace } from "./state-space.ts";

/** Save instructions that the machine has and that run at CPL 3. */
export function saveInstructions(space: StateSpace): readonly OracleInstruction[] {
  return [
    "XSAVE64",
    "XSAVE",
    ...(space.xsavec ? (["XSAVEC64", "XSAVEC"] as const) : []),
    ...(space.xsaveopt ? (["XSAVEOPT64", "XSAVEOPT"] as const) : []),
  ];
}

/** A random save, of a random instruction if none is given. Never faults. */
export function randomSaveCase(prng: Prng, space: StateSpace, instruction?: OracleInstruction): OracleCase {
  return {
    instruction: instruction ?? prng.pick(saveInstructions(space)),
    mask: randomMask(prng, space),
    state: randomState(prng, space),
    area: randomArea(prng, space),
  };
}

/** A random save whose registers were loaded by a random menu of moves. */
export function randomMovesCase(prng: Prng, space: StateSpace, instruction?: OracleInstruction): OracleCase {
  const state = randomState(prng, space, { inUse: space.userMask });
  if (prng.chance(0.2)) state.fill(0, 0, 512).fill(0, EXTENDED_REGION_OFFSET); // zeros by moves: in use all the same
  if (readU32(state, MXCSR_OFFSET) === 0) writeU32(state, MXCSR_OFFSET, INITIAL_MXCSR);
  return {
    instruction: instruction ?? prng.pick(saveInstructions(space)),
    mask: randomMask(prng, space),
    state,
    area: randomArea(prng, space),
    loader: "moves",
    moves: prng.u32() & prng.u32() & 0xffff,
  };
}

/** A random restore over a random state, and what was done to its image. */
export interface RandomRestoreCase extends OracleCase {
  readonly restore: RestoreImage;
}

/** A random restore: XRSTOR64, sometimes XRSTOR, over a random state. */
export function randomRestoreCase(prng: Prng, space: StateSpace, options: RestoreOptions = {}): RandomRestoreCase {
  const restore = randomRestoreImage(prng, space, options);
  return {
    instruction: prng.chance(0.8) ? "XRSTOR64" : "XRSTOR",
    mask: randomMask(prng, space),
    state: randomState(prng, space),
    area: restore.image,
    misalign: restore.misalign,
    restore,
  };
}
