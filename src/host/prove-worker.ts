/** The other end of `prove-in-threads.ts`: prints and proves modules, and sends them back. */

import { parentPort } from "node:worker_threads";

import type { DraftedModule } from "../generator/draft-module.ts";
import { moduleProver } from "../generator/prove-module.ts";
import type { ProofAnswer } from "./prove-in-threads.ts";

const prove = moduleProver();

parentPort?.on("message", (drafts: readonly DraftedModule[]) => {
  parentPort?.postMessage(answerTo(drafts));
});

function answerTo(drafts: readonly DraftedModule[]): ProofAnswer {
  try {
    return { built: drafts.map(prove) };
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
