/** Runs command lines one after another in a thread: `run-cli.ts` waits for each. */

import { Readable } from "node:stream";
import { type MessagePort, workerData } from "node:worker_threads";
import { runCommand } from "../../src/cli/run-command.ts";

/** What a command line gave. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const { done, port } = workerData as { done: Int32Array; port: MessagePort };

async function run(args: readonly string[], input: string | Uint8Array): Promise<Outcome> {
  const written: { out: Buffer[]; err: Buffer[] } = { out: [], err: [] };
  const into = (pieces: Buffer[]) => (piece: string | Uint8Array) => pieces.push(Buffer.from(piece as string)) > 0;
  process.stdout.write = into(written.out) as typeof process.stdout.write;
  process.stderr.write = into(written.err) as typeof process.stderr.write;
  Object.defineProperty(process, "stdin", {
    value: Readable.from([Buffer.from(input as Uint8Array)], { objectMode: false }),
    configurable: true,
  });
  process.exitCode = undefined;
  const code = await runCommand(args);
  return { code, out: Buffer.concat(written.out).toString(), err: Buffer.concat(written.err).toString() };
}

function tell(outcome: Outcome): void {
  port.postMessage(outcome);
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
}

port.on("message", ([args, input]: [readonly string[], string | Uint8Array]) => void run(args, input).then(tell));
// Where a process would end, with Node's exit code for it.
process.on("uncaughtException", (error) => tell({ code: 7, out: "", err: String(error.stack) }));
