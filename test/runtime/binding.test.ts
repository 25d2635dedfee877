/** What binding and saving refuse, and that a refused save writes nothing. */

import { expect, test } from "vitest";
import { AreaError, type AreaErrorCode, type AreaMemory, areasIn, createArena } from "../../src/runtime/arena.ts";
import type { ProcessorDescription } from "../../src/runtime/processor-description.ts";
import { Processors } from "../../src/runtime/processors.ts";
import type { SaveFamily } from "../../src/runtime/save-plan.ts";
import { selectSave, StaleBindingError, UnsupportedInstructionError } from "../../src/runtime/select-save.ts";
import { groupsFor } from "../../src/generator/saver-spec.ts";
import { SaversFolder } from "../generator/load-savers.ts";
import { loadModel } from "../model/model-files.ts";
import { setXcr0, setXss } from "../../src/runtime/set-control-registers.ts";
import { loadLegacy } from "../../src/runtime/write-registers.ts";

const cpu: ProcessorDescription = loadModel("amd-zen-3");
const FAMILIES: readonly SaveFamily[] = ["XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES"];
const MASK = 0x207n;

const folder = new SaversFolder();
const generated = await folder.load(groupsFor(cpu, [{ name: "test", rfbm: MASK, families: FAMILIES, xinuseClasses: [3n] }]));
folder.remove();

const REQUEST = { instruction: "XSAVEC", mask: MASK } as const;
const RangeErrorOrAreaError = /expected 0\.\.1|expected 1\.\.1|is outside|multiple of 64|bound for the area/;

/** Registers of two processors with everything in use and not a byte zero where areas could show it. */
function filled(): Processors {
  const processors = new Processors(cpu, { count: 2 });
  for (const processor of [0, 1]) {
    loadLegacy(processors, processor, new Uint8Array(512).fill(0x11 + processor));
    processors.component(processor, 2).fill(0x21 + processor);
    processors.component(processor, 9).fill(0x31 + processor);
    processors.setXinuse(processor, MASK);
  }
  return processors;
}

function code(act: () => unknown): AreaErrorCode | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof AreaError) return error.code;
    throw error;
  }
}

const BINDINGS = [
  ["generated", generated],
  ["general", []],
] as const;

test.each(BINDINGS)("%s savers refuse a place that cannot take the area, and write nothing", (path, savers) => {
  for (const areas of [
    createArena({ bytes: 8192, largestArea: 4096 }),
    areasIn(new ArrayBuffer(8192)),
    areasIn(new ArrayBuffer(8192), { start: 1000, end: 8000 }),
  ]) {
    areas.u8.fill(0xa5);
    const before = areas.u8.slice();
    for (const instruction of FAMILIES) {
      const processors = filled();
      const { save, size } = selectSave(savers, processors, areas, { instruction, mask: MASK });
      const last = Math.floor((areas.end - size) / 64) * 64;
      const refused: [number, AreaErrorCode][] = [
        [1024 + 1, "misaligned"],
        [1024 + 32, "misaligned"],
        [1024 + 63, "misaligned"],
        [last + 64, "out-of-range"],
        [areas.end, "out-of-range"],
        [-64, "out-of-range"],
        [1024.5, "out-of-range"],
        [Number.NaN, "out-of-range"],
        [2 ** 32, "out-of-range"],
        [Number.POSITIVE_INFINITY, "out-of-range"],
      ];
      if (areas.start > 0) refused.push([0, "out-of-range"], [960, "out-of-range"]);
      for (const [offset, reason] of refused) {
        expect(
          code(() => save(0, offset)),
          `${instruction} ${path} at ${offset}`,
        ).toBe(reason);
      }
      for (const processor of [2, -1, 0.5, Number.NaN, 2 ** 32]) {
        expect(() => save(processor, 1024), `${instruction} ${path}, processor ${processor}`).toThrow(RangeError);
      }
      expect(Buffer.compare(areas.u8, before)).toBe(0);
      save(1, last);
      expect(Buffer.compare(areas.u8, before)).not.toBe(0);
      areas.u8.set(before);
    }
  }
});

test.each(BINDINGS)("%s savers notice that the buffer was detached after binding", (_, savers) => {
  for (const instruction of FAMILIES) {
    const buffer = new ArrayBuffer(4096);
    const areas = areasIn(buffer);
    const processors = filled();
    const { save } = selectSave(savers, processors, areas, { instruction, mask: MASK });
    save(0, 0);
    const moved = structuredClone(buffer, { transfer: [buffer] });
    const before = new Uint8Array(moved).slice();
    expect(code(() => save(1, 0))).toBe("detached");
    expect(areas.accepts(0, 576)).toBe(false);
    expect(new Uint8Array(moved)).toEqual(before);
  }
});

test("a buffer that is resizable, growable, detached, empty or too small is refused", () => {
  // Node 20 has both; the library's lib.es2023 does not declare them.
  const Resizable = ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer;
  const Growable = SharedArrayBuffer as unknown as new (size: number, options: object) => SharedArrayBuffer;
  expect(code(() => areasIn(new Resizable(4096, { maxByteLength: 8192 })))).toBe("resizable");
  expect(code(() => areasIn(new Growable(4096, { maxByteLength: 8192 })))).toBe("resizable");
  const gone = new ArrayBuffer(4096);
  structuredClone(gone, { transfer: [gone] });
  expect(code(() => areasIn(gone))).toBe("detached");
  expect(code(() => areasIn(new ArrayBuffer(0)))).toBe("detached");
  expect(() => areasIn(new Uint8Array(4096) as unknown as ArrayBuffer)).toThrow(
    /expected an ArrayBuffer, got a view.*start, end/,
  );
  expect(code(() => areasIn(new ArrayBuffer(575)))).toBe("too-small");
  expect(code(() => areasIn(new ArrayBuffer(576)))).toBeUndefined();
  for (const range of [{ start: -64 }, { end: 4097 }, { start: 4000 }, { start: 0.5 }, { end: Number.NaN }]) {
    expect(
      code(() => areasIn(new ArrayBuffer(4096), range)),
      JSON.stringify(range),
    ).toBe("too-small");
  }
  for (const options of [
    { bytes: 0, largestArea: 576 },
    { bytes: 576, largestArea: 575 },
    { bytes: 1.5, largestArea: 576 },
    { bytes: 2 ** 31, largestArea: 576 },
  ]) {
    expect(() => createArena(options)).toThrow(RangeError);
  }
});

test("a SharedArrayBuffer, and a buffer whose length is no multiple of 8, hold areas", () => {
  const areasOf = (buffer: ArrayBufferLike): AreaMemory => areasIn(buffer);
  for (const instruction of FAMILIES) {
    const processors = filled();
    const images = [new ArrayBuffer(4096), new SharedArrayBuffer(4096), new ArrayBuffer(4099)].map((buffer) => {
      const areas = areasOf(buffer);
      areas.u8.fill(0x5a);
      selectSave(generated, processors, areas, { instruction, mask: MASK }).save(1, 64);
      return areas.u8.slice(0, 4096);
    });
    expect(images[1]).toEqual(images[0]);
    expect(images[2]).toEqual(images[0]);
  }
});

test("a change of XCR0 or IA32_XSS that changes RFBM makes the binding stale, and nothing is written", () => {
  for (const [, savers] of BINDINGS) {
    const areas = createArena({ bytes: 4096, largestArea: 4096 });
    for (const instruction of FAMILIES) {
      const processors = filled();
      const { save } = selectSave(savers, processors, areas, { instruction, mask: MASK });
      setXcr0(processors, 1, 3n);
      areas.u8.fill(0xa5);
      const before = areas.u8.slice();
      expect(() => save(1, 0)).toThrow(StaleBindingError);
      expect(() => save(1, 0)).toThrow(/: select again \(gate: a new SaverPath\)$/);
      expect(Buffer.compare(areas.u8, before)).toBe(0);
      save(0, 0);
      expect(Buffer.compare(areas.u8, before)).not.toBe(0);
      setXcr0(processors, 1, MASK);
      save(1, 0);
    }
    const processors = filled();
    const supervisor = selectSave(savers, processors, areas, { instruction: "XSAVES", mask: cpu.xssSupported | 1n });
    expect(supervisor.rfbm).toBe(cpu.xssSupported | 1n);
    setXss(processors, 0, 0n);
    expect(() => supervisor.save(0, 0)).toThrow(StaleBindingError);
    supervisor.save(1, 0);
    // XSAVEC does not look at IA32_XSS.
    const user = selectSave(savers, processors, areas, { instruction: "XSAVEC", mask: cpu.xssSupported | 1n });
    setXss(processors, 1, 0n);
    user.save(1, 0);
    expect(user.rfbm).toBe(1n);
  }
});

test("an instruction that the CPU does not enumerate is refused when binding", () => {
  const areas = createArena({ bytes: 4096, largestArea: 4096 });
  for (const [instruction, flag] of [
    ["XSAVEOPT", "xsaveopt"],
    ["XSAVEC", "xsavec"],
    ["XSAVES", "xsaves"],
  ] as const) {
    const without = { ...cpu, xssSupported: 0n, instructions: { ...cpu.instructions, xsaves: flag === "xsavec", [flag]: false } };
    const processors = new Processors(without);
    const bind = (): unknown => selectSave(generated, processors, areas, { instruction, mask: MASK });
    expect(bind).toThrow(UnsupportedInstructionError);
    expect(bind).toThrow(/#UD/);
    selectSave(generated, processors, areas, { instruction: "XSAVE", mask: MASK });
  }
});

test("the path shows which savers serve a mask", () => {
  const processors = filled();
  const arena = createArena({ bytes: 4096, largestArea: 4096 });
  const small = createArena({ bytes: 4096, largestArea: 576 });
  const buffer = areasIn(new ArrayBuffer(4096));
  const path = (instruction: SaveFamily, areas: AreaMemory, mask = MASK, savers = generated): string => {
    const selected = selectSave(savers, processors, areas, { instruction, mask });
    return `${selected.path}: ${selected.savers.join(" ")}`;
  };
  const forms = "xsavec_rfbm_207_all xsavec_rfbm_207_inuse_3";
  expect(path("XSAVEC", arena)).toBe(`generated: ${forms} xsavec_rfbm_207_any`);
  expect(path("XSAVES", arena)).toBe(`generated: ${forms} xsavec_rfbm_207_any`);
  expect(path("XSAVEC", buffer)).toBe(`generated-or-general: ${forms}`);
  expect(path("XSAVEC", small)).toBe(`generated-or-general: ${forms}`);
  // XSAVE writes initial values: it has no bytes to send to a sink.
  expect(path("XSAVE", buffer)).toBe("generated: xsave_rfbm_207_all xsave_rfbm_207_any");
  expect(path("XSAVEC", arena, 0xffff_ffff_ffff_ffffn)).toBe(`generated: ${forms} xsavec_rfbm_207_any`);
  expect(path("XSAVEC", arena, 3n)).toBe("general: ");
  expect(path("XSAVEC", arena, MASK, [])).toBe("general: ");
});

test("savers of another CPU with the same mask are not taken", () => {
  const areas = createArena({ bytes: 8192, largestArea: 8192 });
  for (const id of ["intel-tiger-lake", "amd-zen-2"]) {
    const other = new Processors(loadModel(id));
    expect(selectSave(generated, other, areas, { instruction: "XSAVE", mask: MASK }).path, id).toBe("general");
  }
  // Zen 4 has AVX and PKRU where Zen 3 has them.
  expect(selectSave(generated, new Processors(loadModel("amd-zen-4")), areas, { instruction: "XSAVE", mask: MASK }).path).toBe(
    "generated",
  );
  const kept = new Processors({ ...cpu, quirks: { ...cpu.quirks, x87Pointers: "kept-unless-es" } });
  expect(selectSave(generated, kept, areas, { instruction: "XSAVE", mask: MASK }).path).toBe("general");
});

test("a save bound to one place stores there what the same save stores anywhere, and refuses every other place", () => {
  for (const areas of [createArena({ bytes: 8192, largestArea: 4096 }), areasIn(new ArrayBuffer(8192))]) {
    for (const instruction of FAMILIES) {
      for (const [, savers] of BINDINGS) {
        for (const xinuse of [MASK, 3n, 0x201n, 0n]) {
          const processors = filled();
          processors.setXinuse(1, xinuse);
          const { size, save } = selectSave(savers, processors, areas, { instruction, mask: MASK });
          const place = { processor: 1, offset: 2048 };
          const placed = selectSave(savers, processors, areas, { instruction, mask: MASK, place });
          const image = (act: () => void): Uint8Array => {
            areas.u8.fill(0xa5);
            act();
            return areas.u8.slice(0, areas.end);
          };
          expect(image(() => placed.save(1, 2048))).toEqual(image(() => save(1, 2048)));
          for (const [processor, offset] of [
            [0, 2048],
            [1, 2048 + 64],
            [1, 0],
            [1, 2048 - size],
            [2, 2048],
            [1, 2048.5],
          ] as const) {
            const untouched = image(() => expect(() => placed.save(processor, offset)).toThrow(RangeErrorOrAreaError));
            expect(untouched.every((byte) => byte === 0xa5)).toBe(true);
          }
          setXcr0(processors, 1, 3n);
          expect(() => placed.save(1, 2048)).toThrow(StaleBindingError);
        }
      }
    }
    expect(() => selectSave(generated, filled(), areas, { ...REQUEST, place: { processor: 2, offset: 0 } })).toThrow(RangeError);
    expect(code(() => selectSave(generated, filled(), areas, { ...REQUEST, place: { processor: 0, offset: 32 } }))).toBe(
      "misaligned",
    );
    expect(code(() => selectSave(generated, filled(), areas, { ...REQUEST, place: { processor: 0, offset: 8192 } }))).toBe(
      "out-of-range",
    );
  }
});

test("bindings beyond the texts of a region store the same", () => {
  const processors = filled();
  const images = Array.from({ length: 5 }, () => {
    const areas = createArena({ bytes: 8192, largestArea: 4096 });
    selectSave(generated, processors, areas, { instruction: "XSAVEC", mask: MASK }).save(1, 1024);
    selectSave(generated, processors, areas, { instruction: "XSAVEC", mask: MASK, place: { processor: 0, offset: 4096 } }).save(
      0,
      4096,
    );
    return areas.u8.slice(0, areas.end);
  });
  for (const image of images) expect(image).toEqual(images[0]);
});
