/** `xsavekit/image`: XSAVE areas in memory: decode, encode, normalise and compare them. No I/O; runs in a browser. */

export { chooseLayout } from "./choose-layout.ts";
export type { LayoutChoice, LayoutWarning } from "./choose-layout.ts";
export { compareBytes, compareImages } from "./compare-images.ts";
export type { ByteDifference, RegisterDifference } from "./compare-images.ts";
export { decodeImage } from "./decode-image.ts";
export type { DecodedImage } from "./decode-image.ts";
export { encodeImage, normaliseImage } from "./encode-image.ts";
export type { EncodeTarget } from "./encode-image.ts";
export { formatLanes, formatX87, hexBytes, hexNumber, VALUE_FORMATS } from "./format-value.ts";
export type { ValueFormat } from "./format-value.ts";
export { ImageError } from "./image-error.ts";
export type { ImageErrorCode, ImageWarning } from "./image-error.ts";
export { formOf, imageLayout } from "./image-layout.ts";
export type { ImageLayout } from "./image-layout.ts";
export type { DeclaredRow, LayoutEvidence } from "./layout-evidence.ts";
export { readRegister, readRegisters } from "./read-register.ts";
export type { RegisterValue } from "./read-register.ts";
export { holdsInitial } from "./register-state.ts";
export type { ComponentState, RegisterState } from "./register-state.ts";
export { registerNamed, REGISTERS, selectRegisters } from "./registers.ts";
export type { Register, RegisterPart } from "./registers.ts";
export { configuredTiles } from "./tile-shape.ts";
export type { Tile } from "./tile-shape.ts";
export { stateOfRegisters } from "./write-registers.ts";
export type { RegisterInput } from "./write-registers.ts";
export { IMAGE_FORMS } from "./xsave-image.ts";
export type { ImageForm, XsaveImage } from "./xsave-image.ts";
