/** xsavekit inside gdb: what gdb prints beside what is in the core or in the running process. */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openContainerFile } from "../../src/host/open-container-file.ts";
import { CoreWriter } from "../formats/core-writer.ts";
import { compile, coresLandHere, crash, gdb, newFolder, startUntilReady } from "../formats/programs.ts";
import { type KnownThread, SKIPPED, sharedJson, sharedPath } from "../image/shared-images.ts";
import { REPOSITORY } from "./run-cli.ts";

const SHIM = `source ${fileURLToPath(new URL("../../src/cli/gdb/xsavekit-gdb.py", import.meta.url))}`;
const skipped = (reason: string): void => console.log(`skipped: ${reason}`);
const withPython = gdb([], ["python print(6 * 7)"])?.trim() === "42";
if (!withPython) skipped("no gdb with Python");
if (!existsSync(`${REPOSITORY}dist/src/cli/main.js`)) throw new Error("run `npm run build` first: gdb starts what was built");

/** YMM3 of thread `i` of known-registers, as `inspect` prints it. */
const ymm3 = (i: number): string =>
  Buffer.from(Array.from({ length: 32 }, (_, j) => (7 * (192 + j) + 31 * i + 13) & 255)).toString("hex");
const printed = (out: string | undefined, register: string): string[] =>
  [...(out ?? "").matchAll(new RegExp(`^  ${register} +([0-9a-fx]+)`, "gm"))].map(([, value = ""]) => value);

test.runIf(withPython)("a core of this kernel", { timeout: 60_000 }, async () => {
  const elsewhere = coresLandHere();
  if (elsewhere !== undefined) return skipped(elsewhere);
  const folder = newFolder();
  try {
    const program = compile(folder, "known-registers.c", "-pthread");
    if ("reason" in program) return skipped(program.reason);
    const dumped = crash(folder, program.path, "crash");
    if ("reason" in dumped) return skipped(dumped.reason);
    if (!(await openContainerFile(dumped.core)).threads[0]?.area) return skipped("this kernel writes no NT_X86_XSTATE");
    const files = [program.path, dumped.core];
    expect(printed(gdb(files, [SHIM, "xsavekit ymm3 mxcsr"]), "ymm3")).toEqual([ymm3(0)]);
    const all = gdb(files, [SHIM, "xsavekit all ymm3,mxcsr"]);
    expect(printed(all, "ymm3").toSorted()).toEqual([0, 1, 2].map(ymm3).toSorted());
    expect(printed(all, "mxcsr").toSorted()).toEqual(["0x1f80", "0x3f80", "0x5f80"]);
    console.log(`gdb alone prints ymm3 as ${gdb(files, ["p $ymm3.v4_int64"])?.trim().split("\n").at(-1) ?? ""}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.runIf(withPython)("a running process", { timeout: 60_000 }, async () => {
  const folder = newFolder();
  try {
    const program = compile(folder, "known-registers.c", "-pthread");
    if ("reason" in program) return skipped(program.reason);
    const { child } = await startUntilReady(program.path, "wait");
    const out = gdb(["-p", String(child.pid)], [SHIM, "xsavekit all ymm3,mxcsr", "detach"]);
    child.kill("SIGKILL");
    if (!/detached/.test(out ?? "")) return skipped("gdb cannot attach to a process here");
    expect(out).toContain(`process ${child.pid}: ELF core`);
    expect(printed(out, "ymm3").toSorted()).toEqual([0, 1, 2].map(ymm3).toSorted());
    expect(printed(out, "mxcsr").toSorted()).toEqual(["0x1f80", "0x3f80", "0x5f80"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.runIf(withPython)("a core of a CPU that gdb does not know", { timeout: 60_000 }, () => {
  if (SKIPPED !== undefined) return skipped(SKIPPED);
  const { threads } = sharedJson<{ threads: readonly KnownThread[] }>("core-mt.json");
  const files = [SHIM, `core ${sharedPath("core-mt.elf")}`];
  const { k3 = "", zmm17 = "" } = threads.find(({ signalled }) => signalled)?.registers ?? {};
  expect(printed(gdb([], [...files, "xsavekit k3"]), "k3")).toEqual([k3]);
  // 64 bytes go over two lines.
  expect(gdb([], [...files, "xsavekit zmm17"])?.replaceAll(/\s+/g, "")).toContain(`zmm17${zmm17}`);
});

test.runIf(withPython)(
  "a core as gcore writes it on a Zen 5: gdb prints another value, the shim the right one",
  { timeout: 60_000 },
  () => {
    const fixture = JSON.parse(readFileSync(`${REPOSITORY}test/image/fixtures/zen5-core-area.json`, "utf8")) as {
      readonly area: string;
      readonly registers: Readonly<Record<string, string>>;
    };
    const amd = Buffer.from(fixture.area, "hex");
    // i387_collect_xsave of gdb 13: AMD's bytes between the places of Intel's components, no layout note.
    const area = new Uint8Array(2688);
    area.set(amd.subarray(0, 832));
    area.set(amd.subarray(1088, 2432), 1088);
    const folder = newFolder();
    try {
      const core = `${folder}/gcore`;
      writeFileSync(core, new CoreWriter("x86-64").thread(77, { signal: 6, area, fpregs: area.slice(0, 512) }).bytes());
      const zmm17 = fixture.registers["zmm17"] ?? "";
      const out = gdb([], [SHIM, `core ${core}`, "p/x $zmm17.v8_int64", "xsavekit zmm17 --model amd-zen-5"]) ?? "";
      expect(out.replaceAll(/\s+/g, "")).toContain(`zmm17${zmm17}`);
      const lanes = [...(/\$1 = \{(.*)\}/.exec(out)?.[1] ?? "").matchAll(/0x([0-9a-f]+)/g)].map(([, digits = ""]) => digits);
      const gdbs = lanes.map((digits) => Buffer.from(digits.padStart(16, "0"), "hex").reverse().toString("hex")).join("");
      if (gdbs === "") return skipped("this gdb has no zmm17 for the core");
      // Later ones go by mask and size, which are Intel's here.
      expect(gdbs).not.toBe(zmm17);
      console.log(`gdb prints zmm17 as ${gdbs}, which holds ${zmm17}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test.runIf(withPython)("without a thread, and with a register that does not exist", { timeout: 60_000 }, () => {
  // gdb prints errors on standard error and goes on with the next command.
  expect(gdb([], [SHIM, "xsavekit", "python print(1)"], "both")).toMatch(/xsavekit: no thread; open a core[^]*\n1\n/);
  if (SKIPPED !== undefined) return skipped(SKIPPED);
  const out = gdb([], [SHIM, `core ${sharedPath("core-mt.elf")}`, "xsavekit zmm99", "python print(1)"], "both");
  expect(out).toMatch(/no register `zmm99`[^]*\n1\n/);
  expect(out).not.toContain("Traceback");
});
