/** Recorded executions: one JSON object a line, read and checked field by field. */

import { gunzipSync } from "node:zlib";
import { DEPARTURE_NAMES, departureWords, type Quirks, X87_POINTER_RULES } from "../isa/vendor-behaviour.ts";
import { STATE_MEMBERS } from "./state-members.ts";

/** CPUID registers of one sub-leaf of leaf 0DH. */
export interface RecordedSubleaf {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** The processor that a record comes from. */
export interface RecordedCpu {
  readonly name: string;
  readonly vendor: string;
  /** CPUID.80000008H:EBX[2]. */
  readonly xsaveerptr: boolean;
  readonly leafD: ReadonlyMap<number, RecordedSubleaf>;
  /** Vendor behaviour; undefined: what vendor and `xsaveerptr` say. */
  readonly quirks: Quirks | undefined;
}

/** Register contents by component; `legacy` is what FXSAVE64 stores. */
export interface RecordedState {
  readonly legacy: Uint8Array;
  /** By component number. */
  readonly components: ReadonlyMap<number, Uint8Array>;
}

/** Names of the save instructions in records. */
export const SAVE_INSTRUCTIONS = ["XSAVE64", "XSAVEOPT64", "XSAVEC64", "XSAVES64", "XSAVE"] as const;
export type SaveInstruction = (typeof SAVE_INSTRUCTIONS)[number];

/** One execution of a save instruction. */
export interface SaveRecord {
  readonly kind: "save";
  readonly id: string;
  readonly line: number;
  readonly cpu: RecordedCpu;
  readonly group: string;
  readonly instruction: SaveInstruction;
  readonly xcr0: bigint;
  readonly xss: bigint;
  /** IA32_XFD. */
  readonly xfd: bigint;
  /** EDX:EAX. */
  readonly mask: bigint;
  readonly rfbm: bigint;
  /** XGETBV with ECX = 1; undefined where there is none. Components of XCR0 only, bit 1 also set by MXCSR. */
  readonly xinuse: bigint | undefined;
  /** XINUSE[1] about XMM alone; undefined where it was not read. */
  readonly xmmInUse: boolean | undefined;
  readonly nmi: boolean;
  /** The preparing XRSTOR read the area that is then saved to. */
  readonly restoredFromThisArea: boolean;
  /** Exception vector, undefined for none. */
  readonly fault: number | undefined;
  readonly state: RecordedState;
  /** IA32_UINTR_MISC after the save, where the CPU has it. */
  readonly uintrMiscAfter: bigint | undefined;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  readonly deviations: readonly string[];
}

/** One execution of a restore; only what counting needs. */
export interface RestoreRecord {
  readonly kind: "restore";
  readonly id: string;
  readonly line: number;
  readonly instruction: string;
  readonly deviations: readonly string[];
}

export type VectorRecord = SaveRecord | RestoreRecord;

/** A line is not a record; the message starts with `file:line:` and names the field. */
export class VectorError extends Error {
  override readonly name = "VectorError";
  readonly file: string;
  readonly line: number;
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
    this.file = file;
    this.line = line;
  }
}

const LEGACY_SIZE = 512;
const SMALLEST_AREA = 576;

/** Records of a file, plain or gzip (told by its first bytes). Empty lines are passed over. Throws VectorError. */
export function readVectors(name: string, bytes: Uint8Array): VectorRecord[] {
  let text: string;
  try {
    const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    text = new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch (error) {
    throw new VectorError(name, 1, `cannot be read as text: ${(error as Error).message}`);
  }
  const records: VectorRecord[] = [];
  text.split("\n").forEach((line, index) => {
    if (line.trim() !== "") records.push(parseVectorRecord(name, index + 1, line));
  });
  return records;
}

/** Reads one line. Throws VectorError. */
export function parseVectorRecord(file: string, line: number, text: string): VectorRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new VectorError(file, line, `is not JSON: ${(error as Error).message}`);
  }
  const fields = new Fields(file, line, "", value);
  const id = fields.text("id");
  const instruction = fields.text("instruction");
  const deviations = fields.texts("deviations");
  if (fields.has("image")) return { kind: "restore", id, line, instruction, deviations };
  if (!isSaveInstruction(instruction)) {
    throw fields.wrong("instruction", `one of ${SAVE_INSTRUCTIONS.join(", ")} in a save`, instruction);
  }
  const before = fields.bytes("before");
  const after = fields.bytes("after");
  if (before.length < SMALLEST_AREA) throw fields.wrong("before", `at least ${SMALLEST_AREA} bytes`, `${before.length}`);
  if (after.length !== before.length)
    throw fields.wrong("after", `as many bytes as "before", ${before.length}`, `${after.length}`);
  const cpu = readCpu(fields.object("cpu"));
  const xcr0 = fields.mask("xcr0");
  const xss = fields.optional("xss", () => fields.mask("xss")) ?? 0n;
  const mask = fields.mask("mask");
  const rfbm = fields.mask("rfbm");
  const managed = instruction === "XSAVES64" ? xcr0 | xss : xcr0;
  if (rfbm !== (mask & managed)) {
    throw fields.wrong(
      "rfbm",
      `mask & ${instruction === "XSAVES64" ? "(XCR0 | IA32_XSS)" : "XCR0"} = 0x${(mask & managed).toString(16)}`,
      `0x${rfbm.toString(16)}`,
    );
  }
  return {
    kind: "save",
    id,
    line,
    cpu,
    group: fields.text("group"),
    instruction,
    xcr0,
    xss,
    xfd: fields.optional("xfd", () => fields.mask("xfd")) ?? 0n,
    mask,
    rfbm,
    xinuse: fields.optional("xinuse", () => fields.mask("xinuse")),
    xmmInUse: fields.optional("xmmInUse", () => fields.flag("xmmInUse")),
    nmi: fields.flag("nmi"),
    restoredFromThisArea: fields.optional("restoredFromThisArea", () => fields.flag("restoredFromThisArea")) ?? false,
    fault: fields.optional("fault", () => fields.number("fault")),
    state: readState(fields.object("state")),
    uintrMiscAfter: fields.optional("uintrMiscAfter", () => fields.mask("uintrMiscAfter")),
    before,
    after,
    deviations,
  };
}

function isSaveInstruction(name: string): name is SaveInstruction {
  return (SAVE_INSTRUCTIONS as readonly string[]).includes(name);
}

function readCpu(fields: Fields): RecordedCpu {
  const leaves = fields.object("leafD");
  const leafD = new Map<number, RecordedSubleaf>();
  for (const key of leaves.keys()) {
    if (!/^[0-9]{1,2}$/.test(key)) throw leaves.wrong(key, "a sub-leaf number", key);
    const row = leaves.object(key);
    leafD.set(Number(key), { eax: row.word("eax"), ebx: row.word("ebx"), ecx: row.word("ecx"), edx: row.word("edx") });
  }
  if (!leafD.has(0)) throw leaves.wrong("0", "sub-leaf 0", "nothing");
  return {
    name: fields.text("name"),
    vendor: fields.text("vendor"),
    xsaveerptr: fields.flag("xsaveerptr"),
    leafD,
    quirks: fields.optional("quirks", () => readQuirks(fields.object("quirks"))),
  };
}

/** The words are those of `quirks` in `cpu-models/`. */
function readQuirks(fields: Fields): Quirks {
  const word = <Word extends string>(key: string, words: readonly Word[]): Word => {
    const found = words.find((each) => each === fields.text(key));
    if (found === undefined) throw fields.wrong(key, `one of ${words.join(", ")}`, fields.text(key));
    return found;
  };
  const departures: Record<string, string> = {};
  for (const key of fields.keys()) {
    if (key === "x87Pointers" || key === "mxcsrMask") continue;
    const name = DEPARTURE_NAMES.find((each) => each === key);
    if (name === undefined) throw fields.wrong(key, `one of ${DEPARTURE_NAMES.join(", ")}`, key);
    departures[name] = word(
      name,
      departureWords(name).map(([each]) => each),
    );
  }
  return { x87Pointers: word("x87Pointers", X87_POINTER_RULES), mxcsrMask: fields.word("mxcsrMask"), ...departures };
}

function readState(fields: Fields): RecordedState {
  const components = new Map<number, Uint8Array>();
  let legacy: Uint8Array | undefined;
  for (const key of fields.keys()) {
    const bytes = fields.bytes(key);
    const index = STATE_MEMBERS.get(key);
    if (key === "legacy") legacy = bytes;
    else if (index === undefined) throw fields.wrong(key, `one of legacy, ${[...STATE_MEMBERS.keys()].join(", ")}`, key);
    else components.set(index, bytes);
  }
  if (legacy?.length !== LEGACY_SIZE) throw fields.wrong("legacy", `${LEGACY_SIZE} bytes`, `${legacy?.length ?? "nothing"}`);
  return { legacy, components };
}

/** Members of one JSON object, each read with its type and named in errors by its path. */
class Fields {
  readonly #file: string;
  readonly #line: number;
  readonly #path: string;
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(file: string, line: number, path: string, value: unknown) {
    this.#file = file;
    this.#line = line;
    this.#path = path;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new VectorError(file, line, `${path === "" ? "the line" : `"${path}"`} expected an object, got ${shown(value)}`);
    }
    this.#members = value as Readonly<Record<string, unknown>>;
  }

  wrong(key: string, expected: string, got: string): VectorError {
    const path = this.#path === "" ? key : `${this.#path}.${key}`;
    return new VectorError(this.#file, this.#line, `"${path}" expected ${expected}, got ${got}`);
  }
  has(key: string): boolean {
    return this.#value(key) !== undefined;
  }
  keys(): string[] {
    return Object.keys(this.#members);
  }
  /** Undefined where the member is null or absent. */
  optional<T>(key: string, read: () => T): T | undefined {
    return this.#value(key) === undefined || this.#value(key) === null ? undefined : read();
  }
  object(key: string): Fields {
    return new Fields(this.#file, this.#line, this.#path === "" ? key : `${this.#path}.${key}`, this.#value(key));
  }
  text(key: string): string {
    const value = this.#value(key);
    if (typeof value !== "string") throw this.wrong(key, "a string", shown(value));
    return value;
  }
  texts(key: string): string[] {
    const value = this.#value(key);
    if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
      throw this.wrong(key, "an array of strings", shown(value));
    return value;
  }
  flag(key: string): boolean {
    const value = this.#value(key);
    if (typeof value !== "boolean") throw this.wrong(key, "true or false", shown(value));
    return value;
  }
  number(key: string): number {
    const value = this.#value(key);
    if (typeof value !== "number" || !Number.isInteger(value)) throw this.wrong(key, "an integer", shown(value));
    return value;
  }
  mask(key: string): bigint {
    const value = this.#value(key);
    if (typeof value !== "string" || !/^0x[0-9a-f]{1,16}$/i.test(value))
      throw this.wrong(key, '"0x" and up to 16 hexadecimal digits', shown(value));
    return BigInt(value);
  }
  word(key: string): number {
    const value = this.mask(key);
    if (value > 0xffff_ffffn) throw this.wrong(key, "32 bits", `0x${value.toString(16)}`);
    return Number(value);
  }
  bytes(key: string): Uint8Array {
    const value = this.#value(key);
    if (typeof value !== "string") throw this.wrong(key, "a string of hexadecimal bytes", shown(value));
    const bytes = Buffer.from(value, "hex");
    // Buffer stops at the first character that is no digit, and drops an odd last one.
    if (bytes.length * 2 !== value.length) {
      const place = value.search(/[^0-9a-f]/i);
      throw this.wrong(
        key,
        "hexadecimal bytes",
        place < 0 ? "an odd number of digits" : `${shown(value[place])} at character ${place}`,
      );
    }
    return bytes;
  }

  #value(key: string): unknown {
    return Object.hasOwn(this.#members, key) ? this.#members[key] : undefined;
  }
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
