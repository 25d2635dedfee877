/**
 * Builds modules of savers on several threads. Rendering, parsing and proving are most of a generation and every
 * module stands alone; a thread has its own ts-morph, which takes a third of a second to load, so threads are started
 * before the models are read.
 */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import type { BuildOptions, BuiltModule } from "../generator/generate.ts";
import type { PlannedModule } from "../generator/plan-generation.ts";

/** What a thread is told. */
export interface BuildOrder extends BuildOptions {
  readonly modules: readonly PlannedModule[];
  /** Number of the next module that nobody builds yet; shared by all threads. */
  readonly next: Int32Array;
}

type Answer = { readonly built: readonly BuiltModule[] } | { readonly failed: string };

/** More threads than this wait for the models to be read. */
const MOST_THREADS = 4;

/** Builds what no other thread has taken. */
export function buildRemaining(order: BuildOrder, build: (module: PlannedModule) => BuiltModule): BuiltModule[] {
  const built: BuiltModule[] = [];
  for (;;) {
    const module = order.modules[Atomics.add(order.next, 0, 1)];
    if (!module) return built;
    built.push(build(module));
  }
}

/** Threads that load the generator and wait for an order. Whoever starts them ends them. */
export class BuildThreads {
  readonly #workers: readonly Worker[];

  /** `many`: there is enough to do for more than this thread. None when run from TypeScript sources, which Node 20 cannot load. */
  constructor(many: boolean) {
    const count = !many || import.meta.url.endsWith(".ts") ? 0 : Math.min(availableParallelism(), MOST_THREADS) - 1;
    this.#workers = Array.from({ length: count }, () => new Worker(new URL("./build-worker.js", import.meta.url)));
  }

  /** Builds all modules, on this thread too. Throws the first failure. */
  async build(options: BuildOptions, modules: readonly PlannedModule[]): Promise<BuiltModule[]> {
    // The longest first, so that no thread is left with one at the end.
    const ordered = modules.toSorted((a, b) => b.specs.length - a.specs.length);
    const next = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const order: BuildOrder = { ...options, modules: ordered, next };
    const answers = Promise.all(this.#workers.map((worker) => answerOf(worker, order)));
    // A failure may come before it is awaited below.
    answers.catch(() => undefined);
    const { moduleBuilder } = await import("../generator/index.ts");
    const built = buildRemaining(order, moduleBuilder(options));
    return [...built, ...(await answers).flat()];
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

async function answerOf(worker: Worker, order: BuildOrder): Promise<readonly BuiltModule[]> {
  const answer = await new Promise<Answer>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.postMessage(order);
  });
  if ("failed" in answer) throw new Error(answer.failed);
  return answer.built;
}
