/** Views of areas by place, for restores. */

import type { AreaMemory } from "./arena.ts";
import type { Run } from "./restore-routine.ts";

/** Areas start at multiples of 64; one page of the table covers 512 of these. */
const PAGE_BITS = 9;
const PAGE = 1 << PAGE_BITS;

/**
 * Views of the same runs in areas at any place. `set` wants its source as a view, and making one costs 22 ns and
 * garbage (measured, Node 20): so a place's views are made when it is first restored from, and kept.
 */
export class AreaPlaces {
  readonly #areas: AreaMemory;
  readonly #runs: readonly Run[];
  readonly #pages: (readonly Uint8Array[] | undefined)[][];

  constructor(areas: AreaMemory, runs: readonly Run[]) {
    this.#areas = areas;
    this.#runs = runs;
    this.#pages = Array.from({ length: (areas.end >>> (PAGE_BITS + 6)) + 1 }, () => []);
  }

  /** The views of the area at `offset`, in the order of the runs. The place must be one that the memory accepts. */
  at(offset: number): readonly Uint8Array[] {
    const page = this.#pages[offset >>> (PAGE_BITS + 6)]!;
    const views = page.length === 0 ? undefined : page[(offset >>> 6) & (PAGE - 1)];
    return views === undefined ? this.#make(offset, page) : views;
  }

  #make(offset: number, page: (readonly Uint8Array[] | undefined)[]): readonly Uint8Array[] {
    if (page.length === 0) for (let i = 0; i < PAGE; i++) page.push(undefined);
    const { u8 } = this.#areas;
    const views = this.#runs.map(([start, length]) => u8.subarray(offset + start, offset + start + length));
    page[(offset >>> 6) & (PAGE - 1)] = views;
    return views;
  }
}
