/** A thread that runs the jobs of `each-file.ts`, this one or another; a crash of it fails the files it had, no others. */

import { Worker } from "node:worker_threads";
import type { FileJob, FileResult } from "./each-file.ts";
import type { JobAnswer, JobOrder } from "./job-worker.ts";

/** An error that came from another thread, with its `diagnostics`, which say file, place and remedy. */
class JobError extends Error {
  readonly diagnostics?: readonly unknown[];

  constructor(message: string, diagnostics: readonly unknown[] | undefined) {
    super(message);
    if (diagnostics) this.diagnostics = diagnostics;
  }
}

export class JobThread<Options, Result> {
  readonly #module: URL;
  readonly #options: Options;
  readonly #where: "this thread" | "another thread";
  #worker: Worker | undefined;
  /** Files given and not answered, in order. */
  #given: { readonly file: string; readonly answer: (result: FileResult<Result>) => void }[] = [];

  constructor(module: URL, options: Options, where: "this thread" | "another thread") {
    this.#module = module;
    this.#options = options;
    this.#where = where;
  }

  /** Files that are not answered yet. */
  get pending(): number {
    return this.#given.length;
  }

  /** Does one file after those before. Never rejects. */
  run(file: string): Promise<FileResult<Result>> {
    if (this.#where === "this thread") return this.#runHere(file);
    return new Promise((answer) => {
      this.#given.push({ file, answer });
      this.#worker ??= this.#start();
      this.#worker.postMessage({ file } satisfies JobOrder);
    });
  }

  async end(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #runHere(file: string): Promise<FileResult<Result>> {
    try {
      const { run } = (await import(this.#module.href)) as { run: FileJob<Options, Result> };
      return { file, value: await run(file, this.#options) };
    } catch (error) {
      return { file, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL("./job-worker.js", import.meta.url), {
      workerData: { module: this.#module.href, options: this.#options },
    });
    worker.on("message", (answer: JobAnswer<Result>) => {
      const given = this.#given.shift();
      if (!given) return;
      const { file } = given;
      given.answer(
        "value" in answer ? { file, value: answer.value } : { file, error: new JobError(answer.message, answer.diagnostics) },
      );
    });
    let cause = "it ended";
    worker.on("error", (error) => (cause = error.message));
    // Out of memory, for one. The file it had is lost, the others go to a new thread.
    worker.on("exit", () => {
      this.#worker = undefined;
      const [failed, ...others] = this.#given;
      this.#given = [];
      failed?.answer({ file: failed.file, error: new Error(`${failed.file}: the thread that read it failed: ${cause}`) });
      for (const { file, answer } of others) void this.run(file).then(answer);
    });
    return worker;
  }
}
