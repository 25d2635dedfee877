/** Requests and replies of the oracle as bytes: `struct request` and `struct reply` in oracle.c. */

import { type OracleCase, ORACLE_INSTRUCTIONS, type OracleLoader } from "./oracle-case.ts";
import type { OracleHello } from "./oracle-hello.ts";
import { type OracleFault, OracleRegisters, type OracleResult } from "./oracle-result.ts";

const BATCH_MAGIC = 0x424b5358;
const REPLY_MAGIC = 0x524b5358;
const REQUEST_HEADER = 64;
const REPLY_HEADER = 96;

const LOADERS: readonly OracleLoader[] = ["xrstor", "moves", "same-area"];

/** Whether 16 bytes start the reply to a batch of `count` cases. */
export function isReplyHeader(view: DataView, count: number | undefined): boolean {
  return view.getUint32(0, true) === REPLY_MAGIC && view.getUint32(4, true) === count;
}

/** A batch of requests. Throws RangeError for a case that the oracle would refuse. */
export function encodeBatch(cases: readonly OracleCase[], hello: OracleHello): Uint8Array {
  const { areaBytes } = hello;
  const record = REQUEST_HEADER + 2 * areaBytes;
  const bytes = new Uint8Array(8 + cases.length * record);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, BATCH_MAGIC, true);
  view.setUint32(4, cases.length, true);
  let at = 8;
  for (const one of cases) {
    const misalign = one.misalign ?? 0;
    const longest = Math.max(one.area.length, one.state?.length ?? 0);
    if (longest > areaBytes) throw new RangeError(`"area" or "state" expected at most ${areaBytes} bytes, got ${longest}`);
    if (!Number.isInteger(misalign) || misalign < 0 || misalign > 63) {
      throw new RangeError(`"misalign" expected 0..63, got ${misalign}`);
    }
    view.setUint32(at, ORACLE_INSTRUCTIONS.indexOf(one.instruction), true);
    view.setUint32(at + 4, LOADERS.indexOf(one.loader ?? "xrstor"), true);
    view.setBigUint64(at + 8, one.mask, true);
    view.setUint32(at + 16, misalign, true);
    view.setUint32(at + 20, one.moves ?? 0, true);
    const image = at + REQUEST_HEADER;
    if (one.state === undefined) view.setUint32(image + 24, 0x1f80, true);
    else bytes.set(one.state, image);
    bytes.set(one.area, image + areaBytes);
    at += record;
  }
  return bytes;
}

/** The replies to `count` cases, as views of `bytes`. */
export function decodeBatch(bytes: Uint8Array, count: number, hello: OracleHello): OracleResult[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const results: OracleResult[] = [];
  for (let at = 0, i = 0; i < count; i++) {
    const flags = view.getUint32(at + 4, true);
    const signal = view.getInt32(at + 8, true);
    const fault: OracleFault | null =
      signal === 0
        ? null
        : {
            vector: view.getUint32(at + 16, true),
            signal,
            code: view.getInt32(at + 12, true),
            errorCode: view.getUint32(at + 20, true),
            address: view.getBigUint64(at + 24, true),
          };
    const known = (flags & 1) !== 0;
    const inUse = view.getBigUint64(at + 32, true);
    const probe = view.getBigUint64(at + 48, true);
    const areaAt = at + REPLY_HEADER;
    const registersAt = areaAt + hello.areaBytes;
    const block = (offset: number): OracleRegisters =>
      new OracleRegisters(bytes.subarray(offset, offset + hello.registerBytes), hello);
    const registers = block(registersAt);
    results.push({
      fault: (flags & 64) === 0 ? fault : null,
      loadFault: (flags & 64) === 0 ? null : fault,
      xinuseBefore: known ? inUse : null,
      xinuseAfter: known ? view.getBigUint64(at + 40, true) : null,
      xmmInUse: probe !== 0n,
      xmmInUseAfter: view.getBigUint64(at + 56, true) !== 0n,
      xinuse: (inUse & ~2n) | probe,
      area: bytes.subarray(areaAt, registersAt),
      registers,
      registersBefore: (flags & 128) === 0 ? registers : block(registersAt + hello.registerBytes),
      registersChanged: (flags & 2) !== 0,
      guardsIntact: (flags & 4) === 0,
      stable: (flags & 8) === 0,
      attempts: view.getUint32(at + 64, true),
      movesDone: view.getUint32(at + 68, true),
      statePkruMasked: (flags & 16) !== 0,
      imagePkruMasked: (flags & 32) !== 0,
    });
    at += view.getUint32(at, true);
  }
  return results;
}
