/** The context counter of `include/linux/preempt.h`, alone and as what opens the gate. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  HARDIRQ,
  innermostContext,
  KernelContexts,
  type NestedContext,
  NMI,
  PREEMPT_DISABLED,
  SOFTIRQ,
  SOFTIRQS_DISABLED,
} from "../../src/runtime/kernel-context.ts";
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
      expect(contexts.depth(1, NMI)).toBe(depth);
    }
    expect(() => contexts.enterNmi(1)).toThrow(/15 deep/);
    expect(contexts.inNmi(0)).toBe(false);
    for (let depth = 15; depth > 0; depth--) contexts.leaveNmi(1);
    expect(() => contexts.leaveNmi(1)).toThrow(/no NMI/);
    expect(contexts.counts).toEqual(new Int32Array(2));
  });
  test("fields and limits of include/linux/preempt.h", () => {
    const contexts = new KernelContexts(1);
    contexts.enter(0, PREEMPT_DISABLED);
    contexts.enter(0, SOFTIRQS_DISABLED);
    expect(innermostContext(contexts, 0)).toBe(undefined);
    contexts.enter(0, SOFTIRQ);
    expect(innermostContext(contexts, 0)).toBe(SOFTIRQ);
    expect(() => contexts.enter(0, SOFTIRQ)).toThrow(/softirq nests at most 1 deep/);
    contexts.enter(0, HARDIRQ);
    expect(innermostContext(contexts, 0)).toBe(HARDIRQ);
    contexts.enterNmi(0);
    expect(innermostContext(contexts, 0)).toBe(NMI);
    expect(contexts.counts[0]).toBe(0x12_0301);
    contexts.leave(0, HARDIRQ);
    expect(() => contexts.leave(0, HARDIRQ)).toThrow(/no hardirq/);
    contexts.leaveNmi(0);
    contexts.leave(0, SOFTIRQ);
    contexts.leave(0, SOFTIRQS_DISABLED);
    contexts.leave(0, PREEMPT_DISABLED);
    expect(contexts.counts[0]).toBe(0);
    for (const context of [SOFTIRQ, SOFTIRQS_DISABLED, PREEMPT_DISABLED, HARDIRQ, NMI]) {
      expect(() => contexts.leave(0, context), context.name).toThrow(`processor 0: no ${context.name} to leave`);
    }
    for (let depth = 0; depth < 255; depth++) contexts.enter(0, PREEMPT_DISABLED);
    expect(() => contexts.enter(0, PREEMPT_DISABLED)).toThrow(/255/);
    for (let depth = 0; depth < 127; depth++) contexts.enter(0, SOFTIRQS_DISABLED);
    expect(() => contexts.enter(0, SOFTIRQS_DISABLED)).toThrow(/127/);
    expect(() => contexts.enterNmi(1)).toThrow(RangeError);
    expect(() => new KernelContexts(0)).toThrow(RangeError);
  });
  test("a full hardirq field is refused instead of carrying into the NMI field", () => {
    const contexts = new KernelContexts(1);
    for (let depth = 0; depth < 15; depth++) contexts.enter(0, HARDIRQ);
    expect(() => contexts.enter(0, HARDIRQ)).toThrow(/15 deep/);
    expect(() => contexts.enterNmi(0)).toThrow(/15 deep/);
    expect(contexts.inNmi(0)).toBe(false);
  });
  test("any sequence: the gate is open exactly while the count of NMIs is not 0", () => {
    const nesting = [NMI, HARDIRQ, SOFTIRQ];
    const step = fc.record({
      context: fc.constantFrom(...nesting, PREEMPT_DISABLED),
      verb: fc.constantFrom("enter" as const, "leave" as const),
    });
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
        const depth = new Map<NestedContext, number>();
        for (const { context, verb } of steps) {
          const before = contexts.counts[0];
          const entered = depth.get(context) ?? 0;
          let threw = false;
          try {
            contexts[verb](0, context);
          } catch {
            threw = true;
            expect(contexts.counts[0]).toBe(before);
          }
          if (verb === "leave") expect(threw).toBe(entered === 0);
          if (!threw) depth.set(context, entered + (verb === "enter" ? 1 : -1));
          expect(nesting.map((each) => contexts.depth(0, each))).toEqual(nesting.map((each) => depth.get(each) ?? 0));
          expect(gate.save(0, 0, 6, 0)).toBe((depth.get(NMI) ?? 0) > 0 ? SAVED : REFUSED_NOT_IN_NMI);
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
