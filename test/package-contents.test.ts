/** What the package's tarball holds, and that everything `exports` names can be imported by name. */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { exports, bin } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin: Readonly<Record<string, string>>;
};

function packed(): Set<string> {
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts", "--offline"];
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`npm pack: ${stderr}`);
  const [{ files }] = JSON.parse(stdout) as [{ files: readonly { path: string }[] }];
  return new Set(files.map(({ path }) => path));
}

test("the tarball holds what exports and bin name, models, templates and generated modules, and no test", () => {
  const files = packed();
  const targets = Object.values(exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)));
  const wanted = [...targets, ...Object.values(bin)].map((target) => target.replace(/^\.\//, ""));
  for (const folder of ["cpu-models", "templates", "generated"])
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) wanted.push(join(entry.parentPath, entry.name).slice(ROOT.length));
  const held = (target: string): boolean =>
    target.includes("*") ? [...files].some((path) => path.startsWith(target.split("*")[0] ?? "")) : files.has(target);
  expect(wanted.filter((target) => !held(target))).toEqual([]);

  const reference = /^dist\/test\/reference\/naive-save\.(js|d\.ts)$/;
  expect([...files].filter((path) => /^(dist\/)?test\/|\.test\./.test(path) && !reference.test(path))).toEqual([]);
  expect([...files].filter((path) => path.endsWith(".map"))).toEqual([]);
  const mapped = [...files].filter(
    (path) => path.endsWith(".js") && /^\/\/# sourceMappingURL=/m.test(readFileSync(join(ROOT, path), "utf8")),
  );
  expect(mapped).toEqual([]);
});

test("every subpath of exports is imported by its name", () => {
  const names = Object.keys(exports).map((subpath) => `xsavekit${subpath.slice(1)}`.replace("*", "amd-zen-5"));
  // The matchers extend vitest's `expect`, which only a test has.
  const alone = names.filter((name) => !/\/(vitest|package\.json)$/.test(name));
  expect(alone.length).toBe(names.length - 2);
  const program = `for (const name of ${JSON.stringify(alone)}) if (Object.keys(await import(name)).length === 0) throw new Error(name + " exports nothing");`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { cwd: ROOT, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});
