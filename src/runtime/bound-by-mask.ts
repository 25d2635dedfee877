/** What was bound for instruction masks in two words, without allocating once it is there: the gate asks on every NMI. */

/** Slots of the table of masks that were used last. */
const SLOTS = 64;

interface Entry<Bound> {
  readonly low: number;
  readonly high: number;
  readonly bound: Bound;
}

/** Binds once per mask. A direct-mapped table comes first: a `Map` costs more than the gate. */
export class BoundByMask<Bound> {
  // `declare` and not `#`: see NmiGate.
  declare private readonly bind: (low: number, high: number) => Bound;
  declare private readonly all: Map<number, Map<number, Entry<Bound>>>;
  declare private readonly latest: (Entry<Bound> | undefined)[];

  /** `bind` gets the words of a mask unsigned. */
  constructor(bind: (low: number, high: number) => Bound) {
    this.bind = bind;
    this.all = new Map();
    this.latest = Array.from({ length: SLOTS }, () => undefined);
  }

  /** What is bound for a mask, in signed or unsigned words; binds it if nobody asked before. Throws what binding throws. */
  get(maskLow: number, maskHigh: number): Bound {
    const low = maskLow | 0;
    const high = maskHigh | 0;
    const entry = this.latest[slotOf(low, high)];
    return entry !== undefined && entry.low === low && entry.high === high ? entry.bound : this.find(low, high);
  }

  private find(low: number, high: number): Bound {
    let byHigh = this.all.get(high);
    if (!byHigh) this.all.set(high, (byHigh = new Map()));
    let entry = byHigh.get(low);
    if (!entry) byHigh.set(low, (entry = { low, high, bound: this.bind(low >>> 0, high >>> 0) }));
    this.latest[slotOf(low, high)] = entry;
    return entry.bound;
  }
}

function slotOf(low: number, high: number): number {
  return (low ^ (low >>> 6) ^ (low >>> 13) ^ high) & (SLOTS - 1);
}
