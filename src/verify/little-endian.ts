/** Little-endian numbers in byte arrays. */

export const readU32 = (bytes: Uint8Array, offset: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
export const readU64 = (bytes: Uint8Array, offset: number): bigint =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true);
export const writeU16 = (bytes: Uint8Array, offset: number, value: number): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setUint16(offset, value, true);
export const writeU32 = (bytes: Uint8Array, offset: number, value: number): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, value, true);
export const writeU64 = (bytes: Uint8Array, offset: number, value: bigint): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(offset, value, true);
