import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MAIN, REPOSITORY, xsavekit, xsavekitJson } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-generate-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("generate --out writes what --check found missing", () => {
  const out = join(folder, "savers");
  const before = xsavekitJson(["generate", "amd-zen-5", "--out", out, "--check"]);
  expect(before.code).toBe(1);
  expect(before.value.missing.length).toBeGreaterThan(0);
  expect(existsSync(out)).toBe(false);
  const written = xsavekit(["generate", "amd-zen-5", "--out", out]);
  expect([written.code, written.out]).toEqual([0, expect.stringMatching(/^new amd-zen-5\.ts$/m)]);
  expect(readdirSync(out).length).toBeGreaterThan(0);
  expect(xsavekitJson(["generate", "amd-zen-5", "--out", out, "--check"]).code).toBe(0);
  rmSync(join(out, "amd-zen-5.ts"));
  expect(xsavekit(["generate", "amd-zen-5", "--out", out, "--check"])).toMatchObject({
    code: 1,
    out: `missing amd-zen-5.ts\n1 file differs: run "xsavekit generate amd-zen-5 --out ${out}"\n`,
  });
  expect(xsavekit(["generate", "amd-zen-3", "--out", out]).out).toMatch(
    /^new amd-zen-3\.ts$[^]*^deleted amd-zen-5\/savers\.ts$/m,
  );
});

test("generate: an unknown model, or models without --out, are refused", () => {
  for (const args of [
    ["generate", "amd-zen-9", "--out", folder],
    ["generate", "amd-zen-5"],
  ]) {
    const { code, out, err } = xsavekit(args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
  }
});

test("generate --watch: generates, again after a change, survives a broken file, and ends on SIGINT with 0", async () => {
  const yaml = join(folder, "my-cpu.yaml");
  copyFileSync(join(REPOSITORY, "cpu-models/intel-penryn.yaml"), yaml);
  const text = readFileSync(yaml, "utf8").replace("id: intel-penryn", "id: my-cpu");
  writeFileSync(yaml, text);
  const out = join(folder, "watched");
  const child = spawn(process.execPath, [MAIN, "generate", yaml, "--out", out, "--watch"], { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  const says = async (what: RegExp): Promise<void> => {
    while (!what.test(printed)) await once(child.stdout, "data").then(() => undefined);
  };
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => void (printed += data.toString()));
  const errors = async (what: RegExp): Promise<void> => {
    while (!what.test(printed)) await once(child.stderr, "data");
  };
  await errors(/watching/);
  expect(readFileSync(join(out, "my-cpu/cpu.ts"), "utf8")).toContain("Core 2");
  writeFileSync(yaml, text.replace(/^name: .*$/m, "name: Renamed"));
  await says(/[1-9]\d* written[^]*[1-9]\d* written/);
  expect(readFileSync(join(out, "my-cpu/cpu.ts"), "utf8")).toContain("Renamed");
  writeFileSync(yaml, "id: my-cpu\n");
  await errors(/xsavekit: [^\n]*my-cpu\.yaml/);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("generate --explain: a reason for every form, as text and as data", () => {
  const out = join(folder, "explained");
  const { code, value } = xsavekitJson(["generate", "intel-tiger-lake", "--out", out, "--check", "--explain"]);
  expect(code).toBe(1);
  expect(value.explanation.length).toBeGreaterThan(30);
  for (const { model, group, file, sharedBy, reasons, forms } of value.explanation) {
    expect([model, sharedBy]).toEqual(["intel-tiger-lake", []]);
    expect(value.missing).toContain(file);
    expect(reasons.length).toBeGreaterThan(0);
    expect(forms.map(({ name }: { name: string }) => name.startsWith(group))).not.toContain(false);
  }
  const text = xsavekit(["generate", "intel-tiger-lake", "--out", out, "--check", "--explain"]).out;
  expect(text).toContain(
    "xsavec_rfbm_e7_any: exact for any XINUSE without a branch: the bytes of a component in init go to the sink",
  );
  expect(text).toContain("xsaves_rfbm_3be7");
});

test("generate --check: all that is committed is current, and an editor schema that is not is found", () => {
  // One run for both, as it proves every saver; on a copy of the package's data, since other tests read the real one.
  const copy = join(folder, "package");
  cpSync(join(REPOSITORY, "dist/src"), join(copy, "dist/src"), { recursive: true });
  for (const name of ["cpu-models", "templates", "generated", "package.json"])
    cpSync(join(REPOSITORY, name), join(copy, name), { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules"), join(copy, "node_modules"));
  writeFileSync(join(copy, "cpu-models/schema.json"), "{}\n");
  const main = join(copy, "dist/src/cli/main.js");
  const check = spawnSync(process.execPath, [main, "generate", "--check", "--json"], { encoding: "utf8" });
  expect(check.status).toBe(1);
  expect(JSON.parse(check.stdout)).toEqual({ missing: [], changed: ["../cpu-models/schema.json"], handEdited: [], orphaned: [] });
});
