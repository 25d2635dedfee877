/** What was bound for instruction masks in two words, without allocating once it is there: the gate asks on every NMI. */

/** Chains of masks. A `Map` costs more than the gate. */
const CHAINS = 64;

interface Entry<Bound> {
  readonly low: number;
  readonly high: number;
  readonly bound: Bound;
  readonly next: Entry<Bound> | undefined;
}

/** Binds once per mask. */
export class BoundByMask<Bound> {
  // `declare` and not `#`: see NmiGate.
  declare private readonly bind: (low: number, high: number) => Bound;
  declare private readonly chains: (Entry<Bound> | undefined)[];

  /** `bind` gets the words of a mask unsigned. */
  constructor(bind: (low: number, high: number) => Bound) {
    this.bind = bind;
    this.chains = Array.from({ length: CHAINS }, () => undefined);
  }

  /** What is bound for a mask, in signed or unsigned words; binds it if nobody asked before. Throws what binding throws. */
  get(maskLow: number, maskHigh: number): Bound {
    const low = maskLow | 0;
    const high = maskHigh | 0;
    const chain = (low ^ (low >>> 6) ^ (low >>> 13) ^ high) & (CHAINS - 1);
    let entry = this.chains[chain];
    while (entry !== undefined) {
      if (entry.low === low && entry.high === high) return entry.bound;
      entry = entry.next;
    }
    return this.add(chain, low, high);
  }

  private add(chain: number, low: number, high: number): Bound {
    const bound = this.bind(low >>> 0, high >>> 0);
    this.chains[chain] = { low, high, bound, next: this.chains[chain] };
    return bound;
  }
}
