/** A PEBS record that does not add up. */

/** What is wrong with it. */
export type PebsErrorCode = "truncated" | "misaligned" | "size-mismatch" | "empty-fragment" | "too-many-fragments";

/** Decoding stopped; nothing of the record may be used. */
export class PebsError extends Error {
  override readonly name = "PebsError";
  readonly code: PebsErrorCode;
  /** Byte offset in the buffer. */
  readonly offset: number;
  constructor(code: PebsErrorCode, offset: number, message: string) {
    super(`${message} (byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
