import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { print, printJson, printProgress } from "../print.ts";
import { UsageError } from "../usage-error.ts";

export function declare(command: Command): void {
  command
    .argument("<vectors...>", "files with recorded executions (JSON lines, also gzip), or -")
    .option("--json", "print JSON")
    .action(async (names: string[], { json }: { json?: true }) => {
      const { verifyVectors } = await import("../../verify/verify-vectors.ts");
      const { verificationText } = await import("../../report/verification-report.ts");
      printProgress(`replaying ${names.length} ${names.length === 1 ? "file" : "files"}`);
      const result = await verifyVectors(names.map(read));
      if (json) printJson(result);
      else print(verificationText(result));
      process.exitCode = result.failed > 0 ? 1 : 0;
    });
}

function read(name: string): { name: string; bytes: Uint8Array } {
  try {
    return { name, bytes: readFileSync(name === "-" ? 0 : name) };
  } catch (error) {
    throw new UsageError(
      `${name}: cannot be read (${error instanceof Error && "code" in error ? String(error.code) : "unknown"}); name a file of vectors`,
    );
  }
}
