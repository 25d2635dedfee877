import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { xsavekit, xsavekitJson } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "xsavekit-generate-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("generate --check: the repository's savers are current", () => {
  expect(xsavekitJson(["generate", "--check"])).toEqual({
    code: 0,
    value: { missing: [], changed: [], handEdited: [], orphaned: [] },
  });
});

test("generate --out writes what --check found missing", () => {
  const out = join(folder, "savers");
  const before = xsavekitJson(["generate", "amd-zen-5", "--out", out, "--check"]);
  expect(before.code).toBe(1);
  expect(before.value.missing.length).toBeGreaterThan(0);
  expect(existsSync(out)).toBe(false);
  expect(xsavekit(["generate", "amd-zen-5", "--out", out]).code).toBe(0);
  expect(readdirSync(out).length).toBeGreaterThan(0);
  expect(xsavekitJson(["generate", "amd-zen-5", "--out", out, "--check"]).code).toBe(0);
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
