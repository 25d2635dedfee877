/** `xsavekit/formats`: files that hold XSAVE areas, read by ranges; runs in a browser. */

export { blobSource, bytesSource } from "./byte-source.ts";
export type { BlobLike, ByteSource } from "./byte-source.ts";
export { CONTAINER_KINDS } from "./container.ts";
export type {
  ContainedArea,
  Container,
  ContainerKind,
  ContainerProcess,
  ContainerThread,
  FileRange,
  OtherRegisters,
} from "./container.ts";
export { decodeThreads } from "./decode-container.ts";
export type { DecodedThread } from "./decode-container.ts";
export { FormatError } from "./format-problem.ts";
export type { FormatProblem } from "./format-problem.ts";
export type { GeneralRegisters } from "./general-registers.ts";
export { isPerfData, openPerfData } from "./perf-data/index.ts";
export type { PerfData, PerfEvent, PerfSample } from "./perf-data/index.ts";
export { openContainer } from "./open-container.ts";
export type { OpenOptions } from "./open-container.ts";
