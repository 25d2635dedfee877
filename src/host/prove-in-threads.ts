/**
 * Prints and proves modules on other threads while this one reads models and renders. That is the half of a generation
 * that needs ts-morph, which takes a third of a second to load: other threads do so while models are read, this one never.
 */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import { type DraftOptions, type DraftedModule, moduleDrafter } from "../generator/draft-module.ts";
import type { PlannedModule } from "../generator/plan-generation.ts";
import type { BuiltModule } from "../generator/prove-module.ts";

/** What a thread answers to a list of drafts. */
export type ProofAnswer = { readonly built: readonly BuiltModule[] } | { readonly failed: string };

/** More threads than this wait for drafts. */
const MOST_THREADS = 3;
/** Modules that are sent at once: each message costs, and the last one is waited for. */
const BATCH = 8;

/** Threads that load ts-morph and wait for drafts. Whoever starts them ends them. */
export class ProofThreads {
  readonly #workers: readonly Worker[];

  /** `many`: there is enough to do for more than this thread. None when run from TypeScript sources, which Node 20 cannot load. */
  constructor(many: boolean) {
    const count = !many || import.meta.url.endsWith(".ts") ? 0 : Math.min(Math.max(availableParallelism() - 1, 1), MOST_THREADS);
    this.#workers = Array.from({ length: count }, () => new Worker(new URL("./prove-worker.js", import.meta.url)));
  }

  /** Renders, prints and proves all modules. Throws the first failure. */
  async build(options: DraftOptions, modules: readonly PlannedModule[]): Promise<BuiltModule[]> {
    const draft = moduleDrafter(options);
    if (this.#workers.length === 0) {
      const { moduleProver } = await import("../generator/prove-module.ts");
      const prove = moduleProver();
      return modules.map((module) => prove(draft(module)));
    }
    // The longest first, so that no thread is left with one at the end.
    const ordered = modules.toSorted((a, b) => b.specs.length - a.specs.length);
    const sent = this.#workers.map(() => 0);
    for (let start = 0; start < ordered.length; start += BATCH) {
      const drafts = ordered.slice(start, start + BATCH).map(draft);
      const to = (start / BATCH) % this.#workers.length;
      this.#workers[to]?.postMessage(drafts satisfies readonly DraftedModule[]);
      sent[to] = (sent[to] ?? 0) + 1;
    }
    const answers = await Promise.all(this.#workers.map((worker, i) => answersOf(worker, sent[i] ?? 0)));
    return answers.flat();
  }

  async end(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** As many answers as lists of drafts were sent. None comes before somebody listens. */
function answersOf(worker: Worker, count: number): Promise<BuiltModule[]> {
  const built: BuiltModule[] = [];
  let left = count;
  return new Promise((resolve, reject) => {
    if (left === 0) resolve(built);
    worker.on("error", reject);
    worker.on("message", (answer: ProofAnswer) => {
      if ("failed" in answer) reject(new Error(answer.failed));
      else built.push(...answer.built);
      if (--left === 0) resolve(built);
    });
  });
}
