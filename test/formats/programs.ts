/** Compiles and runs the programs of this folder; says why where that is not possible. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("programs/", import.meta.url));

/** A new folder for one test. */
export const newFolder = (): string => mkdtempSync(join(tmpdir(), "xsavekit-"));

/** Compiles a program into `folder`; its path, or why there is none. */
export function compile(folder: string, source: string, ...flags: string[]): { path: string } | { reason: string } {
  const path = join(folder, source.replace(/\.c$/, ""));
  const { status, error, stderr } = spawnSync("cc", ["-O1", "-o", path, join(SOURCES, source), ...flags], {
    encoding: "utf8",
  });
  if (error) return { reason: `no C compiler: ${error.message}` };
  return status === 0 ? { path } : { reason: `cc: ${stderr.trim().split("\n")[0] ?? "fails"}` };
}

/** Where the kernel writes cores, or why not into the working folder. */
export function coresLandHere(): string | undefined {
  const file = "/proc/sys/kernel/core_pattern";
  if (!existsSync(file)) return "no /proc/sys/kernel/core_pattern: not Linux";
  const pattern = readFileSync(file, "utf8").trim();
  return /^[|/]|\//.test(pattern) || pattern === "" ? `the kernel's core_pattern is ${JSON.stringify(pattern)}` : undefined;
}

/** Runs a program that crashes, in `folder`; its output and the core, or why there is none. */
export function crash(folder: string, path: string, ...args: string[]): { core: string; out: string } | { reason: string } {
  const { stdout } = spawnSync("sh", ["-c", 'ulimit -c unlimited && exec "$@"', "sh", path, ...args], {
    cwd: folder,
    encoding: "utf8",
    timeout: 20_000,
  });
  const core = readdirSync(folder).find((name) => name.startsWith("core"));
  return core
    ? { core: join(folder, core), out: stdout }
    : { reason: "the program left no core: RLIMIT_CORE or the kernel forbids it" };
}

/** Starts a program and waits until it prints `ready`. */
export async function startUntilReady(path: string, ...args: string[]): Promise<{ child: ChildProcess; out: string }> {
  const child = spawn(path, args, { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  for await (const chunk of child.stdout) {
    out += String(chunk);
    if (/^ready$/m.test(out)) break;
  }
  return { child, out };
}

/** Runs gdb over commands; its output (with `both` standard error's too), or undefined where there is no gdb. */
export function gdb(
  args: readonly string[],
  commands: readonly string[],
  streams: "stdout" | "both" = "stdout",
): string | undefined {
  const script = commands.flatMap((each) => ["-ex", each]);
  const [program, ...rest] = streams === "both" ? ["sh", "-c", 'exec "$@" 2>&1', "sh", "gdb"] : ["gdb"];
  const { error, stdout } = spawnSync(program ?? "gdb", [...rest, "-nx", "-batch", ...args, ...script], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return error ? undefined : stdout;
}
