/**
 * Compiles `oracle.c`, which runs XSAVE-family instructions on this machine's CPU and hands back what they wrote, with
 * the registers as read by other instructions.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../host/load-models.ts";
import { compileCached } from "./compile-c.ts";
import { type OracleHello, parseHello } from "./oracle-hello.ts";
import { OracleProcess } from "./oracle-process.ts";

/** Whether this machine can run the oracle, or why not. */
export type OracleBuild =
  | { readonly available: true; readonly hello: OracleHello; start(): OracleProcess }
  | { readonly available: false; readonly reason: string };

let built: OracleBuild | undefined;

/** Compiles the oracle (cached) and asks it about this CPU. Never throws; remembers the answer. */
export function buildOracle(): OracleBuild {
  built ??= build();
  return built;
}

function build(): OracleBuild {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { available: false, reason: `the oracle needs Linux on x86-64, this is ${process.platform} on ${process.arch}` };
  }
  const folder = join(packageRoot(), "src/verify/oracle");
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const included = read("run-instruction.h") + read("this-cpu.h");
  const compiled = compileCached("oracle", read("oracle.c"), ["-std=c11", "-O2", "-I", folder], { included });
  if ("reason" in compiled) return { available: false, reason: compiled.reason };
  const probe = spawnSync(compiled.path, ["--hello"], { timeout: 10_000 });
  if (probe.status !== 0) {
    const text = probe.error?.message ?? probe.stderr.toString().trim();
    return { available: false, reason: text === "" ? `oracle ended with ${probe.signal ?? probe.status}` : text };
  }
  const hello = parseHello(probe.stdout);
  return { available: true, hello, start: () => new OracleProcess(compiled.path, hello) };
}
