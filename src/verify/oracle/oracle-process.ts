/** The running oracle: batches of cases to its standard input, replies from its standard output. */

import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { OracleCase } from "./oracle-case.ts";
import { HELLO_BYTES, type OracleHello } from "./oracle-hello.ts";
import type { OracleResult } from "./oracle-result.ts";
import { decodeBatch, encodeBatch, isReplyHeader } from "./oracle-records.ts";

/** Cases per batch on the wire: about 2 MiB. */
const BATCH_CASES = 256;

interface Pending {
  readonly cases: readonly OracleCase[];
  readonly resolve: (results: OracleResult[]) => void;
  readonly reject: (error: Error) => void;
}

/** The child process that executes the cases. Replies come in the order of the requests. */
export class OracleProcess {
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

  /** Runs cases in order. Calls may overlap; each gets its own answers. */
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

  /** Ends the process; resolves when it is gone. */
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
      if (!isReplyHeader(view, this.#pending[0]?.cases.length)) {
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
