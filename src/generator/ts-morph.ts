/**
 * ts-morph, and TypeScript's compiler in it, by `require`: what is imported as an ES module is read once more for the
 * names that it exports, and these are 13 MB: 0.3 of 0.7 s that loading took.
 */

import { createRequire } from "node:module";
import type * as TsMorph from "ts-morph";

const loaded = createRequire(import.meta.url)("ts-morph") as typeof TsMorph;

export const printNode: typeof TsMorph.printNode = loaded.printNode;
/** The compiler itself; its types are `ts` of ts-morph. */
export const compiler: typeof TsMorph.ts = loaded.ts;
