import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VERBS } from "../../src/cli/verb-list.ts";
import { xsavekit, xsavekitProcess } from "./run-cli.ts";

test("--help lists every verb with its summary", () => {
  const { code, out, err } = xsavekit(["--help"]);
  expect([code, err]).toEqual([0, ""]);
  for (const { name, summary } of VERBS) expect(out).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, "m"));
});

test.each(VERBS.map(({ name }) => name))("%s --help describes it and its --json", (name) => {
  for (const { code, out, err } of [xsavekitProcess([name, "--help"]), xsavekit(["help", name])]) {
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`Usage: xsavekit ${name}`);
    expect(out).toContain("--json");
    expect(out).toMatch(/^Exit codes: 0 fine; (1 [^\n;]+; )?2 bad usage or unreadable input\.$/m);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(110);
  }
});

test.each([
  [["shwo"], "no verb `shwo`: did you mean show?"],
  [["zzzzzzzz"], "no verb `zzzzzzzz`: `xsavekit --help` lists all"],
  [["help", "shwo"], "did you mean show?"],
  [["show"], "missing required argument 'model'; see `xsavekit show --help`"],
  [["show", "amd-zen-5", "--fromat", "xsavec"], "unknown option '--fromat' (Did you mean --format?)"],
  [["--nonsense"], "unknown option '--nonsense'"],
])("%j is refused with exit code 2 on one line", (args, message) => {
  const { code, out, err } = xsavekitProcess(args);
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
  expect(err).toContain(message);
});

test("--version prints the package's version", () => {
  expect(xsavekitProcess(["--version"])).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: "" });
});

test("no verb prints the help on standard error with exit code 2", () => {
  const { code, out, err } = xsavekitProcess([]);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain("Usage: xsavekit <verb>");
});

test("a reader that closes the pipe ends it quietly", () => {
  const main = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
  const { status, stderr } = spawnSync(
    "bash",
    ["-c", `"${process.execPath}" "${main}" show intel-sapphire-rapids | head -1; exit \${PIPESTATUS[0]}`],
    { encoding: "utf8" },
  );
  expect([status, stderr]).toEqual([0, ""]);
});
