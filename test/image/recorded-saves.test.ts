/** Areas that CPUs and emulators wrote, decoded: the registers that other instructions had read beforehand. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { decodeImage, holdsInitial } from "../../src/image/index.ts";
import { registerRanges } from "../../src/image/register-state.ts";
import { cpuOfRecord } from "../../src/verify/cpu-of-record.ts";
import { readVectors, type SaveRecord } from "../../src/verify/vector-record.ts";

const shared = new URL("../../../shared/vectors/", import.meta.url);
const hasShared = existsSync(shared);
if (!hasShared)
  console.log("the full sets of recorded executions are not there: skipped, only test/verify/sample.jsonl is decoded");

const bit = (mask: bigint, index: number): boolean => ((mask >> BigInt(index)) & 1n) === 1n;

/** FOP, FIP and FDP are zeros in AMD's images, whatever the registers hold. */
const isPointer = (index: number, offset: number): boolean => index === 0 && offset >= 6 && offset < 24;

/** Components compared; 0 where the record says nothing about the area. */
function decodedAsRecorded(record: SaveRecord): number {
  const { after, instruction, rfbm, state: registers } = record;
  // The modified optimisation leaves bytes that were never registers.
  if (record.fault !== undefined || record.restoredFromThisArea) return 0;
  const compacted = instruction === "XSAVEC64" || instruction === "XSAVES64";
  // XSAVE keeps an old XCOMP_BV: no restore would take such an area.
  if (!compacted && after.subarray(520, 536).some((byte) => byte !== 0)) return 0;
  const rows = cpuOfRecord(record).components.filter(({ index }) => compacted || bit(rfbm, index));
  const { state, layout } = decodeImage({ bytes: after, form: compacted ? "compacted" : "standard", rows });
  let compared = 0;
  for (const [index, component] of state) {
    const wanted = index < 2 ? registers.legacy : registers.components.get(index);
    if (!bit(rfbm, index) || !wanted) continue;
    for (const [offset, size] of registerRanges(component)) {
      if (isPointer(index, offset)) continue;
      const got = [...component.bytes.subarray(offset, offset + size)];
      // Stale bytes of what is in init; MXCSR counts all the same.
      if (!component.inUse && index !== 1) continue;
      if (index === 1 && offset === 24 && !bit(rfbm, 1)) continue;
      expect([record.id, index, offset, ...got]).toEqual([record.id, index, offset, ...wanted.subarray(offset, offset + size)]);
    }
    if (!bit(layout.xstateBv, index)) {
      const held = { index, inUse: false, bytes: index < 2 ? wanted.slice(0, 416) : wanted };
      if (index === 0) held.bytes.fill(0, 5, 24);
      expect([record.id, index, "initial", holdsInitial(held)]).toEqual([record.id, index, "initial", true]);
    }
    compared++;
  }
  return compared;
}

function check(name: string, bytes: Uint8Array): void {
  let compared = 0;
  const saves = readVectors(name, bytes).filter((record) => record.kind === "save");
  for (const record of saves) compared += decodedAsRecorded(record);
  console.log(`${name}: ${compared} components of decoded areas compared`);
  expect(compared).toBeGreaterThan(saves.length);
}

test("the sample", () => {
  check("sample.jsonl", readFileSync(new URL("../verify/sample.jsonl", import.meta.url)));
});

test.skipIf(!hasShared).each(hasShared ? readdirSync(shared).filter((name) => name.endsWith(".gz")) : [""])("%s", (name) => {
  check(name, readFileSync(new URL(name, shared)));
});
