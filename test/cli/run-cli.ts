/** Runs the built command. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";

// Each test starts several processes.
vi.setConfig({ testTimeout: 60_000 });

export const MAIN: string = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

export const REPOSITORY: string = fileURLToPath(new URL("../../", import.meta.url));
export const AIDA_DUMP = "test/dumps/fixtures/aida-two-cpus.txt";
export const CPUID_R_DUMP = "test/dumps/fixtures/cpuid-r.txt";

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function xsavekit(args: readonly string[], input = "", env: NodeJS.ProcessEnv = process.env): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: REPOSITORY,
    input,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { code: status, out: stdout, err: stderr };
}

/** Runs with `--json` and gives the exit code and the value. */
export function xsavekitJson(args: readonly string[], input = ""): { code: number | null; value: any } {
  const { code, out, err } = xsavekit([...args, "--json"], input);
  if (err !== "") throw new Error(err);
  return { code, value: JSON.parse(out) };
}
