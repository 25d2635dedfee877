/** What `inspect --json` prints: a container's threads with their registers. */

import type { DecodedThread } from "../formats/decode-container.ts";
import type { Container } from "../formats/container.ts";
import type { LayoutChoice } from "../image/layout-choice.ts";
import { formatLanes, formatX87, hexBytes, hexNumber, type ValueFormat } from "../image/format-value.ts";
import { readRegisters, type RegisterValue } from "../image/read-register.ts";
import type { ComponentState, RegisterState } from "../image/register-state.ts";
import type { Register } from "../image/registers.ts";
import { configuredTiles } from "../image/tile-shape.ts";
import { maskHex } from "../isa/feature-mask.ts";
import { componentName, stateComponent } from "../isa/state-component.ts";
import { ST_OFFSET, XMM_OFFSET, XMM_SIZE } from "../isa/xsave-area.ts";

/** What is shown of the registers. */
export interface InspectionOptions {
  /** Absent: all that are listed. */
  readonly registers?: readonly Register[] | undefined;
  readonly format: ValueFormat;
}

/** A component's place in a thread's area; offsets count from its first byte. */
export interface InspectedComponent {
  readonly index: number;
  readonly name: string;
  readonly inUse: boolean;
  readonly offset: number | null;
  readonly size: number;
}

/** Something odd: about the file, the layout or an area. */
export interface InspectionWarning {
  readonly rule: string;
  readonly offset: number | null;
  readonly message: string;
}

/** One thread. */
export interface InspectedThread {
  readonly tid: number | null;
  readonly pid: number | null;
  readonly name: string | null;
  readonly signal: number | null;
  readonly signalled: boolean | null;
  readonly exception: string | null;
  readonly form: string | null;
  /** Byte of the file at which the area begins, and its size. */
  readonly fileOffset: number | null;
  readonly size: number | null;
  readonly xstateBv: string | null;
  readonly xcompBv: string | null;
  readonly components: readonly InspectedComponent[];
  readonly registers: Readonly<Record<string, string>>;
  /** Lanes of vectors and decimals of x87 registers, where a format other than hex was asked for. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** Bytes of components that are in use and that no document names, by index: hex in memory order. */
  readonly raw: Readonly<Record<string, string>>;
  readonly tiles: readonly {
    readonly tile: number;
    readonly rows: number;
    readonly columnBytes: number;
    readonly contents: readonly string[];
  }[];
  /** General registers, as far as the container has them. */
  readonly general: Readonly<Record<string, string>>;
  readonly warnings: readonly InspectionWarning[];
}

/** The layout that was chosen. */
export interface InspectedLayout {
  readonly source: LayoutChoice["source"];
  readonly map: string;
  readonly sharedBy: readonly string[];
  readonly certainty: LayoutChoice["certainty"];
  readonly alternatives: LayoutChoice["alternatives"];
}

/** A file. */
export interface Inspection {
  readonly file: string;
  readonly container: string;
  readonly description: string;
  /** Of the first thread with an area; null if there is none. */
  readonly layout: InspectedLayout | null;
  readonly threads: Iterable<InspectedThread>;
  readonly warnings: readonly InspectionWarning[];
}

/** A register's contents by its view: numbers as `0x...`, others as hex in memory order. */
export function registerText({ register, bytes }: RegisterValue): string {
  return register.view === "number" ? hexNumber(bytes) : hexBytes(bytes);
}

/** Lanes in a format; x87 registers as one decimal; numbers as they are. */
export function registerLanes(value: RegisterValue, format: ValueFormat): string[] {
  const { view } = value.register;
  if (format === "hex" || view === "number") return [registerText(value)];
  return view === "st" ? [formatX87(value.bytes)] : formatLanes(value.bytes, format);
}

/** Bytes of x87 and SSE in the legacy region, as Linux counts them; the others by their layout. */
export function inspectedComponents({ decoded, state }: DecodedThread): InspectedComponent[] {
  const places: readonly (readonly [number, number])[] = [
    [0, XMM_OFFSET],
    [XMM_OFFSET, XMM_SIZE],
  ];
  const hasLegacy = decoded?.layout.form !== "compacted-without-legacy";
  return [...state.values()].map(({ index, inUse, bytes }) => {
    const offset =
      index < 2
        ? hasLegacy
          ? places[index]?.[0]
          : undefined
        : decoded?.layout.components.find(({ row }) => row.index === index)?.offset;
    const size = index < 2 ? (places[index]?.[1] ?? ST_OFFSET) : bytes.length;
    return { index, name: componentName(index), inUse, offset: offset ?? null, size };
  });
}

/** Components in use of which only the bytes can be shown. */
export function unnamedInUse(state: RegisterState): ComponentState[] {
  return [...state.values()].filter(({ index, inUse }) => inUse && stateComponent(index) === undefined);
}

/** One thread as data. */
export function inspectedThread(each: DecodedThread, { registers, format }: InspectionOptions): InspectedThread {
  const { thread, decoded, layout, state, fileOffset, error } = each;
  const values = readRegisters(state, registers);
  const shown: Record<string, string> = Object.fromEntries(values.map((value) => [value.register.name, registerText(value)]));
  const { ssp, general } = thread.registers;
  // NT_X86_SHSTK holds the shadow stack pointer where the area, being for user space, cannot.
  if (ssp !== undefined && shown["ssp"] === undefined && (!registers || registers.some(({ name }) => name === "ssp")))
    shown["ssp"] = maskHex(ssp);
  const lanes = values
    .filter(({ register }) => register.view !== "number")
    .map((value) => [value.register.name, registerLanes(value, format)]);
  return {
    tid: thread.tid ?? null,
    pid: thread.pid ?? null,
    name: thread.name ?? null,
    signal: thread.signal ?? null,
    signalled: thread.signalled ?? null,
    exception: thread.exception === undefined ? null : `0x${thread.exception.toString(16)}`,
    form: decoded?.layout.form ?? null,
    fileOffset: fileOffset ?? null,
    size: decoded?.image.bytes.length ?? null,
    xstateBv: decoded ? maskHex(decoded.layout.xstateBv) : null,
    xcompBv: decoded ? maskHex(decoded.layout.xcompBv) : null,
    components: inspectedComponents(each),
    registers: shown,
    ...(format === "hex" ? {} : { values: Object.fromEntries(lanes) as Record<string, string[]> }),
    raw: Object.fromEntries(unnamedInUse(state).map(({ index, bytes }) => [String(index), hexBytes(bytes)])),
    tiles: configuredTiles(state).map(({ number, rows, columnBytes, contents }) => ({
      tile: number,
      rows,
      columnBytes,
      contents: contents.map(hexBytes),
    })),
    general: Object.fromEntries((general?.entries() ?? []).map(([name, value]) => [name, maskHex(value)])),
    warnings: [
      ...(layout?.warnings ?? []).map(({ rule, message }) => ({ rule, offset: null, message })),
      ...(decoded?.warnings ?? []).map(({ rule, offset, message }) => ({ rule, offset: offset ?? null, message })),
      ...(error ? [{ rule: error.code, offset: error.offset ?? null, message: error.message }] : []),
    ],
  };
}

/** The layout as data. */
export function inspectedLayout(layout: LayoutChoice | undefined): InspectedLayout | null {
  if (!layout) return null;
  const { source, map, sharedBy, certainty, alternatives } = layout;
  return { source, map, sharedBy, certainty, alternatives };
}

/** A whole file as data; its threads one after the other, as they are decoded, once. */
export function inspection(
  file: string,
  container: Container,
  layouts: readonly LayoutChoice[],
  threads: Iterable<DecodedThread>,
  options: InspectionOptions,
): Inspection {
  return {
    file,
    container: container.kind,
    description: container.description,
    layout: inspectedLayout(layouts[0]),
    threads: inspectedThreads(threads, options),
    warnings: container.warnings.map(({ rule, message, offset }) => ({ rule, offset: offset ?? null, message })),
  };
}

function* inspectedThreads(threads: Iterable<DecodedThread>, options: InspectionOptions): Generator<InspectedThread> {
  for (const thread of threads) yield inspectedThread(thread, options);
}
