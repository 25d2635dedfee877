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

/** Above it an arena does without the address space for `offsetMask`, up to its own size again. */
const MOST_BYTES_WITH_REACH = 2 ** 28;

/** Least 2^n - 1 that is at least `offset`. */
function maskFor(offset: number): number {
  return 2 ** Math.ceil(Math.log2(offset + 1)) - 1;
}

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
  /** Last offset that an area may have: `start` of memory for one place. */
  readonly last: number;
  /**
   * `offset & offsetMask` is an area's byte offset in the views. It changes nothing in an offset that `check` accepts, but tells
   * V8 the range of an index; where the views reach beyond all that it lets through, a bounds check is a comparison
   * with a trap behind it (V8 11.3), and no state is kept for a way back to the interpreter.
   * 0 in memory for one place, whose views begin there.
   */
  readonly offsetMask: number;
  /** End of the range that areas may use. */
  readonly end: number;
  /**
   * Byte offset of the sink: as large as the largest area, it takes the bytes of components that a
   * branch-free saver must not store. -1 where there is none (a caller's buffer).
   */
  readonly sink: number;
  /** Size of the sink in bytes. */
  readonly sinkSize: number;

  /** The buffer up to `end`: its length is `end`, or 0 once the buffer was detached, so that one comparison tells both. */
  private readonly upToEnd: Uint8Array;
  readonly #places: Map<number, AreaMemory>;

  /** Use `createArena` or `areasIn`. */
  constructor(buffer: ArrayBufferLike, start: number, end: number, sink: number, sinkSize: number, place = -1) {
    const origin = Math.max(place, 0);
    const bytes = buffer.byteLength - origin;
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer, origin);
    this.i32 = new Int32Array(buffer, origin, bytes >>> 2);
    this.b64 = new BigUint64Array(buffer, origin, bytes >>> 3);
    this.start = start;
    this.last = place < 0 ? end : place;
    this.offsetMask = place < 0 ? maskFor(Math.max(end, sink)) : 0;
    this.#places = new Map();
    this.upToEnd = new Uint8Array(buffer, 0, end);
    this.end = end;
    this.sink = sink;
    this.sinkSize = sinkSize;
  }

  /** Checks that `size` bytes at `offset` can take an area; throws AreaError. Every saver calls it first, so it is short. */
  check(offset: number, size: number): void {
    if ((offset & -64) >>> 0 !== offset || offset < this.start || offset > this.last || offset + size > this.upToEnd.length)
      throw areaError(this, offset, size);
  }

  /** True where `check` would not throw. */
  accepts(offset: number, size: number): boolean {
    return (offset & -64) >>> 0 === offset && offset >= this.start && offset <= this.last && offset + size <= this.upToEnd.length;
  }

  /** The same memory for areas at one place only, without a sink. Throws AreaError for a place that cannot take `size` bytes. */
  at(offset: number, size: number): AreaMemory {
    this.check(offset, size);
    let found = this.#places.get(offset);
    if (!found) this.#places.set(offset, (found = new AreaMemory(this.buffer, offset, this.end, -1, 0, offset)));
    return found;
  }
}

function areaError(areas: AreaMemory, offset: number, size: number): AreaError {
  if (areas.u8.length === 0)
    return new AreaError("detached", "the areas' buffer was detached (transferred or grown) after binding");
  if (offset > areas.last && areas.last < areas.end)
    return new AreaError("out-of-range", `bound for the area at offset ${areas.last} only, got ${offset}`);
  if (!Number.isInteger(offset) || offset < areas.start || offset + size > areas.end) {
    return new AreaError(
      "out-of-range",
      `an area of ${size} bytes at offset ${offset} is outside [${areas.start}, ${areas.end}) of its buffer`,
    );
  }
  return new AreaError(
    "misaligned",
    `"offset" expected a multiple of ${XSAVE_AREA_ALIGNMENT}, got ${offset} (${offset % 64} over)`,
  );
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
  // Longer views than any masked offset can reach: see offsetMask. Pages that nobody touches cost no memory.
  const reach = bytes <= MOST_BYTES_WITH_REACH ? maskFor(bytes) + 1 : bytes;
  const pages = Math.ceil((reach + sinkSize) / WASM_PAGE);
  const memory = new WebAssemblyMemory({ initial: pages, maximum: pages });
  return new AreaMemory(memory.buffer, 0, bytes, bytes, sinkSize);
}

/**
 * Areas in a caller's ArrayBuffer or SharedArrayBuffer, at offsets that are multiples of 64 in that buffer.
 * There is no sink, so a saver for any XINUSE is not available: what no specialised saver fits is served by
 * the general path. Shared memory works but `set` on it copies word by word (832 bytes: 35 ns, not 10).
 * Throws AreaError for a resizable, growable, detached or too small buffer, TypeError for a view of one.
 */
export function areasIn(buffer: ArrayBufferLike, range: { readonly start?: number; readonly end?: number } = {}): AreaMemory {
  if (ArrayBuffer.isView(buffer))
    throw new TypeError(
      '"buffer" expected an ArrayBuffer, got a view of one: give its "buffer", and its place as { start, end }',
    );
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
