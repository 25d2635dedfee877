/** The context counter of `include/linux/preempt.h`, alone and as what opens the gate. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KernelContexts } from "../../src/runtime/kernel-context.ts";
import { NmiGate } from "../../src/runtime/nmi-gate.ts";
import { REFUSED_NOT_IN_NMI, SAVED } from "../../src/runtime/policies/policy.ts";
import { XSAVES_NMI_WITH_STATUS } from "../../src/runtime/policies/xsaves-nmi-with-status.ts";
import { loadModel } from "../model/model-files.ts";
import { FakeXsavesPath } from "./fake-xsaves-path.ts";

const cpu = loadModel("intel-sapphire-rapids");

describe("contexts", () => {
  test("NMIs nest 15 deep and no deeper", () => {
    const contexts = new KernelContexts(2);
    for (let depth = 1; depth <= 15; depth++) {
      contexts.enterNmi(1);
      expect(contexts.nmiDepth(1)).toBe(depth);
    }
    expect(() => contexts.enterNmi(1)).toThrow(/15 deep/);
    expect(contexts.inNmi(0)).toBe(false);
    for (let depth = 15; depth > 0; depth--) contexts.leaveNmi(1);
    expect(() => contexts.leaveNmi(1)).toThrow(/no NMI/);
    expect(contexts.counts).toEqual(new Int32Array(2));
  });
  test("fields and limits of include/linux/preempt.h", () => {
    const contexts = new KernelContexts(1);
    contexts.disablePreemption(0);
    contexts.disableSoftirqs(0);
    expect(contexts.contextName(0)).toBe("task");
    contexts.enterSoftirq(0);
    expect(contexts.contextName(0)).toBe("softirq");
    expect(() => contexts.enterSoftirq(0)).toThrow(/do not nest/);
    contexts.enterHardirq(0);
    expect(contexts.contextName(0)).toBe("hardirq");
    contexts.enterNmi(0);
    expect(contexts.contextName(0)).toBe("NMI");
    expect(contexts.counts[0]).toBe(0x12_0301);
    contexts.leaveHardirq(0);
    expect(() => contexts.leaveHardirq(0)).toThrow(/no hardirq/);
    contexts.leaveNmi(0);
    contexts.leaveSoftirq(0);
    contexts.enableSoftirqs(0);
    contexts.enablePreemption(0);
    expect(contexts.counts[0]).toBe(0);
    for (const leave of ["leaveSoftirq", "enableSoftirqs", "enablePreemption", "leaveHardirq", "leaveNmi"] as const) {
      expect(() => contexts[leave](0), leave).toThrow(/processor 0/);
    }
    for (let depth = 0; depth < 255; depth++) contexts.disablePreemption(0);
    expect(() => contexts.disablePreemption(0)).toThrow(/255/);
    for (let depth = 0; depth < 127; depth++) contexts.disableSoftirqs(0);
    expect(() => contexts.disableSoftirqs(0)).toThrow(/127/);
    expect(() => contexts.enterNmi(1)).toThrow(RangeError);
    expect(() => new KernelContexts(0)).toThrow(RangeError);
  });
  test("a full hardirq field is refused instead of carrying into the NMI field", () => {
    const contexts = new KernelContexts(1);
    for (let depth = 0; depth < 15; depth++) contexts.enterHardirq(0);
    expect(() => contexts.enterHardirq(0)).toThrow(/15 deep/);
    expect(() => contexts.enterNmi(0)).toThrow(/15 deep/);
    expect(contexts.inNmi(0)).toBe(false);
  });
  test("any sequence: the gate is open exactly while the count of NMIs is not 0", () => {
    const step = fc.constantFrom(
      "enterNmi",
      "leaveNmi",
      "enterHardirq",
      "leaveHardirq",
      "enterSoftirq",
      "leaveSoftirq",
      "disablePreemption",
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const contexts = new KernelContexts(1);
        const gate = new NmiGate({
          policy: XSAVES_NMI_WITH_STATUS,
          cpu,
          contexts,
          path: new FakeXsavesPath(),
          areaSize: 16384,
        });
        const depth = { Nmi: 0, Hardirq: 0, Softirq: 0 };
        for (const name of steps) {
          const field = (["Nmi", "Hardirq", "Softirq"] as const).find((each) => name.endsWith(each));
          const before = contexts.counts[0];
          let threw = false;
          try {
            contexts[name as "enterNmi"](0);
          } catch {
            threw = true;
            expect(contexts.counts[0]).toBe(before);
          }
          if (field && name.startsWith("leave")) expect(threw).toBe(depth[field] === 0);
          if (field && !threw) depth[field] += name.startsWith("enter") ? 1 : -1;
          expect([contexts.nmiDepth(0), contexts.hardirqDepth(0), contexts.inSoftirq(0)]).toEqual([
            depth.Nmi,
            depth.Hardirq,
            depth.Softirq === 1,
          ]);
          expect(gate.save(0, 0, 6, 0)).toBe(depth.Nmi > 0 ? SAVED : REFUSED_NOT_IN_NMI);
        }
      }),
    );
  });
  test("counters may lie in shared memory; a processor that does not exist is outside NMI", () => {
    const contexts = new KernelContexts(new Int32Array(new SharedArrayBuffer(8)));
    contexts.enterNmi(1);
    expect([contexts.inNmi(0), contexts.inNmi(1), contexts.inNmi(2)]).toEqual([false, true, false]);
  });
});
