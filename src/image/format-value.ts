/** Register contents as text: hex, integers and floats of every width, and x87's 80-bit numbers in decimal. */

import { x87Decimal } from "./x87-decimal.ts";

/** How to show the lanes of a vector. `hex`: bytes in memory order. */
export const VALUE_FORMATS = [
  "hex",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "float16",
  "bfloat16",
  "float32",
  "float64",
] as const;
/** One of them. */
export type ValueFormat = (typeof VALUE_FORMATS)[number];

/** Bytes of a lane. */
function laneSize(format: Exclude<ValueFormat, "hex">): number {
  return Number(/\d+$/.exec(format)?.[0]) / 8;
}

/** Lower-case hex in memory order. */
export function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** `0x1f80`: bytes as one little-endian number without leading zeros. */
export function hexNumber(bytes: Uint8Array): string {
  return `0x${hexBytes(bytes.toReversed()).replace(/^0+(?=.)/, "")}`;
}

/**
 * A register's lanes from the lowest up, as text. `hex` gives one, the bytes in memory order; bytes that fill no
 * lane are left out. Floats have the fewest digits that give the same bits again; a NaN shows its bits.
 */
export function formatLanes(bytes: Uint8Array, format: ValueFormat): string[] {
  if (format === "hex") return [hexBytes(bytes)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = laneSize(format);
  const lanes = Math.floor(bytes.length / size);
  return Array.from({ length: lanes }, (_, lane) => formatLane(view, lane * size, format));
}

/** An x87 register of 10 bytes in decimal. */
export function formatX87(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return x87Decimal(view.getBigUint64(0, true), view.getUint16(8, true));
}

function formatLane(view: DataView, at: number, format: Exclude<ValueFormat, "hex">): string {
  switch (format) {
    case "int8":
      return String(view.getInt8(at));
    case "int16":
      return String(view.getInt16(at, true));
    case "int32":
      return String(view.getInt32(at, true));
    case "int64":
      return String(view.getBigInt64(at, true));
    case "uint8":
      return String(view.getUint8(at));
    case "uint16":
      return String(view.getUint16(at, true));
    case "uint32":
      return String(view.getUint32(at, true));
    case "uint64":
      return String(view.getBigUint64(at, true));
    case "float16":
      return float16Text(view.getUint16(at, true));
    case "bfloat16":
      return bfloat16Text(view.getUint16(at, true));
    case "float32":
      return float32Text(view.getFloat32(at, true), view.getUint32(at, true));
    case "float64":
      return floatText(view.getFloat64(at, true), view.getBigUint64(at, true), String);
  }
}

function floatText(value: number, bits: number | bigint, digits: (value: number) => string): string {
  if (Number.isNaN(value)) return `nan(0x${bits.toString(16)})`;
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return Object.is(value, -0) ? "-0" : digits(value);
}

/** The shortest decimal that `same` accepts; `most` digits always do. */
function shortest(value: number, most: number, same: (value: number) => boolean): string {
  for (let precision = 1; precision < most; precision++) {
    const text = value.toPrecision(precision);
    if (same(Number(text))) return String(Number(text));
  }
  return String(Number(value.toPrecision(most)));
}

function float32Text(value: number, bits: number): string {
  return floatText(value, bits, () => shortest(value, 9, (each) => Math.fround(each) === value));
}

function float32OfBits(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits >>> 0);
  return view.getFloat32(0);
}

/** The upper half of a float32. A decimal stands for it if it is nearer than half a unit in the last place. */
function bfloat16Text(bits: number): string {
  const value = float32OfBits(bits << 16);
  const half = Math.abs(float32OfBits((bits ^ 1) << 16) - value) / 2;
  return floatText(value, bits, () => shortest(value, 5, (each) => Math.abs(each - value) < half / 2));
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function float16Text(bits: number): string {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  const unit = 2 ** (Math.max(exponent, 1) - 25);
  const value =
    exponent === 31 ? (fraction ? Number.NaN : sign * Infinity) : sign * unit * ((exponent > 0 ? 1024 : 0) + fraction);
  return floatText(value, bits, () => shortest(value, 6, (each) => Math.abs(each - value) < unit / 4));
}
