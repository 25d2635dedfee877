/** The `gate` example of the README, run. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { XSAVES_NMI_AS_POSTED } from "../src/runtime/policies/xsaves-nmi-as-posted.ts";
import { XSAVES_NMI_WITH_STATUS } from "../src/runtime/policies/xsaves-nmi-with-status.ts";
import { gateExample, staleSample } from "./gate-example.ts";

test("as posted, a refused save leaves the sample before for the caller to read", async () => {
  const [, first, second] = await staleSample(XSAVES_NMI_AS_POSTED);
  expect(first).toMatch(/told nothing, XSTATE_BV 6, reads xmm0 = 1111$/);
  expect(second).toMatch(/^ {2}xmm0 = 2222.*told nothing, XSTATE_BV 6, reads xmm0 = 1111$/);
});

test("ours clears XSTATE_BV and says why", async () => {
  const [, first, second] = await staleSample(XSAVES_NMI_WITH_STATUS);
  expect(first).toMatch(/told "done", XSTATE_BV 6, reads xmm0 = 1111$/);
  expect(second).toMatch(/told "not in NMI", XSTATE_BV 0, reads no xmm0$/);
});

test("the README shows what it prints", async () => {
  const shown = readFileSync(new URL("../README.md", import.meta.url), "utf8").includes(`\n${await gateExample()}\n`);
  expect(shown).toBe(true);
});
