/** `npm start`'s program with models in place of this machine's CPU; all supervisor state that saves change is among theirs. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../dist/test/start.js", import.meta.url));
const start = (model: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
  spawnSync(process.execPath, [PROGRAM, model], { encoding: "utf8" });

test.each([
  ["intel-sapphire-rapids", 4],
  ["intel-arrow-lake", 4],
  ["intel-sandy-bridge", 2],
])("%s: both paths write the same, whatever a save changes in the registers", (model, saves) => {
  const { status, stdout, stderr } = start(model);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toContain(`1. The CPU: ${model}, bundled, as named`);
  expect(stdout.match(/; generated; general path writes the same$/gm)).toHaveLength(saves);
  expect(stdout).not.toContain("DIFFERS");
});

test("a model that is not there: one line, and what to do", () => {
  const { status, stderr } = start("intel-sapphire");
  expect(status).toBe(2);
  expect(stderr).toMatch(/^npm start: no model `intel-sapphire`: [^\n]+\n$/);
});
