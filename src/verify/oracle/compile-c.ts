/** Compiles C with the compiler that this machine has. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../host/load-models.ts";

/** The first C compiler of `$CC`, `cc`, `gcc`, `clang` that answers, or undefined. */
export function findCompiler(): string | undefined {
  return [process.env["CC"] ?? "", "cc", "gcc", "clang"].find(
    (name) => name !== "" && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0,
  );
}

let temporaryFolder: string | undefined;

/**
 * Where programs go: the repository's own cache, or, for an installed package, a fresh folder that is deleted when
 * this process ends (a name in the temporary folder that others can guess would be theirs to fill).
 */
function programFolder(): string {
  const root = packageRoot();
  if (existsSync(join(root, "package-lock.json"))) return join(root, "node_modules/.cache/xsavekit-oracle");
  if (temporaryFolder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "xsavekit-oracle-"));
    temporaryFolder = made;
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  }
  return temporaryFolder;
}

/**
 * Compiles C text, keyed by its content, the compiler's arguments and the CPU's name (-march=native); concurrent callers
 * are safe. `included` is the text of files that it includes and counts as content. Returns the path of the result, or why there is none: the compiler's message.
 */
export function compileCached(
  name: string,
  source: string,
  args: readonly string[],
  { suffix = "", included = "" }: { readonly suffix?: string; readonly included?: string } = {},
): { readonly path: string } | { readonly reason: string } {
  const compiler = findCompiler();
  if (compiler === undefined) return { reason: "no C compiler (cc, gcc, clang) found" };
  const key = createHash("sha256")
    .update(JSON.stringify([compiler, args, process.arch, cpus()[0]?.model]))
    .update(included)
    .update(source)
    .digest("hex");
  try {
    const folder = programFolder();
    const path = join(folder, `${name}-${key.slice(0, 32)}${suffix}`);
    if (existsSync(path)) return { path };
    const temporary = `${path}.${process.pid}.${Date.now()}.tmp`;
    mkdirSync(folder, { recursive: true });
    const compiled = spawnSync(compiler, [...args, "-x", "c", "-o", temporary, "-"], { input: source, encoding: "utf8" });
    if (compiled.status !== 0) {
      rmSync(temporary, { force: true });
      return { reason: `${name}: ${compiler} failed: ${compiled.error?.message ?? compiled.stderr.trim().slice(0, 2000)}` };
    }
    renameSync(temporary, path);
    return { path };
  } catch (error) {
    return { reason: `${name}: ${error instanceof Error ? error.message : String(error)}` };
  }
}
