/** Memory that areas are saved into: an arena of the library's own, or a buffer of the caller's. */

import { XSAVE_AREA_ALIGNMENT } from "../isa/xsave-area.ts";

/** Why an area cannot be used. */
export type AreaErrorCode = "misaligned" | "out-of-range" | "detached" | "resizable" | "too-small" | "no-sink";

/** An area or its buffer cannot take a save; nothing was written. */
export class AreaError extends Error {
  override readonly name = "AreaError";
  readonly code: AreaErrorCode;
  constructor(code: AreaErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const WASM_PAGE = 65536;

/**
 * A buffer and the byte range of it that areas may occupy. The views are made once, here, from a buffer that
 * cannot change its size: an element access that has seen other kinds of view is up to 180 times slower
 * (measured, V8 11.3), so a caller's views never reach a saver.
 */
export class AreaMemory {
  readonly buffer: ArrayBufferLike;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly b64: BigUint64Array;
  /** First byte that an area may use. */
  readonly start: number;
  /** End of the range that areas may use. */
  readonly end: number;
  /**
   * Byte offset of the sink: as large as the largest area, it takes the bytes of components that a
   * branch-free saver must not store. -1 where there is none (a caller's buffer).
   */
  readonly sink: number;
  /** Size of the sink in bytes. */
  readonly sinkSize: number;

  /** Use `createArena` or `areasIn`. */
  constructor(buffer: ArrayBufferLike, start: number, end: number, sink: number, sinkSize: number) {
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer, 0, buffer.byteLength >>> 2);
    this.b64 = new BigUint64Array(buffer, 0, buffer.byteLength >>> 3);
    this.start = start;
    this.end = end;
    this.sink = sink;
    this.sinkSize = sinkSize;
  }

  /** Checks that `size` bytes at `offset` can take an area; throws AreaError. Every saver calls it first. */
  check(offset: number, size: number): void {
    if (
      offset >>> 0 !== offset ||
      (offset & 63) !== 0 ||
      offset < this.start ||
      offset + size > this.end ||
      this.u8.length === 0
    ) {
      throw this.#error(offset, size);
    }
  }

  /** True where `check` would not throw. */
  accepts(offset: number, size: number): boolean {
    return (
      offset >>> 0 === offset && (offset & 63) === 0 && offset >= this.start && offset + size <= this.end && this.u8.length !== 0
    );
  }

  #error(offset: number, size: number): AreaError {
    if (this.u8.length === 0)
      return new AreaError("detached", "the areas' buffer was detached (transferred or grown) after binding");
    if (!Number.isInteger(offset) || offset < this.start || offset + size > this.end) {
      return new AreaError(
        "out-of-range",
        `an area of ${size} bytes at offset ${offset} is outside [${this.start}, ${this.end}) of its buffer`,
      );
    }
    return new AreaError(
      "misaligned",
      `"offset" expected a multiple of ${XSAVE_AREA_ALIGNMENT}, got ${offset} (${offset % 64} over)`,
    );
  }
}

/** Settings of an arena. */
export interface ArenaOptions {
  /** Bytes for areas; rounded up to a multiple of 64. */
  readonly bytes: number;
  /** Bytes of the largest area to be saved here: the size of the sink. */
  readonly largestArea: number;
}

/**
 * Makes memory for areas, aligned to 64 bytes in the machine's address space too (WebAssembly.Memory is
 * page-aligned; a plain ArrayBuffer is aligned to 16 only, which costs up to 28 % of a large save).
 * It is filled with zeros and can never be detached: its maximum is its size.
 */
export function createArena(options: ArenaOptions): AreaMemory {
  const bytes = checkedSize("bytes", options.bytes);
  const sinkSize = checkedSize("largestArea", options.largestArea);
  const pages = Math.ceil((bytes + sinkSize) / WASM_PAGE);
  const memory = new WebAssemblyMemory({ initial: pages, maximum: pages });
  return new AreaMemory(memory.buffer, 0, bytes, bytes, sinkSize);
}

/**
 * Areas in a caller's ArrayBuffer or SharedArrayBuffer, at offsets that are multiples of 64 in that buffer.
 * There is no sink, so a saver for any XINUSE is not available: what no specialised saver fits is served by
 * the general path. Shared memory works but `set` on it copies word by word (832 bytes: 35 ns, not 10).
 * Throws AreaError for a resizable, growable, detached or too small buffer.
 */
export function areasIn(buffer: ArrayBufferLike, range: { readonly start?: number; readonly end?: number } = {}): AreaMemory {
  const kind = buffer as { readonly resizable?: boolean; readonly growable?: boolean; readonly detached?: boolean };
  if (kind.resizable === true || kind.growable === true) {
    throw new AreaError(
      "resizable",
      "a resizable or growable buffer cannot hold areas: element access to it is 75 times slower; copy to a fixed one",
    );
  }
  if (kind.detached === true || buffer.byteLength === 0) throw new AreaError("detached", "the buffer is empty or detached");
  const start = range.start ?? 0;
  const end = range.end ?? buffer.byteLength;
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end > buffer.byteLength || end - start < 576) {
    throw new AreaError(
      "too-small",
      `[${start}, ${end}) of a buffer of ${buffer.byteLength} bytes cannot hold an XSAVE area (at least 576 bytes)`,
    );
  }
  return new AreaMemory(buffer, start, end, -1, 0);
}

function checkedSize(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 576 || value > 0x7fff_0000) {
    throw new RangeError(`"${name}" expected an integer 576..2147418112, got ${value}`);
  }
  return Math.ceil(value / 64) * 64;
}

// Neither lib.es2023 nor @types/node declares it for projects without DOM types.
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
const WebAssemblyMemory = (
  globalThis as unknown as { WebAssembly: { Memory: new (size: { initial: number; maximum: number }) => WasmMemory } }
).WebAssembly.Memory;
