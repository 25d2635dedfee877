/** The other end of `job-thread.ts`: runs a job over each file that it is sent, one after the other. */

import { parentPort, workerData } from "node:worker_threads";
import type { FileJob } from "./each-file.ts";

/** What comes. */
export interface JobOrder {
  readonly file: string;
}

/** What goes back, in the order of the orders. */
export type JobAnswer<Result> =
  | { readonly value: Result }
  | { readonly message: string; readonly diagnostics: readonly unknown[] | undefined };

const { module, options } = workerData as { module: string; options: unknown };
let before: Promise<void> = Promise.resolve();

parentPort?.on("message", ({ file }: JobOrder) => {
  before = before.then(async () => parentPort?.postMessage(await answer(file)));
});

async function answer(file: string): Promise<JobAnswer<unknown>> {
  try {
    const { run } = (await import(module)) as { run: FileJob<unknown, unknown> };
    return { value: drained(await run(file, options)) };
  } catch (error) {
    const diagnostics = error instanceof Error && "diagnostics" in error ? (error.diagnostics as unknown[]) : undefined;
    return { message: error instanceof Error ? error.message : String(error), diagnostics };
  }
}

/** Iterators in a result made lists: what passes between threads is plain data. */
function drained(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Symbol.iterator in value && "next" in value) return [...(value as IterableIterator<unknown>)];
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, drained(member)]));
}
