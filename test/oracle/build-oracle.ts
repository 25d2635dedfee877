/**
 * Compiles and drives `oracle.c`: runs XSAVE-family instructions on this machine's CPU and hands back
 * what they wrote, with the registers as read by other instructions.
 */

import { spawn, spawnSync, type ChildProcessByStdio } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { ComponentRow } from "../../src/layout/component-row.ts";

/** The instructions that the oracle executes, in the order of its numbers. The last three are restores. */
export const ORACLE_INSTRUCTIONS = [
  "XSAVE64",
  "XSAVEC64",
  "XSAVEOPT64",
  "XSAVE",
  "XSAVEC",
  "XSAVEOPT",
  "XSAVES64",
  "XRSTOR64",
  "XRSTOR",
  "XRSTORS64",
] as const;

/** `XSAVE64`, ... (64-bit forms) and `XSAVE`, ... (no REX.W, in 64-bit mode). */
export type OracleInstruction = (typeof ORACLE_INSTRUCTIONS)[number];

/** How the registers are loaded before the instruction under test. */
export type OracleLoader = "xrstor" | "moves" | "same-area";

/**
 * Bits of `moves`: as in the recorded vectors, plus `ldmxcsr` and `pendingZeroDivide`. Executed in the order
 * listed here after everything was put into init, contents taken from the state image. Bits that the CPU
 * cannot do are left out; `movesDone` tells.
 */
export const ORACLE_MOVES = {
  /** FNINIT, FLDCW, then one FLD m80 per bit set in the image's byte 4. */
  x87: 0x1,
  /** MOVUPS xmm0-15. */
  xmm: 0x2,
  /** VMOVUPS ymm0-15. */
  ymm: 0x4,
  /** VMOVUPS zmm0-15. */
  zmm: 0x40,
  /** VMOVUPS zmm16-31. */
  hi16Zmm: 0x80,
  /** KMOV k0-7. */
  opmask: 0x20,
  /** LDMXCSR of the image's MXCSR, reserved bits cleared. */
  ldmxcsr: 0x8,
  vzeroupper: 0x100,
  vzeroall: 0x200,
  /** VPXORD zmm16-31 with themselves. */
  vpxordHi16: 0x400,
  /** KXORW k0-7 with themselves. */
  kxorw: 0x800,
  fninit: 0x1000,
  emms: 0x2000,
  /** XORPS xmm0-15 with themselves. */
  xorps: 0x4000,
  /** FFREE st0-7. */
  ffree: 0x8000,
  /** FNINIT, FLDCW 37BH, FLD1, FDIV by zero: an unmasked exception stays pending (FSW.ES = 1). */
  pendingZeroDivide: 0x10,
} as const;

/** One execution. */
export interface OracleCase {
  readonly instruction: OracleInstruction;
  /** EDX:EAX. */
  readonly mask: bigint;
  /**
   * Registers beforehand: a standard-format image, loaded by XRSTOR64 with all of XCR0 (or the contents for
   * `moves`). Shorter than `areaBytes` is zero-extended; absent: everything in init, MXCSR 1F80H.
   */
  readonly state?: Uint8Array;
  /** The area beforehand: prefill of a save, image of a restore. Zero-extended to `areaBytes`. */
  readonly area: Uint8Array;
  /** Bytes by which the area's address misses a multiple of 64, 0..63. */
  readonly misalign?: number;
  /**
   * `xrstor` if absent. `same-area`: the preparing XRSTOR64 reads the very area, which integer stores then
   * change to `area` (modified optimisation of XSAVEOPT).
   */
  readonly loader?: OracleLoader;
  /** Bits of ORACLE_MOVES, for `moves`. */
  readonly moves?: number;
}

/** A fault of the instruction under test. */
export interface OracleFault {
  /** Exception vector: 6 #UD, 7 #NM, 13 #GP, 14 #PF, 17 #AC. */
  readonly vector: number;
  /** POSIX signal number: 4 SIGILL, 7 SIGBUS, 11 SIGSEGV. */
  readonly signal: number;
  /** `si_code`. */
  readonly code: number;
  readonly errorCode: number;
  /** `si_addr`: the linear address of a page fault, else 0. */
  readonly address: bigint;
}

/** What FNSTENV stored. FIP and FDP are their low 32 bits. */
export interface X87Environment {
  readonly fcw: number;
  readonly fsw: number;
  /** Full tag word. */
  readonly ftw: number;
  readonly fip: number;
  readonly fcs: number;
  readonly fop: number;
  readonly fdp: number;
  readonly fds: number;
}

/** Registers as read by FXSAVE64, vector stores, KMOV, RDPKRU and FNSTENV: views, made when asked for. */
export class OracleRegisters {
  readonly #bytes: Uint8Array;
  readonly #hello: OracleHello;

  /** For `Oracle` only. */
  constructor(bytes: Uint8Array, hello: OracleHello) {
    this.#bytes = bytes;
    this.#hello = hello;
  }

  /** 512 bytes of FXSAVE64: x87, MXCSR, MXCSR_MASK, XMM. Bytes 416-511 are not written by it and are 0. */
  get legacy(): Uint8Array {
    return this.#bytes.subarray(0, 512);
  }
  /** YMM0_H-YMM15_H, 256 bytes. */
  get avx(): Uint8Array | undefined {
    return this.component(2);
  }
  /** k0-k7, 64 bytes. Without AVX512BW only bits 15:0 of each were read. */
  get opmask(): Uint8Array | undefined {
    return this.component(5);
  }
  /** ZMM0_H-ZMM15_H, 512 bytes. */
  get zmmHi256(): Uint8Array | undefined {
    return this.component(6);
  }
  /** ZMM16-ZMM31, 1,024 bytes. */
  get hi16Zmm(): Uint8Array | undefined {
    return this.component(7);
  }
  /** PKRU in bytes 3:0, then four zero bytes. */
  get pkru(): Uint8Array | undefined {
    return this.component(9);
  }
  /**
   * A component's bytes in its own layout; 0 and 1: `legacy`. Undefined where this machine does not have it.
   * Components other than 0-2, 5-7 and 9 come from a separate XSAVE64, since nothing else reads them whole.
   */
  component(index: number): Uint8Array | undefined {
    const offset = this.#hello.registerOffsets.get(index);
    if (offset === undefined) return undefined;
    const size = index < 2 ? 512 : (this.#hello.components.find((row) => row.index === index)?.size ?? 0);
    return this.#bytes.subarray(offset, offset + size);
  }
  /**
   * FNSTENV, executed once and last, because it alters FCW. So it shows the x87 state after the instruction
   * under test, which for a save is the state before. Meaningless after a fault: the signal frame went through
   * the kernel's own save, which may drop the pointers.
   */
  get environment(): X87Environment {
    const at = 840;
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + at, 28);
    return {
      fcw: view.getUint16(0, true),
      fsw: view.getUint16(4, true),
      ftw: view.getUint16(8, true),
      fip: view.getUint32(12, true),
      fcs: view.getUint16(16, true),
      fop: view.getUint16(18, true) & 0x7ff,
      fdp: view.getUint32(20, true),
      fds: view.getUint16(24, true),
    };
  }
}

/** What one execution did. All byte arrays are views into the reply of its batch. */
export interface OracleResult {
  /** Null: no fault. */
  readonly fault: OracleFault | null;
  /** The preparing XRSTOR64 itself faulted (illegal state image): nothing else below means anything. */
  readonly loadFault: OracleFault | null;
  /** XGETBV(1) just before; null: CPU has no XGETBV(1). */
  readonly xinuseBefore: bigint | null;
  /** XGETBV(1) right after. */
  readonly xinuseAfter: bigint | null;
  /** XINUSE[1] proper just before, from a separate XSAVE64 with RFBM = 2 into scratch. */
  readonly xmmInUse: boolean;
  /** The same right after. */
  readonly xmmInUseAfter: boolean;
  /**
   * XINUSE of the user components before the instruction, bit 1 about XMM alone: XGETBV(1) corrected by
   * `xmmInUse`. Without XGETBV(1): XSTATE_BV of a separate XSAVE64 with all of XCR0.
   */
  readonly xinuse: bigint;
  /** The area afterwards, `areaBytes` long. */
  readonly area: Uint8Array;
  /** Saves: just before. Restores: after. */
  readonly registers: OracleRegisters;
  /** Just before. */
  readonly registersBefore: OracleRegisters;
  /** A save altered a register (must be false). */
  readonly registersChanged: boolean;
  /** The 128 bytes before the area and behind its `areaBytes` are as they were. */
  readonly guardsIntact: boolean;
  /** No context switch and no drift of XINUSE during the (last) attempt. If false, do not judge XINUSE. */
  readonly stable: boolean;
  /** How often it ran until it was stable. */
  readonly attempts: number;
  /** `moves` less what the CPU cannot do. */
  readonly movesDone: number;
  /** PKRU in `state` denied protection key 0, which would kill the process: its bits 1:0 were cleared. */
  readonly statePkruMasked: boolean;
  /** The same for PKRU in the image to restore; `area` shows the image as used. */
  readonly imagePkruMasked: boolean;
}

/** The machine, by the CPUID instruction and XGETBV(0). */
export interface OracleHello {
  readonly vendor: string;
  readonly brand: string;
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  readonly xcr0: bigint;
  /** XCR0 less components that the system did not permit this process to use (TILEDATA). */
  readonly permitted: bigint;
  /** CPUID.(0DH,1):EAX bits. */
  readonly xsaveopt: boolean;
  readonly xsavec: boolean;
  readonly xgetbv1: boolean;
  readonly xsaves: boolean;
  readonly xfd: boolean;
  /** CPUID 80000008H EBX bit 2 (AMD). */
  readonly xsaveerptr: boolean;
  /** CPUID.(7,0):EBX[6] and [13]. */
  readonly fdpExceptionOnly: boolean;
  readonly fcsFdsDeprecated: boolean;
  /** Leaf 0DH, sub-leaves 0..63: EAX, EBX, ECX, EDX. */
  readonly leafD: readonly (readonly [number, number, number, number])[];
  /** EAX, EBX, ECX, EDX of leaves 1, (7,0), (7,1), 80000008H. */
  readonly leaves: Readonly<Record<"1" | "7.0" | "7.1" | "80000008", readonly [number, number, number, number]>>;
  /** Rows of leaf 0DH for all components in XCR0 or enumerated as supervisor. */
  readonly components: readonly ComponentRow[];
  /** Length of every area and image: 4,096 or what the largest area needs. */
  readonly areaBytes: number;
  /** Length of a register block in replies, and where components lie in it. */
  readonly registerBytes: number;
  readonly registerOffsets: ReadonlyMap<number, number>;
}

/** A running oracle. */
export interface Oracle {
  readonly hello: OracleHello;
  /** Runs cases in order. Calls may overlap; each gets its own answers. */
  run(cases: readonly OracleCase[]): Promise<OracleResult[]>;
  /** Ends the process; resolves when it is gone. */
  close(): Promise<void>;
}

/** Whether this machine can run the oracle, or why not. */
export type OracleBuild =
  | { readonly available: true; readonly hello: OracleHello; start(): Oracle }
  | { readonly available: false; readonly reason: string };

/** The first C compiler of `$CC`, `cc`, `gcc`, `clang` that answers, or undefined. */
export function findCompiler(): string | undefined {
  return [process.env["CC"] ?? "", "cc", "gcc", "clang"].find(
    (name) => name !== "" && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
  );
}

/** The repository's root: the nearest folder upwards that holds `test/oracle/oracle.c`. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "test/oracle/oracle.c"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error("test/oracle/oracle.c not found above this module");
    folder = parent;
  }
  return folder;
}

/**
 * Compiles C text into `node_modules/.cache/xsavekit-oracle/`, keyed by its content, the compiler's arguments and
 * the CPU's name (-march=native); concurrent callers are safe. Returns the path of the result, or the compiler's message.
 */
export function compileCached(
  name: string,
  source: string,
  args: readonly string[],
  suffix = "",
): { readonly path: string } | { readonly reason: string } {
  const compiler = findCompiler();
  if (compiler === undefined) return { reason: "no C compiler (cc, gcc, clang) found" };
  const key = createHash("sha256")
    .update(JSON.stringify([compiler, args, process.arch, cpus()[0]?.model]))
    .update(source)
    .digest("hex");
  const folder = join(repositoryRoot(), "node_modules/.cache/xsavekit-oracle");
  const path = join(folder, `${name}-${key.slice(0, 32)}${suffix}`);
  if (existsSync(path)) return { path };
  const temporary = `${path}.${process.pid}.${Date.now()}.tmp`;
  try {
    mkdirSync(folder, { recursive: true });
    const compiled = spawnSync(compiler, [...args, "-x", "c", "-o", temporary, "-"], { input: source, encoding: "utf8" });
    if (compiled.status !== 0) {
      rmSync(temporary, { force: true });
      return { reason: `${name}: ${compiler} failed: ${compiled.error?.message ?? compiled.stderr.trim().slice(0, 2000)}` };
    }
    renameSync(temporary, path);
  } catch (error) {
    return { reason: `${name}: ${error instanceof Error ? error.message : String(error)}` };
  }
  return { path };
}

let built: OracleBuild | undefined;

/** Compiles the oracle (cached) and asks it about this CPU. Never throws; remembers the answer. */
export function buildOracle(): OracleBuild {
  built ??= build();
  return built;
}

function build(): OracleBuild {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { available: false, reason: `the oracle needs Linux on x86-64, this is ${process.platform} on ${process.arch}` };
  }
  const source = readFileSync(join(repositoryRoot(), "test/oracle/oracle.c"), "utf8");
  const compiled = compileCached("oracle", source, ["-std=c11", "-O2"]);
  if ("reason" in compiled) return { available: false, reason: compiled.reason };
  const probe = spawnSync(compiled.path, ["--hello"], { timeout: 10_000 });
  if (probe.status !== 0) {
    const text = probe.error?.message ?? probe.stderr.toString().trim();
    return { available: false, reason: text === "" ? `oracle ended with ${probe.signal ?? probe.status}` : text };
  }
  const hello = parseHello(probe.stdout);
  return { available: true, hello, start: () => new OracleProcess(compiled.path, hello) };
}

const HELLO_MAGIC = 0x484b5358;
const BATCH_MAGIC = 0x424b5358;
const REPLY_MAGIC = 0x524b5358;
const HELLO_BYTES = 184 + 64 * 4 + 64 * 16;
const REQUEST_HEADER = 64;
const REPLY_HEADER = 96;
/** Cases per batch on the wire: about 2 MiB. */
const BATCH_CASES = 256;

const LOADERS: readonly OracleLoader[] = ["xrstor", "moves", "same-area"];

function parseHello(bytes: Uint8Array): OracleHello {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  if (bytes.byteLength < HELLO_BYTES || u32(0) !== HELLO_MAGIC || u32(4) !== 1 || u32(8) !== HELLO_BYTES) {
    throw new Error("oracle: unexpected hello record");
  }
  const text = (offset: number, length: number): string =>
    new TextDecoder("latin1")
      .decode(bytes.subarray(offset, offset + length))
      .replace(/\0.*$/s, "")
      .trim();
  const four = (offset: number): readonly [number, number, number, number] => [
    u32(offset),
    u32(offset + 4),
    u32(offset + 8),
    u32(offset + 12),
  ];
  const leafD = Array.from({ length: 64 }, (_, i) => four(440 + 16 * i));
  const row = (i: number): readonly [number, number, number, number] => leafD[i] ?? [0, 0, 0, 0];
  const features = u32(48);
  const leaf7 = four(72);
  const leaf80000008 = four(104);
  const xcr0 = view.getBigUint64(32, true);
  const supervisors = (BigInt(row(1)[3]) << 32n) | BigInt(row(1)[2]);
  const components: ComponentRow[] = [];
  const registerOffsets = new Map<number, number>();
  for (let index = 0; index < 63; index++) {
    const offset = view.getInt32(184 + 4 * index, true);
    if (offset >= 0) registerOffsets.set(index, offset);
    if (index < 2 || (((xcr0 | supervisors) >> BigInt(index)) & 1n) === 0n) continue;
    const [size, standardOffset, flags] = row(index);
    const supervisor = (flags & 1) !== 0;
    components.push({
      index,
      size,
      standardOffset: supervisor ? undefined : standardOffset,
      supervisor,
      align64: (flags & 2) !== 0,
      xfd: (flags & 4) !== 0,
    });
  }
  return {
    vendor: text(120, 16),
    brand: text(136, 48),
    family: u32(20),
    model: u32(24),
    stepping: u32(28),
    xcr0,
    permitted: view.getBigUint64(40, true),
    xsaveopt: (features & 1) !== 0,
    xsavec: (features & 2) !== 0,
    xgetbv1: (features & 4) !== 0,
    xsaves: (features & 8) !== 0,
    xfd: (features & 16) !== 0,
    xsaveerptr: (leaf80000008[1] & 4) !== 0,
    fdpExceptionOnly: (leaf7[1] & (1 << 6)) !== 0,
    fcsFdsDeprecated: (leaf7[1] & (1 << 13)) !== 0,
    leafD,
    leaves: { "1": four(56), "7.0": leaf7, "7.1": four(88), "80000008": leaf80000008 },
    components,
    areaBytes: u32(12),
    registerBytes: u32(16),
    registerOffsets,
  };
}

interface Pending {
  readonly cases: readonly OracleCase[];
  readonly resolve: (results: OracleResult[]) => void;
  readonly reject: (error: Error) => void;
}

/** The child process behind an `Oracle`. Replies come in the order of the requests. */
class OracleProcess implements Oracle {
  readonly hello: OracleHello;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #pending: Pending[] = [];
  readonly #closed: Promise<void>;
  #stderr = "";
  #failure: Error | undefined;
  #closing = false;
  /** What is being received: first the hello, then per batch a header and a body. */
  #stage: "hello" | "header" | "body" = "hello";
  #buffer: Uint8Array;
  #filled = 0;

  constructor(path: string, hello: OracleHello) {
    this.hello = hello;
    this.#buffer = new Uint8Array(HELLO_BYTES);
    this.#child = spawn(path, [], { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-4096);
    });
    this.#child.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#child.stdin.on("error", () => {}); // EPIPE: `close` below names the cause
    this.#child.on("error", (error) => this.#fail(new Error(`oracle: cannot run ${path}: ${error.message}`)));
    this.#closed = new Promise((resolve) => {
      this.#child.on("close", (code, signal) => {
        const how = signal === null ? `exit status ${code}` : `signal ${signal}`;
        const said = this.#stderr.trim();
        this.#fail(new Error(`oracle: process ended with ${how}${said === "" ? "" : `: ${said}`}`));
        resolve();
      });
    });
  }

  async run(cases: readonly OracleCase[]): Promise<OracleResult[]> {
    const parts: Promise<OracleResult[]>[] = [];
    for (let start = 0; start < cases.length; start += BATCH_CASES) {
      const answer = this.#send(cases.slice(start, start + BATCH_CASES));
      answer.catch(() => {}); // awaited below; a later part may fail first
      parts.push(answer);
      // Two batches in flight keep both processes busy without holding a whole run in pipe buffers.
      if (parts.length >= 2) await parts[parts.length - 2];
    }
    return (await Promise.all(parts)).flat();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#child.stdin.end();
    await this.#closed;
  }

  #send(cases: readonly OracleCase[]): Promise<OracleResult[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined || this.#closing) {
        reject(this.#failure ?? new Error("oracle: closed"));
        return;
      }
      const request = encodeBatch(cases, this.hello);
      this.#pending.push({ cases, resolve, reject });
      this.#child.stdin.write(request);
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const pending of this.#pending.splice(0)) pending.reject(this.#failure);
  }

  #receive(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0 && this.#failure === undefined) {
      const taken = rest.subarray(0, this.#buffer.length - this.#filled);
      this.#buffer.set(taken, this.#filled);
      this.#filled += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#filled === this.#buffer.length) this.#complete();
    }
  }

  #complete(): void {
    const bytes = this.#buffer;
    this.#filled = 0;
    if (this.#stage === "hello") {
      this.#stage = "header";
    } else if (this.#stage === "header") {
      const view = new DataView(bytes.buffer);
      const total = Number(view.getBigUint64(8, true));
      if (view.getUint32(0, true) !== REPLY_MAGIC || view.getUint32(4, true) !== this.#pending[0]?.cases.length) {
        this.#child.kill();
        this.#fail(new Error("oracle: reply out of step"));
        return;
      }
      if (total > 0) {
        this.#stage = "body";
        this.#buffer = new Uint8Array(total);
        return;
      }
      this.#pending.shift()?.resolve([]);
    } else {
      this.#stage = "header";
      const pending = this.#pending.shift();
      if (pending !== undefined) pending.resolve(decodeBatch(bytes, pending.cases.length, this.hello));
    }
    this.#buffer = new Uint8Array(16);
  }
}

function encodeBatch(cases: readonly OracleCase[], hello: OracleHello): Uint8Array {
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

function decodeBatch(bytes: Uint8Array, count: number, hello: OracleHello): OracleResult[] {
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
