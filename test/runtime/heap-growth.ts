/** How much the heap grows over many calls. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
/** Collects all garbage. */
export const gc = runInNewContext("gc") as () => void;

/**
 * Bytes by which the heap grows over `count` calls, once they are compiled. Of five tries the first below `most`, else
 * the least: what V8 makes once (code, feedback) is no allocation of theirs, and comes when it likes.
 */
export async function heapGrowth(count: number, most: number, act: (i: number) => void): Promise<number> {
  // Until optimised code is installed, every element move makes a BigInt.
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 3000; i++) act(i);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  let least = Infinity;
  for (let attempt = 0; attempt < 5 && least >= most; attempt++) {
    for (let i = 0; i < count; i++) act(i);
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < count; i++) act(i);
    least = Math.min(least, process.memoryUsage().heapUsed - before);
  }
  return least;
}
