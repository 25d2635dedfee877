/** Recorded executions: one JSON object a line, read and checked field by field. */

import { gunzipSync } from "node:zlib";
import { DEPARTURE_NAMES, departureWords, type Quirks, X87_POINTER_RULES } from "../isa/vendor-behaviour.ts";
import { Fields, VectorError } from "./record-fields.ts";
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

/** Names of the restore instructions in records. */
export const RESTORE_INSTRUCTIONS = ["XRSTOR64", "XRSTORS64", "XRSTOR", "XRSTORS"] as const;
export type RestoreInstruction = (typeof RESTORE_INSTRUCTIONS)[number];

/** What the records of both kinds say: the processor and its registers beforehand. */
export interface RecordedExecution {
  readonly id: string;
  readonly line: number;
  readonly cpu: RecordedCpu;
  readonly group: string;
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
  /** Exception vector, undefined for none. */
  readonly fault: number | undefined;
  readonly state: RecordedState;
  readonly deviations: readonly string[];
}

/** One execution of a save instruction. */
export interface SaveRecord extends RecordedExecution {
  readonly kind: "save";
  readonly instruction: SaveInstruction;
  readonly nmi: boolean;
  /** The preparing XRSTOR read the area that is then saved to. */
  readonly restoredFromThisArea: boolean;
  /** IA32_UINTR_MISC after the save, where the CPU has it. */
  readonly uintrMiscAfter: bigint | undefined;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** One execution of a restore instruction; `state` and `xinuse` are those before it. */
export interface RestoreRecord extends RecordedExecution {
  readonly kind: "restore";
  readonly instruction: RestoreInstruction;
  /** The image lay at an address that is a multiple of 16 only. */
  readonly misaligned: boolean;
  readonly image: Uint8Array;
  readonly stateAfter: RecordedState;
  /** XGETBV with ECX = 1 afterwards; undefined where there is none. */
  readonly xinuseAfter: bigint | undefined;
}

/** One execution, as a line of a file of vectors has it. */
export type VectorRecord = SaveRecord | RestoreRecord;

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
  return fields.has("image") ? restoreRecord(fields, line) : saveRecord(fields, line);
}

function saveRecord(fields: Fields, line: number): SaveRecord {
  const instruction = fields.oneOf("instruction", SAVE_INSTRUCTIONS, "in a save");
  const before = fields.bytes("before");
  const after = fields.bytes("after");
  if (before.length < SMALLEST_AREA) throw fields.wrong("before", `at least ${SMALLEST_AREA} bytes`, `${before.length}`);
  if (after.length !== before.length)
    throw fields.wrong("after", `as many bytes as "before", ${before.length}`, `${after.length}`);
  return {
    kind: "save",
    ...execution(fields, line, instruction === "XSAVES64", "xinuse", "state"),
    instruction,
    nmi: fields.flag("nmi"),
    restoredFromThisArea: fields.optional("restoredFromThisArea", () => fields.flag("restoredFromThisArea")) ?? false,
    uintrMiscAfter: fields.optional("uintrMiscAfter", () => fields.mask("uintrMiscAfter")),
    before,
    after,
  };
}

function restoreRecord(fields: Fields, line: number): RestoreRecord {
  const instruction = fields.oneOf("instruction", RESTORE_INSTRUCTIONS, "in a restore");
  const image = fields.bytes("image");
  if (image.length < SMALLEST_AREA) throw fields.wrong("image", `at least ${SMALLEST_AREA} bytes`, `${image.length}`);
  return {
    kind: "restore",
    ...execution(fields, line, instruction.startsWith("XRSTORS"), "xinuseBefore", "stateBefore"),
    instruction,
    misaligned: fields.flag("misaligned"),
    image,
    stateAfter: readState(fields.object("stateAfter")),
    xinuseAfter: fields.optional("xinuseAfter", () => fields.mask("xinuseAfter")),
  };
}

/** What both kinds have; `supervisor`: RFBM may have bits of IA32_XSS. */
function execution(fields: Fields, line: number, supervisor: boolean, xinuse: string, state: string): RecordedExecution {
  const xcr0 = fields.mask("xcr0");
  const xss = fields.optional("xss", () => fields.mask("xss")) ?? 0n;
  const mask = fields.mask("mask");
  const rfbm = fields.mask("rfbm");
  const managed = supervisor ? xcr0 | xss : xcr0;
  if (rfbm !== (mask & managed)) {
    throw fields.wrong(
      "rfbm",
      `mask & ${supervisor ? "(XCR0 | IA32_XSS)" : "XCR0"} = 0x${(mask & managed).toString(16)}`,
      `0x${rfbm.toString(16)}`,
    );
  }
  return {
    id: fields.text("id"),
    line,
    cpu: readCpu(fields.object("cpu")),
    group: fields.text("group"),
    xcr0,
    xss,
    xfd: fields.optional("xfd", () => fields.mask("xfd")) ?? 0n,
    mask,
    rfbm,
    xinuse: fields.optional(xinuse, () => fields.mask(xinuse)),
    xmmInUse: fields.optional("xmmInUse", () => fields.flag("xmmInUse")),
    fault: fields.optional("fault", () => fields.number("fault")),
    state: readState(fields.object(state)),
    deviations: fields.texts("deviations"),
  };
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
  const departures: Record<string, string> = {};
  for (const key of fields.keys()) {
    if (key === "x87Pointers" || key === "mxcsrMask") continue;
    const name = DEPARTURE_NAMES.find((each) => each === key);
    if (name === undefined) throw fields.wrong(key, `one of ${DEPARTURE_NAMES.join(", ")}`, key);
    departures[name] = fields.oneOf(
      name,
      departureWords(name).map(([each]) => each),
    );
  }
  return { x87Pointers: fields.oneOf("x87Pointers", X87_POINTER_RULES), mxcsrMask: fields.word("mxcsrMask"), ...departures };
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
