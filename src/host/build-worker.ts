/** The other end of `build-in-threads.ts`: builds modules until none is left, and sends them back. */

import { parentPort } from "node:worker_threads";

import { moduleBuilder } from "../generator/generate.ts";
import { type BuildOrder, buildRemaining } from "./build-in-threads.ts";

parentPort?.once("message", (order: BuildOrder) => {
  try {
    parentPort?.postMessage({ built: buildRemaining(order, moduleBuilder(order)) });
  } catch (error) {
    parentPort?.postMessage({ failed: error instanceof Error ? error.message : String(error) });
  }
});
