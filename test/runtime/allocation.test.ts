/** A save allocates nothing: not bound to a place, not in a ring, not by selection, not through the gate. */

import { expect, test } from "vitest";
import { groupsFor } from "../../src/generator/saver-spec.ts";
import { generalPath, createArena, KernelContexts, NmiGate, Processors, SaverPath, selectSave } from "../../src/runtime/index.ts";
import { SaversFolder } from "../generator/load-savers.ts";
import { loadModel } from "../model/model-files.ts";
import { gc, heapGrowth } from "./heap-growth.ts";

const SAVES = 200_000;
/** The measuring calls themselves; one small object a save would be 3 MB. */
const MOST_BYTES = 10_000;

const cpu = loadModel("amd-zen-3");
const MASKS = [3n, 7n, 0x207n];
const folder = new SaversFolder();
const savers = await folder.load(
  groupsFor(
    cpu,
    MASKS.map((rfbm) => ({ name: "test", rfbm, families: ["XSAVE", "XSAVEC", "XSAVES"], xinuseClasses: [3n] })),
  ),
);
folder.remove();

const processors = new Processors(cpu, { count: 2 });
const arena = createArena({ bytes: 65536, largestArea: 4096 });
const contexts = new KernelContexts(2);
contexts.enterNmi(0);
const gate = new NmiGate({
  cpu,
  contexts,
  path: new SaverPath(savers, processors, arena, { general: generalPath }),
  areaSize: 4096,
});
const place = { processor: 0, offset: 4096 };
const request = { instruction: "XSAVEC", mask: 0x207n } as const;

/** What is done, with which components in use. */
const SUBJECTS: readonly (readonly [string, bigint, (i: number) => void])[] = [
  ["at a place, everything in use", 0x207n, from(selectSave(savers, processors, arena, { ...request, place }).save, 4096, 0)],
  ["in a ring, everything in use", 0x207n, from(selectSave(savers, processors, arena, request).save, 0, 15)],
  ["a class of XINUSE", 3n, from(selectSave(savers, processors, arena, request).save, 0, 15)],
  ["any XINUSE, by the sink", 5n, from(selectSave(savers, processors, arena, request).save, 0, 15)],
  [
    "XSAVE with initial values",
    4n,
    from(selectSave(savers, processors, arena, { ...request, instruction: "XSAVE" }).save, 0, 15),
  ],
  [
    "through the gate, several masks",
    0x207n,
    (i) => void gate.save(0, (i & 15) * 1024, Number(i % 3 === 0 ? 3 : i % 3 === 1 ? 7 : 0x207), 0),
  ],
];

function from(save: (processor: number, offset: number) => void, start: number, slots: number): (i: number) => void {
  return (i) => save(0, start + (i & slots) * 1024);
}

test.each(SUBJECTS)("nothing is allocated: %s", { timeout: 60_000 }, async (_, xinuse, act) => {
  processors.setXinuse(0, xinuse);
  const least = await heapGrowth(SAVES, MOST_BYTES, act);
  expect(least).toBeLessThan(MOST_BYTES);
  // A collection in between would make the heap smaller than before: that is growth too.
  expect(least).toBeGreaterThan(-MOST_BYTES);
});

test("the measure sees one small object a save", () => {
  const kept: object[] = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 20_000; i++) kept.push({ i });
  expect(process.memoryUsage().heapUsed - before).toBeGreaterThan(MOST_BYTES);
  expect(kept.length).toBe(20_000);
});
