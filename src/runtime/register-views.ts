/** Views of register files as generated savers want them, and the shared copies bound to them. */

import { lbrBytes } from "../isa/lbr.ts";
import { X87_CONTROL_SIZE } from "../isa/xsave-area.ts";
import type { AreaMemory } from "./arena.ts";
import { BoundRegions } from "./bound-regions.ts";
import type { BoundSave, RegionCopy, RegisterViews, SaverForm } from "./generated-v1.ts";
import type { Processors } from "./processors.ts";

const allViews = new WeakMap<Processors, RegisterViews>();
const viewsOfOne = new WeakMap<Processors, Map<number, RegisterViews>>();

/**
 * Views of all processors of a set; with `only` of that one, for savers bound to a place. Made once and kept. Throws
 * RangeError for a processor that does not exist.
 */
export function registerViews(processors: Processors, only?: number): RegisterViews {
  if (only === undefined) {
    let found = allViews.get(processors);
    if (!found) allViews.set(processors, (found = makeViews(processors, 0, processors.count)));
    return found;
  }
  if (!Number.isInteger(only) || only < 0 || only >= processors.count) throw outside(only, 0, processors.count);
  let byNumber = viewsOfOne.get(processors);
  if (!byNumber) viewsOfOne.set(processors, (byNumber = new Map()));
  let found = byNumber.get(only);
  if (!found) byNumber.set(only, (found = makeViews(processors, only, only + 1)));
  return found;
}

/** Least 2^n - 1 that holds 0 .. count - 1. */
function maskFor(count: number): number {
  return count <= 1 ? 0 : 2 ** Math.ceil(Math.log2(count)) - 1;
}

function outside(processor: number, first: number, end: number): RangeError {
  return new RangeError(`"processor" expected ${first}..${end - 1}, got ${processor}`);
}

function makeViews(processors: Processors, first: number, end: number): RegisterViews {
  const { u8, count, blockSize } = processors;
  const { buffer } = u8;
  const origin = first * blockSize;
  const initial = count - first;
  const held = end - first;
  const views: RegisterViews = {
    i32: new Int32Array(buffer, origin),
    b64: new BigUint64Array(buffer, origin),
    initial,
    initialBase: initial * blockSize,
    blockSize,
    blockMask: maskFor(end - first),
    base(processor: number): number {
      const block = processor - first;
      if (block >>> 0 !== block || block >= held) throw outside(processor, first, end);
      return block * blockSize;
    },
    views(offset: number, length: number): readonly Uint8Array[] {
      return Array.from({ length: initial + 1 }, (_, block) => {
        const start = origin + block * blockSize + offset;
        return u8.subarray(start, start + length);
      });
    },
    lbrViews(offset: number): readonly Uint8Array[] {
      return Array.from({ length: (end - first) * 64 }, (_, index) => {
        const start = origin + (index >> 6) * blockSize + offset;
        return u8.subarray(start, start + lbrBytes(index));
      });
    },
    copy: (region, areas) => copies.bound(region, areas, views),
  };
  const copies = new BoundRegions(copyBySet);
  return views;
}

const boundForms = new WeakMap<RegisterViews, WeakMap<AreaMemory, Map<SaverForm, BoundSave>>>();

/** A saver bound to register files and memory. Who asks again gets the same: a second closure of its text makes both slower. */
export function boundForm(form: SaverForm, registers: RegisterViews, areas: AreaMemory): BoundSave {
  let byAreas = boundForms.get(registers);
  if (!byAreas) boundForms.set(registers, (byAreas = new WeakMap()));
  let byForm = byAreas.get(areas);
  if (!byForm) byAreas.set(areas, (byForm = new Map()));
  let found = byForm.get(form);
  if (!found) byForm.set(form, (found = form.bind(registers, areas)));
  return found;
}

function copyBySet(region: RegionCopy, registers: RegisterViews, areas: AreaMemory): BoundSave {
  const { u8, i32, offsetMask } = areas;
  const { i32: r, blockMask, blockSize } = registers;
  const { x87Pointers = "saved", storeControl } = region;
  const control = storeControl ? X87_CONTROL_SIZE : 0;
  const at = region.at + control;
  const views = registers.views(at, region.length - control);
  return (processor, offset) => {
    const block = processor & blockMask;
    const place = offset & offsetMask;
    storeControl?.(r, (block * blockSize) >> 2, i32, place >> 2, x87Pointers, undefined);
    u8.set(views[block]!, place + at);
  };
}
