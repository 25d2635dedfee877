/** The `gate` example of the README: a stale sample with the interface as posted, and its absence with ours. */

import { expect, test } from "vitest";
import { XSTATE_BV_OFFSET } from "../../src/isa/xsave-area.ts";
import { XSAVES_NMI_AS_POSTED } from "../../src/runtime/policies/xsaves-nmi-as-posted.ts";
import { XSAVES_NMI_WITH_STATUS } from "../../src/runtime/policies/xsaves-nmi-with-status.ts";
import type { Policy } from "../../src/runtime/policies/policy.ts";
import { rig } from "./sampling-rig.ts";

const SSE_AVX = 6;

/** What a caller that reads XSTATE_BV, as V3 and V4 do, takes for the second sample's xmm0. */
function secondSample(policy: Policy): bigint | "nothing saved" {
  const machine = rig({ policy });
  const { gate, contexts, areas, writer } = machine;
  writer.vector(0, 0, 4, 0x1111n);
  contexts.enterNmi(0);
  gate.save(0, 0, SSE_AVX, 0);
  contexts.leaveNmi(0);

  writer.vector(0, 0, 4, 0x2222n);
  // Not in an NMI: refused. The function as posted is void, so the caller goes on to read the header.
  gate.save(0, 0, SSE_AVX, 0);
  const saved = areas.i32[XSTATE_BV_OFFSET >> 2]! & 2;
  return saved ? areas.b64[160 >> 3]! : "nothing saved";
}

test("as posted, a refused save leaves the sample before for the caller to read", () => {
  expect(secondSample(XSAVES_NMI_AS_POSTED)).toBe(0x1111n);
});

test("ours clears XSTATE_BV and says why", () => {
  expect(secondSample(XSAVES_NMI_WITH_STATUS)).toBe("nothing saved");
});
