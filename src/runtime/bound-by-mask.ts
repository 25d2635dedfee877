/** What was bound for instruction masks in two words, without allocating once it is there: the gate asks on every NMI. */

import { maskOf } from "../isa/feature-mask.ts";

/** Binds once per mask; the latest answer is remembered, since most gates see one mask. */
export class BoundByMask<Bound> {
  readonly #bind: (mask: bigint) => Bound;
  readonly #bound = new Map<number, Map<number, Bound>>();
  #lastLow = 0;
  #lastHigh = 0;
  #last: Bound | undefined;

  constructor(bind: (mask: bigint) => Bound) {
    this.#bind = bind;
  }

  /** What is bound for a mask; binds it if nobody asked before. Throws what binding throws. */
  get(low: number, high: number): Bound {
    if (this.#last !== undefined && this.#lastLow === low && this.#lastHigh === high) return this.#last;
    let byHigh = this.#bound.get(high);
    if (!byHigh) this.#bound.set(high, (byHigh = new Map()));
    let found = byHigh.get(low);
    if (found === undefined) byHigh.set(low, (found = this.#bind(maskOf(low, high))));
    this.#lastLow = low;
    this.#lastHigh = high;
    this.#last = found;
    return found;
  }
}
