import { describe, expect, test } from "vitest";
import { maskPair } from "../../src/isa/feature-mask.ts";
import type { ComponentRow } from "../../src/layout/component-row.ts";
import { policyTableMarkdown } from "../../src/report/policy-table.ts";
import { HARDIRQ, KernelContexts, SOFTIRQ } from "../../src/runtime/kernel-context.ts";
import { NmiGate, type NmiGateOptions } from "../../src/runtime/nmi-gate.ts";
import { INDEPENDENT_ONLY } from "../../src/runtime/policies/independent-only.ts";
import { INDEPENDENT_OR_TASK } from "../../src/runtime/policies/independent-or-task.ts";
import { INDEPENDENT_PAIR } from "../../src/runtime/policies/independent-pair.ts";
import { MAINLINE } from "../../src/runtime/policies/mainline.ts";
import { POLICIES } from "../../src/runtime/policies/policy-list.ts";
import {
  type Build,
  FAULTED,
  NOT_OFFERED,
  type Policy,
  REFUSED_ALIGNMENT,
  REFUSED_MASK,
  REFUSED_NO_XSAVES,
  REFUSED_NOT_IN_NMI,
  REFUSED_SIZE,
  SAVED,
} from "../../src/runtime/policies/policy.ts";
import { SEPARATE_FUNCTION } from "../../src/runtime/policies/separate-function.ts";
import { THIRD_PARAMETER } from "../../src/runtime/policies/third-parameter.ts";
import { XSAVES_NMI_AS_POSTED } from "../../src/runtime/policies/xsaves-nmi-as-posted.ts";
import { XSAVES_NMI_WITH_STATUS } from "../../src/runtime/policies/xsaves-nmi-with-status.ts";
import { warningRecords } from "../../src/runtime/warning-log.ts";
import { FakeXsavesPath } from "./fake-xsaves-path.ts";

const component = (index: number, size: number, align64 = false): ComponentRow => ({
  index,
  size,
  align64,
  supervisor: [8, 10, 11, 12, 15].includes(index),
  standardOffset: undefined,
  xfd: index === 18,
});

/** x87 to Hi16_ZMM, PKRU, AMX, APX; PT, PASID, CET, LBR. */
const CPU = {
  xcr0Supported: 0xe02e7n,
  xssSupported: 0x9d00n,
  instructions: { xsaves: true, xfd: true },
  components: [
    component(2, 256),
    component(5, 64),
    component(6, 512),
    component(7, 1024),
    component(8, 128),
    component(9, 8),
    component(10, 8),
    component(11, 16),
    component(12, 24),
    component(15, 808),
    component(17, 64, true),
    component(18, 8192, true),
    component(19, 128),
  ],
};

const MASKS = {
  zero: 0n,
  independent: 1n << 15n,
  task: 0b110n,
  mixed: (1n << 15n) | 0b110n,
  dynamic: 1n << 18n,
  unsupported: 1n << 8n,
  guestOnly: 1n << 12n,
};
type MaskClass = keyof typeof MASKS;

const CONTEXTS: Record<string, (contexts: KernelContexts) => void> = {
  task: () => {},
  softirq: (contexts) => contexts.enter(0, SOFTIRQ),
  hardirq: (contexts) => contexts.enter(0, HARDIRQ),
  NMI: (contexts) => contexts.enterNmi(0),
  "nested NMI": (contexts) => {
    contexts.enter(0, HARDIRQ);
    contexts.enterNmi(0);
    contexts.enterNmi(0);
  },
};

/**
 * Transcribed by hand from the reference on Linux, sections 1 and 2; never computed by the code under test.
 * R runs as given, in every context. N runs in NMI, else refused for the context. M runs in NMI, else refused for
 * the mask. x refused for the mask everywhere. L runs with LBR alone left. 0 runs with RFBM 0 in production,
 * refused for the mask in debug builds. - no such function.
 */
type Row = Record<MaskClass, string>;
const EXPECTED: Record<string, { save: Row; restore: Row }> = {
  "xsaves-nmi-as-posted": {
    save: { zero: "N", independent: "N", task: "N", mixed: "N", dynamic: "N", unsupported: "N", guestOnly: "N" },
    restore: { zero: "-", independent: "-", task: "-", mixed: "-", dynamic: "-", unsupported: "-", guestOnly: "-" },
  },
  "xsaves-nmi-with-status": {
    save: { zero: "N", independent: "N", task: "N", mixed: "N", dynamic: "N", unsupported: "N", guestOnly: "N" },
    restore: { zero: "-", independent: "-", task: "-", mixed: "-", dynamic: "-", unsupported: "-", guestOnly: "-" },
  },
  "independent-or-task": {
    save: { zero: "x", independent: "R", task: "R", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
    restore: { zero: "x", independent: "R", task: "R", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
  },
  "independent-only": {
    save: { zero: "x", independent: "R", task: "x", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
    restore: { zero: "x", independent: "R", task: "x", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
  },
  mainline: {
    save: { zero: "x", independent: "R", task: "x", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
    restore: { zero: "x", independent: "R", task: "x", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
  },
  "reviewer-proposal": {
    save: { zero: "x", independent: "R", task: "M", mixed: "M", dynamic: "M", unsupported: "M", guestOnly: "M" },
    restore: { zero: "x", independent: "R", task: "x", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
  },
  // With the flag; it is not on the restore.
  "third-parameter": {
    save: { zero: "x", independent: "R", task: "R", mixed: "R", dynamic: "R", unsupported: "R", guestOnly: "R" },
    restore: { zero: "x", independent: "R", task: "x", mixed: "x", dynamic: "x", unsupported: "x", guestOnly: "x" },
  },
  "separate-function": {
    save: { zero: "N", independent: "N", task: "N", mixed: "N", dynamic: "N", unsupported: "N", guestOnly: "N" },
    restore: { zero: "-", independent: "-", task: "-", mixed: "-", dynamic: "-", unsupported: "-", guestOnly: "-" },
  },
  "independent-pair": {
    save: { zero: "0", independent: "R", task: "0", mixed: "L", dynamic: "0", unsupported: "0", guestOnly: "0" },
    restore: { zero: "0", independent: "R", task: "0", mixed: "L", dynamic: "0", unsupported: "0", guestOnly: "0" },
  },
};

/** What the letter means: the status and the mask that reached the instruction. */
function meaning(letter: string, inNmi: boolean, build: Build, mask: bigint): { status: number; ran: bigint | undefined } {
  const refused = (status: number) => ({ status, ran: undefined });
  const ran = (rfbm: bigint) => ({ status: SAVED, ran: rfbm });
  if (letter === "R") return ran(mask);
  if (letter === "N") return inNmi ? ran(mask) : refused(REFUSED_NOT_IN_NMI);
  if (letter === "M") return inNmi ? ran(mask) : refused(REFUSED_MASK);
  if (letter === "x") return refused(REFUSED_MASK);
  if (letter === "L") return ran(0x8000n);
  if (letter === "0") return build === "production" ? ran(0n) : refused(REFUSED_MASK);
  return refused(NOT_OFFERED);
}

function bind(policy: Policy, options: Partial<NmiGateOptions> = {}) {
  const path = new FakeXsavesPath();
  const contexts = new KernelContexts(1);
  const gate = new NmiGate({ policy, cpu: CPU, contexts, path, areaSize: 16384, ...options });
  return { gate, path, contexts };
}

describe("every policy, mask, context, build and direction", () => {
  test("the table has a row for each policy", () => {
    expect(Object.keys(EXPECTED)).toEqual(POLICIES.map(({ name }) => name));
  });
  for (const policy of POLICIES) {
    for (const direction of ["save", "restore"] as const) {
      for (const [contextName, enter] of Object.entries(CONTEXTS)) {
        test(`${policy.name}: ${direction} in ${contextName}`, () => {
          for (const [maskClass, mask] of Object.entries(MASKS) as [MaskClass, bigint][]) {
            for (const build of ["production", "debug"] as const) {
              const { gate, path, contexts } = bind(policy, { build });
              enter(contexts);
              path.xstateBv.set(64, 0x77n);
              const letter = EXPECTED[policy.name]?.[direction][maskClass] ?? "?";
              const expected = meaning(letter, contextName.endsWith("NMI"), build, mask);
              const what = `${maskClass}, ${build}`;
              const words = maskPair(mask);
              const status =
                direction === "save" ? gate.save(0, 64, ...words, policy.hasLiftParameter) : gate.restore(0, 64, ...words);
              expect(status, what).toBe(expected.status);
              expect(path.calls, what).toEqual(
                expected.ran === undefined ? [] : [`${direction} 0 64 ${expected.ran.toString(16)}`],
              );
              // Only our default touches the area without running; only xsaves()/xrstors() and the old pair warn.
              const refused = expected.ran === undefined;
              const left = refused && policy.name === "xsaves-nmi-with-status" && direction === "save" ? 0n : 0x77n;
              if (refused || direction === "restore") expect(path.xstateBv.get(64), what).toBe(left);
              expect(warningRecords(gate.warnings), what).toEqual(
                expected.status === REFUSED_MASK ? [{ name: "mask", count: 1, messages: 1 }] : [],
              );
            }
          }
        });
      }
    }
  }
});

describe("independent features", () => {
  const lbr = maskPair(0x8000n);
  const withoutRow = { ...CPU, xssSupported: 0x1d00n };
  test("without ARCH_LBR no rule lets LBR through", () => {
    for (const policy of [INDEPENDENT_OR_TASK, INDEPENDENT_ONLY, MAINLINE]) {
      expect(bind(policy, { cpuFeatures: { archLbr: false } }).gate.save(0, 0, ...lbr), policy.name).toBe(REFUSED_MASK);
    }
  });
  test("with ARCH_LBR but no enumeration, only since 2848ff28d180", () => {
    const options = { cpu: withoutRow, cpuFeatures: { archLbr: true } };
    expect(bind(INDEPENDENT_ONLY, options).gate.save(0, 0, ...lbr)).toBe(SAVED);
    expect(bind(MAINLINE, options).gate.save(0, 0, ...lbr)).toBe(REFUSED_MASK);
  });
  test("bits above 31 count", () => {
    const { gate, path } = bind(MAINLINE);
    expect(gate.save(0, 0, 0x8000, 0x4000_0000)).toBe(REFUSED_MASK);
    expect(gate.restore(0, 0, 0, 0x8000_0000)).toBe(REFUSED_MASK);
    expect(path.calls).toEqual([]);
  });
  test("the third parameter not set is mainline", () => {
    for (const mask of Object.values(MASKS)) {
      expect(bind(THIRD_PARAMETER).gate.save(0, 0, ...maskPair(mask))).toBe(bind(MAINLINE).gate.save(0, 0, ...maskPair(mask)));
    }
  });
});

describe("debug builds and warnings", () => {
  const noXsaves = { ...CPU, xssSupported: 0n, instructions: { xsaves: false, xfd: true } };
  test("a missing XSAVES is noticed by debug builds only; in production the instruction raises #UD", () => {
    const options = { cpu: noXsaves, cpuFeatures: { archLbr: true } };
    for (const policy of [INDEPENDENT_ONLY, INDEPENDENT_OR_TASK, INDEPENDENT_PAIR]) {
      const debug = bind(policy, { ...options, build: "debug" });
      expect(debug.gate.save(0, 0, 0x8000, 0), policy.name).toBe(REFUSED_NO_XSAVES);
      expect(warningRecords(debug.gate.warnings)).toEqual([{ name: "no XSAVES", count: 1, messages: 1 }]);
      const production = bind(policy, options);
      production.path.fault = 6;
      expect(production.gate.save(0, 0, 0x8000, 0)).toBe(FAULTED);
      expect(production.gate.lastVector).toBe(6);
    }
  });
  test("once is about the message, never about the rejection", () => {
    const { gate, path } = bind(MAINLINE);
    for (let i = 0; i < 5; i++) expect(gate.save(0, 0, 6, 0)).toBe(REFUSED_MASK);
    expect(gate.restore(0, 0, 0, 0)).toBe(REFUSED_MASK);
    expect(warningRecords(gate.warnings)).toEqual([{ name: "mask", count: 6, messages: 1 }]);
    expect(path.calls).toEqual([]);
    gate.warnings.clearOnce();
    gate.save(0, 0, 6, 0);
    expect(warningRecords(gate.warnings)).toEqual([{ name: "mask", count: 7, messages: 1 }]);
  });
  test("a fault of the old pair is reported in debug builds only", () => {
    expect(bind(INDEPENDENT_PAIR).gate.restore(0, 8, 0x8000, 0)).toBe(FAULTED);
    const production = bind(INDEPENDENT_PAIR);
    production.gate.restore(0, 8, 0x8000, 0);
    expect(warningRecords(production.gate.warnings)).toEqual([]);
    const debug = bind(INDEPENDENT_PAIR, { build: "debug" });
    debug.gate.restore(0, 8, 0x8000, 0);
    expect(warningRecords(debug.gate.warnings)).toEqual([{ name: "restore fault", count: 1, messages: 1 }]);
  });
});

describe("nested NMIs", () => {
  test("the gate stays open until the outermost NMI is left", () => {
    const { gate, contexts } = bind(XSAVES_NMI_AS_POSTED);
    contexts.enterNmi(0);
    contexts.enterNmi(0);
    contexts.leaveNmi(0);
    expect(gate.save(0, 0, 6, 0)).toBe(SAVED);
    contexts.leaveNmi(0);
    expect(gate.save(0, 0, 6, 0)).toBe(REFUSED_NOT_IN_NMI);
  });
});

describe("the area", () => {
  test("as posted, a refused save leaves the previous sample and a misaligned one is #GP with one warning", () => {
    const { gate, path, contexts } = bind(XSAVES_NMI_AS_POSTED);
    contexts.enterNmi(0);
    expect(gate.save(0, 0, 6, 0)).toBe(SAVED);
    contexts.leaveNmi(0);
    expect(gate.save(0, 0, 0xe6, 0)).toBe(REFUSED_NOT_IN_NMI);
    expect(path.xstateBv.get(0)).toBe(6n);
    expect(gate.policy.visibleToCaller).toBe("nothing");
    contexts.enterNmi(0);
    expect([gate.save(0, 32, 6, 0), gate.save(0, 32, 6, 0)]).toEqual([FAULTED, FAULTED]);
    expect(gate.lastVector).toBe(13);
    expect(path.xstateBv.has(32)).toBe(false);
    expect(warningRecords(gate.warnings)).toEqual([{ name: "save fault", count: 2, messages: 1 }]);
  });
  test("ours clears XSTATE_BV on every refusal and on a fault, and says why", () => {
    const { gate, path, contexts } = bind(XSAVES_NMI_WITH_STATUS, { areaSize: 832 });
    path.xstateBv.set(0, 7n).set(32, 7n);
    expect(gate.save(0, 0, 6, 0)).toBe(REFUSED_NOT_IN_NMI);
    expect(path.xstateBv.get(0)).toBe(0n);
    contexts.enterNmi(0);
    expect(gate.save(0, 32, 6, 0)).toBe(REFUSED_ALIGNMENT);
    expect(path.xstateBv.get(32)).toBe(0n);
    expect(gate.save(0, 0, 6, 0)).toBe(SAVED);
    expect(path.xstateBv.get(0)).toBe(6n);
    expect(gate.save(0, 0, 0x26, 0)).toBe(REFUSED_SIZE);
    expect(path.xstateBv.get(0)).toBe(0n);
    path.xstateBv.set(0, 7n);
    path.fault = 14;
    expect(gate.save(0, 0, 6, 0)).toBe(FAULTED);
    expect(path.xstateBv.get(0)).toBe(0n);
    expect(warningRecords(gate.warnings)).toEqual([]);
    expect(path.calls).toHaveLength(2);
  });
  test("bits that are not enabled need no room", () => {
    const { gate, contexts } = bind(XSAVES_NMI_WITH_STATUS, { areaSize: 832, enabled: 7n });
    contexts.enterNmi(0);
    expect(gate.save(0, 0, 0xffff_ffff, 0xffff_ffff)).toBe(SAVED);
  });
  test("the committed function warns of a misaligned area each time and still runs", () => {
    const { gate, contexts } = bind(SEPARATE_FUNCTION);
    contexts.enterNmi(0);
    expect([gate.save(0, 8, 6, 0), gate.save(0, 8, 6, 0)]).toEqual([FAULTED, FAULTED]);
    expect(warningRecords(gate.warnings)).toEqual([
      { name: "save fault", count: 2, messages: 1 },
      { name: "alignment", count: 2, messages: 2 },
    ]);
  });
  test("an area without room for a header is refused when binding", () => {
    expect(() => bind(MAINLINE, { areaSize: 512 })).toThrow(RangeError);
  });
});

describe("the README's table", () => {
  test("says what the policies do", () => {
    const table = policyTableMarkdown();
    expect(table).toContain("| xsaves_nmi() as posted | in NMI | in NMI | in NMI | in NMI | in NMI | in NMI | in NMI |");
    expect(table).toContain(
      "| xsaves()/xrstors() at a75c52896b6d | refused | anywhere | anywhere | refused | refused | refused | refused |",
    );
    expect(table).toContain("anywhere, with RFBM 0x0; debug build: refused | anywhere, with RFBM 0x8000 |");
    for (const policy of POLICIES) expect(table).toContain(policy.title);
  });
});
