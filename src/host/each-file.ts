/**
 * One job for each of many files: results in the order of the names, a failure in the place of its file, worker threads
 * once there are more files than it takes to start them.
 */

import { availableParallelism } from "node:os";
import { JobThread } from "./job-thread.ts";

/**
 * What a job's module exports as `run`: does the work for one file. Options and result pass between threads, so they
 * are plain data; iterators in the result become lists where they pass.
 */
export type FileJob<Options, Result> = (file: string, options: Options) => Promise<Result>;

/** What became of a file. */
export type FileResult<Result> =
  | { readonly file: string; readonly value: Result }
  | { readonly file: string; readonly error: Error };

/** Files that this thread does itself; starting another costs as much as about so many. */
const FILES_WITHOUT_THREADS = 8;
/** More threads wait for the disk, and each has its own copy of all code. */
const MOST_THREADS = 8;
/** Files under way for each thread, so that a slow one does not hold up the others at once. */
const AHEAD = 4;

/**
 * Runs the job of `module` (its URL) over the names, as they come. A result is given as soon as it is there and all
 * before it are: a producer that waits for an answer before the next name gets it.
 */
export async function* eachFile<Options, Result>(
  names: Iterable<string> | AsyncIterable<string>,
  module: URL,
  options: Options,
): AsyncGenerator<FileResult<Result>> {
  const threads: JobThread<Options, Result>[] = [];
  const here = new JobThread<Options, Result>(module, options, "this thread");
  const source = Symbol.asyncIterator in names ? names[Symbol.asyncIterator]() : names[Symbol.iterator]();
  const running: Promise<FileResult<Result>>[] = [];
  let started = 0;
  const start = (file: string): Promise<FileResult<Result>> => {
    if (started++ < FILES_WITHOUT_THREADS || threadCount() < 2) return here.run(file);
    if (threads.length < threadCount()) threads.push(new JobThread(module, options, "another thread"));
    return least(threads).run(file);
  };
  const pull = (): Promise<IteratorResult<string>> => {
    const pulled = Promise.resolve(source.next());
    // It may fail before it is awaited.
    pulled.catch(() => undefined);
    return pulled;
  };
  try {
    let next: Promise<IteratorResult<string>> | undefined = pull();
    while (next || running.length > 0) {
      const [head] = running;
      const full = running.length >= Math.max(threads.length * AHEAD, 1);
      const arrived: IteratorResult<string> | undefined =
        next && !full ? await Promise.race([next, ...(head ? [head.then(() => undefined)] : [])]) : undefined;
      if (arrived?.done === true) next = undefined;
      else if (arrived) {
        running.push(start(arrived.value));
        next = pull();
      } else if (head) {
        running.shift();
        yield await head;
      }
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

/** Node 20 cannot load TypeScript into a thread. */
function threadCount(): number {
  return import.meta.url.endsWith(".ts") ? 1 : Math.min(availableParallelism(), MOST_THREADS);
}

function least<T extends { readonly pending: number }>(threads: readonly T[]): T {
  return threads.reduce((best, thread) => (thread.pending < best.pending ? thread : best));
}
