/** The tiles of AMX with the shape that TILECFG gives them. */

import { readRegister } from "./read-register.ts";
import type { RegisterState } from "./register-state.ts";
import { registerNamed } from "./registers.ts";

/** A tile as configured: `rows` rows of `columnBytes` bytes, 64 apart in its 1024 bytes. */
export interface Tile {
  readonly number: number;
  readonly rows: number;
  readonly columnBytes: number;
  /** `rows` arrays of `columnBytes` bytes. */
  readonly contents: readonly Uint8Array[];
}

const TILECFG = 17;
const ROW_STRIDE = 64;

/**
 * The tiles that palette 1 configures (SDM vol. 1, 18.4: palette, start_row, colsb at 16, rows at 48); none in another
 * palette or where the image has no AMX state. Shapes beyond 16 rows of 64 bytes are cut to that.
 */
export function configuredTiles(state: RegisterState): Tile[] {
  const config = state.get(TILECFG)?.bytes;
  if (!config || config.length < 64 || config[0] !== 1) return [];
  const tiles: Tile[] = [];
  for (let number = 0; number < 8; number++) {
    const rows = Math.min(config[48 + number] ?? 0, 16);
    const columnBytes = Math.min((config[16 + 2 * number] ?? 0) | ((config[17 + 2 * number] ?? 0) << 8), ROW_STRIDE);
    const register = registerNamed(`tmm${number}`);
    const bytes = register && readRegister(state, register)?.bytes;
    if (rows === 0 || columnBytes === 0 || !bytes) continue;
    const contents = Array.from({ length: rows }, (_, row) => bytes.slice(row * ROW_STRIDE, row * ROW_STRIDE + columnBytes));
    tiles.push({ number, rows, columnBytes, contents });
  }
  return tiles;
}
