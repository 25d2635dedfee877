/** Why an image cannot be read or written. */

/** Stable ids, kebab-case. */
export type ImageErrorCode =
  | "too-short"
  | "wrong-form"
  | "bad-row"
  | "no-place"
  | "does-not-fit"
  | "unknown-register"
  | "bad-value"
  | "contradiction";

/** An image or a register value was refused; the message says what was expected and what to do. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly code: ImageErrorCode;
  /** Byte offset in the image; undefined where it is not about one byte. */
  readonly offset: number | undefined;

  constructor(code: ImageErrorCode, message: string, offset?: number) {
    super(offset === undefined ? message : `byte ${offset}: ${message}`);
    this.code = code;
    this.offset = offset;
  }
}

/** Something odd about an image that can be read all the same. */
export interface ImageWarning {
  readonly rule: "xstate-bv-bits" | "header-reserved" | "assumed-size" | "cut-short" | "no-header" | "no-legacy";
  /** Byte offset in the image. */
  readonly offset: number | undefined;
  readonly message: string;
}
