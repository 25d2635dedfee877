/** Runs the built command: in a thread that stays, since starting Node costs more than most verbs, or as a process. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from "node:worker_threads";
import type { Outcome } from "./command-worker.ts";

export const MAIN: string = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

export const REPOSITORY: string = fileURLToPath(new URL("../../", import.meta.url));
export const AIDA_DUMP = "test/dumps/fixtures/aida-two-cpus.txt";
export const CPUID_R_DUMP = "test/dumps/fixtures/cpuid-r.txt";

/** As a process of its own: what streams, signals, the environment or the exit code of the process matter for. */
export function xsavekitProcess(
  args: readonly string[],
  input: string | Uint8Array = "",
  env: NodeJS.ProcessEnv = process.env,
): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: REPOSITORY,
    input,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { code: status, out: stdout, err: stderr };
}

let thread: { readonly port: MessagePort; readonly done: Int32Array } | undefined;

function startThread(): { readonly port: MessagePort; readonly done: Int32Array } {
  const done = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("../../dist/test/cli/command-worker.js", import.meta.url), {
    workerData: { done, port: port2 },
    transferList: [port2],
  });
  worker.unref();
  port1.unref();
  return { port: port1, done };
}

/** The same in this process's thread for commands; relative paths are the repository's. */
export function xsavekit(args: readonly string[], input: string | Uint8Array = ""): Outcome {
  if (!existsSync(MAIN)) throw new Error(`no ${MAIN}: run \`npm run build\` first`);
  if (`${process.cwd()}/` !== REPOSITORY) throw new Error(`run the tests in ${REPOSITORY}, not in ${process.cwd()}`);
  thread ??= startThread();
  Atomics.store(thread.done, 0, 0);
  thread.port.postMessage([args, input]);
  if (Atomics.wait(thread.done, 0, 0, 100_000) === "timed-out") throw new Error(`xsavekit ${args.join(" ")} does not end`);
  const outcome: Outcome | undefined = receiveMessageOnPort(thread.port)?.message;
  if (!outcome) throw new Error(`xsavekit ${args.join(" ")} gave nothing`);
  return outcome;
}

/** Runs with `--json` and gives the exit code and the value. */
export function xsavekitJson(args: readonly string[], input: string | Uint8Array = ""): { code: number | null; value: any } {
  const { code, out, err } = xsavekit([...args, "--json"], input);
  if (err !== "") throw new Error(err);
  return { code, value: JSON.parse(out) };
}
