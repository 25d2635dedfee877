/** `watchInputs`: nothing that changes while it works is missed. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const MODULE = new URL("../../dist/src/host/watch-inputs.js", import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), "xsavekit-watch-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a change during the first run leads to a second one", () => {
  const program = `
    import { writeFileSync } from "node:fs";
    import { watchInputs } from ${JSON.stringify(MODULE)};
    let runs = 0;
    await watchInputs([{ folder: ${JSON.stringify(folder)}, counts: (name) => name === "model.yaml" }], async () => {
      if (++runs === 1) writeFileSync(${JSON.stringify(join(folder, "model.yaml"))}, "id: changed\\n");
      else process.kill(process.pid, "SIGINT");
    });
    console.log(runs);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect([status, stdout, stderr]).toEqual([0, "2\n", ""]);
});
