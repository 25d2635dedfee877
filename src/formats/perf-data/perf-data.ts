/**
 * perf.data: the samples with registers of a profile.
 * Source: tools/perf/util/header.h and event.h of v6.1 and v7.3-rc7, tools/perf/Documentation/perf.data-file-format.txt.
 */

import { SampleRecordError } from "../../perf/sample-record.ts";
import type { ByteSource } from "../byte-source.ts";
import { FormatError, ProblemList } from "../format-problem.ts";
import { cText, readWhole, SlidingWindow, u64, viewOf } from "../range-reader.ts";
import { CompressedRecords } from "./compressed-records.ts";
import { LARGEST_ATTRIBUTE, type PerfEvent, readAttribute, SMALLEST_ATTRIBUTE } from "./event-attributes.ts";
import { type PerfSample, readSample, sampleId } from "./sample-fields.ts";

const MAGIC = 0x32454c4946524550n; // "PERFILE2"
const MAGIC_SWAPPED = 0x50455246494c4532n;
const FILE_HEADER = 104;
const PIPE_HEADER = 16;

const RECORD_COMM = 3;
const RECORD_SAMPLE = 9;
const RECORD_HEADER_ATTR = 64;
const RECORD_TRACING_DATA = 66;
const RECORD_AUXTRACE = 71;

/** Events and counter ids of one file; what is beyond is a file that lies. */
const MOST_EVENTS = 65_536;
const MOST_IDS = 1 << 20;
/** Names of tasks kept. */
const MOST_NAMES = 1 << 16;

/** An opened profile. */
export interface PerfData {
  /** For people. */
  readonly description: string;
  readonly events: readonly PerfEvent[];
  /**
   * The samples in the file's order, those of compressed records behind the others; reads as it goes, so it needs no
   * more memory for a long file.
   */
  samples(): AsyncGenerator<PerfSample>;
  /** What is odd so far, with its byte; complete when `samples` is through. */
  readonly problems: ProblemList;
}

/** True for the head of a perf.data file, of either byte order. */
export function isPerfData(head: Uint8Array): boolean {
  const magic = head.length >= 8 ? viewOf(head).getBigUint64(0, true) : 0n;
  return magic === MAGIC || magic === MAGIC_SWAPPED;
}

/** Opens a profile. Throws FormatError for a head that does not add up. */
export async function openPerfData(source: ByteSource): Promise<PerfData> {
  const head = await readWhole(source, 0, PIPE_HEADER, "the header");
  if (head.getBigUint64(0, true) === MAGIC_SWAPPED) {
    throw problem("wrong-endianness", 0, "a big-endian perf.data file", "x86 profiles are little-endian: name another file");
  }
  if (head.getBigUint64(0, true) !== MAGIC) {
    throw problem("unknown-format", 0, "no perf.data file", "its first bytes are PERFILE2");
  }
  const problems = new ProblemList();
  const events = new EventTable();
  const size = u64(head, 8);
  let data = { start: PIPE_HEADER, end: source.size };
  if (size === FILE_HEADER) data = await readFileHeader(source, events, problems);
  else if (size !== PIPE_HEADER) {
    throw problem("bad-header", 8, `header size ${size}`, "expected 104 (a file) or 16 (perf's pipe mode)");
  }
  const names = new Map<number, string>();
  return {
    description: `perf.data, ${size === FILE_HEADER ? `${events.list.length} event${events.list.length === 1 ? "" : "s"}` : "pipe mode"}`,
    events: events.list,
    problems,
    samples: () => samplesOf(source, data.start, data.end, { events, problems, names }),
  };
}

/** The events of a file, and whose counter an id is. */
class EventTable {
  readonly list: PerfEvent[] = [];
  readonly #byId = new Map<bigint, number>();

  add(event: PerfEvent): void {
    for (const id of event.ids) if (!this.#byId.has(id)) this.#byId.set(id, this.list.length);
    this.list.push(event);
  }

  /** Index of a sample's event, -1 where its id is none of the file's. Id 0 is what perf makes up: the first event's. */
  indexOf(body: DataView): number {
    if (this.list.length <= 1) return 0;
    const id = sampleId(body, this.list[0]!.sampleType);
    return id === undefined ? -1 : (this.#byId.get(id) ?? (id === 0n ? 0 : -1));
  }
}

function problem(rule: string, offset: number, message: string, remedy: string): FormatError {
  return new FormatError({ rule, offset, message, remedy });
}

/** Attributes and the range of the records. */
async function readFileHeader(
  source: ByteSource,
  events: EventTable,
  problems: ProblemList,
): Promise<{ start: number; end: number }> {
  const head = await readWhole(source, 0, FILE_HEADER, "the header");
  const entrySize = u64(head, 16);
  const attributes = { offset: u64(head, 24), size: u64(head, 32) };
  const data = { offset: u64(head, 40), size: u64(head, 48) };
  if (entrySize < SMALLEST_ATTRIBUTE + 16 || entrySize > LARGEST_ATTRIBUTE) {
    throw problem("bad-header", 16, `an attribute entry of ${entrySize} bytes`, "expected 80 to 4096: the header lies");
  }
  const count = Math.floor(attributes.size / entrySize);
  if (count > MOST_EVENTS) throw problem("bad-header", 32, `${count} events`, `at most ${MOST_EVENTS} are read: the header lies`);
  let ids = 0;
  for (let i = 0; i < count; i++) {
    const offset = attributes.offset + i * entrySize;
    const entry = await readWhole(source, offset, entrySize, `attribute ${i}`);
    const section = { offset: u64(entry, entrySize - 16), size: u64(entry, entrySize - 8) };
    ids += section.size / 8;
    if (ids > MOST_IDS)
      throw problem("bad-header", offset, `${ids} counter ids`, `at most ${MOST_IDS} are read: the header lies`);
    // An event without ids may name any place for them.
    const list = await readWhole(source, section.size === 0 ? 0 : section.offset, section.size, `the ids of event ${i}`);
    events.add(
      readAttribute(
        entry,
        Array.from({ length: section.size >> 3 }, (_, k) => list.getBigUint64(8 * k, true)),
      ),
    );
  }
  // perf writes a size of 0 while it records: a file that was cut off by a crash goes on to its end.
  const end = data.size === 0 ? source.size : data.offset + data.size;
  if (end > source.size) {
    problems.add({
      rule: "truncated",
      offset: 40,
      message: `the records end at byte ${end}, the file at byte ${source.size}`,
      remedy: "copy the file again; what is there is read",
    });
  }
  return { start: data.offset, end: Math.min(end, source.size) };
}

interface WalkState {
  readonly events: EventTable;
  readonly problems: ProblemList;
  readonly names: Map<number, string>;
}

async function* samplesOf(source: ByteSource, start: number, end: number, state: WalkState): AsyncGenerator<PerfSample> {
  const compressed = new CompressedRecords(state.problems);
  yield* walk(source, start, end, state, compressed);
  const records = await compressed.records();
  // Compressed records in compressed ones are pieces of nothing.
  if (records) yield* walk(records, 0, records.size, state, new CompressedRecords(state.problems));
}

async function* walk(
  source: ByteSource,
  start: number,
  end: number,
  state: WalkState,
  compressed: CompressedRecords,
): AsyncGenerator<PerfSample> {
  const window = new SlidingWindow(source);
  for (let offset = start; offset < end;) {
    if (offset + 8 > end) return cut(state, offset, end);
    if (!window.holds(offset, 8)) await window.load(offset, 8, end, "a record's header");
    const type = window.view.getUint32(window.at(offset), true);
    const size = window.view.getUint16(window.at(offset) + 6, true);
    if (size < 8) {
      state.problems.add({
        rule: "bad-record",
        offset,
        message: `a record of ${size} bytes, type ${type}; a header alone has 8`,
        remedy: "the file is damaged from here on; the records before were read",
      });
      return;
    }
    if (offset + size > end) return cut(state, offset, end);
    if (!window.holds(offset, size)) await window.load(offset, size, end, "a record");
    const body = new DataView(window.view.buffer, window.view.byteOffset + window.at(offset) + 8, size - 8);
    if (type === RECORD_SAMPLE) {
      const sample = takeSample(body, offset, state);
      if (sample) yield sample;
    } else if (!compressed.add(type, body, offset)) takeOther(type, body, offset, state);
    offset += size + dataBehind(type, body);
  }
}

function cut(state: WalkState, offset: number, end: number): void {
  state.problems.add({
    rule: "truncated",
    offset,
    message: `a record goes on behind the end of the records (byte ${end})`,
    remedy: "the file was cut short; the records before were read",
  });
}

/** Bytes behind a record that its own size does not count: trace data of AUX buffers and of ftrace. */
function dataBehind(type: number, body: DataView): number {
  if (type === RECORD_AUXTRACE && body.byteLength >= 8) return u64(body, 0);
  if (type === RECORD_TRACING_DATA && body.byteLength >= 4) return Math.ceil(body.getUint32(0, true) / 8) * 8;
  return 0;
}

function takeOther(type: number, body: DataView, offset: number, state: WalkState): void {
  if (type === RECORD_COMM && body.byteLength >= 8 && state.names.size < MOST_NAMES) {
    state.names.set(body.getInt32(4, true), cText(body, 8, 16));
  } else if (type === RECORD_HEADER_ATTR) takeAttribute(body, offset, state);
}

/** Pipe mode: an attribute as a record, its ids behind it. */
function takeAttribute(body: DataView, offset: number, { events, problems }: WalkState): void {
  const size = body.byteLength >= 8 ? body.getUint32(4, true) : 0;
  if (size < SMALLEST_ATTRIBUTE || size > body.byteLength || events.list.length >= MOST_EVENTS) {
    problems.add({
      rule: "bad-attribute",
      offset,
      message: `an attribute of ${size} bytes in a record of ${body.byteLength + 8}`,
      remedy: "its event's samples are left out",
    });
    return;
  }
  const ids: bigint[] = [];
  for (let at = size; at + 8 <= body.byteLength; at += 8) ids.push(body.getBigUint64(at, true));
  events.add(readAttribute(body, ids));
}

function takeSample(body: DataView, offset: number, { events, problems, names }: WalkState): PerfSample | undefined {
  const index = events.indexOf(body);
  const event = events.list[index];
  if (!event) {
    problems.add({
      rule: "unknown-event",
      offset,
      message: "a sample whose id belongs to no event of the file",
      remedy: "it is left out",
    });
    return undefined;
  }
  try {
    const sample = readSample(body, event);
    const name = sample.tid === undefined ? undefined : names.get(sample.tid);
    return { fileOffset: offset, event: index, ...sample, ...(name !== undefined && { name }) };
  } catch (error) {
    if (!(error instanceof SampleRecordError)) throw error;
    const remedy = event.unknownFields
      ? `the attribute has ${event.size} bytes, more than is known: the sample may hold registers of a newer interface`
      : "the sample is left out";
    problems.add({ rule: "bad-sample", offset: offset + 8 + error.offset, message: error.message, remedy });
    return undefined;
  }
}
