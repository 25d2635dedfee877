import { readFileSync, statSync } from "node:fs";
import type { Command } from "commander";
import { countArgument, seedArgument } from "../parse-arguments.ts";
import { print, printJson, printProgress } from "../print.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly cases: number;
  readonly seed: number;
  readonly emitSuite?: string;
  readonly json?: true;
}

export function declare(command: Command): void {
  command
    .argument("[vectors...]", "files with recorded executions (JSON lines, also gzip), suites' folders, or -; none: this CPU")
    .option("--cases <n>", "executions on this CPU", countArgument, 20_000)
    .option("--seed <n>", "seed of their states, masks and areas", seedArgument, 1)
    .option("--emit-suite <dir>", "write the conformance suite for other projects into a folder")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nWithout files a small C program is compiled into a temporary folder and executes XSAVE-family instructions of\nrandom states here: Linux on x86-64 with a C compiler ($CC, cc, gcc or clang).",
    )
    .action(async (names: string[], options: Options) => {
      if (options.emitSuite !== undefined) return emit(options.emitSuite, names, options);
      const failed = names.length === 0 ? await verifyThisCpu(options) : await verifyFiles(names, options);
      process.exitCode = failed > 0 ? 1 : 0;
    });
}

async function emit(folder: string, names: readonly string[], { json }: Options): Promise<void> {
  if (names.length > 0) throw new UsageError("--emit-suite writes and replays nothing: leave the files out");
  const { emitSuite } = await import("../../verify/suite/emit-suite.ts");
  const result = emitSuite(folder);
  if (json) printJson(result);
  else print(`${folder}: ${result.cases} cases in ${result.files} files, ${result.written} written; see ${folder}/README.md`);
}

async function verifyFiles(names: readonly string[], { json }: Options): Promise<number> {
  const { verifyVectors } = await import("../../verify/verify-vectors.ts");
  const { readSuite } = await import("../../verify/suite/suite-manifest.ts");
  const { verificationText } = await import("../../report/verification-report.ts");
  printProgress(`replaying ${names.length} ${names.length === 1 ? "file" : "files"}`);
  const result = await verifyVectors(names.flatMap((name) => (isFolder(name) ? readSuite(name) : [read(name)])));
  if (result.passed + result.failed + result.skipped === 0)
    throw new UsageError(
      `${names.join(", ")}: no recorded execution in it; see the format in \`xsavekit verify --emit-suite DIR\``,
    );
  if (json) printJson(result);
  else print(verificationText(result));
  return result.failed;
}

async function verifyThisCpu({ cases, seed, json }: Options): Promise<number> {
  const { verifyHardware } = await import("../../verify/hardware/verify-hardware.ts");
  const { hardwareText } = await import("../../report/hardware-report.ts");
  const onProgress = (done: number): void => printProgress(`${done} of ${cases} executed`);
  const result = await verifyHardware({ cases, seed, onProgress });
  if ("unavailable" in result) {
    throw new UsageError(
      `this CPU cannot be asked: ${result.unavailable.replaceAll(/\s+/g, " ")}; name files with recorded executions instead`,
    );
  }
  if (json) printJson(result);
  else print(hardwareText(result));
  return result.failed;
}

function isFolder(name: string): boolean {
  return name !== "-" && statSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
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
