/** The recorded images: every area as the file has it, and the registers that the JSON beside it says. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bytesSource, openContainer } from "../../src/formats/index.ts";
import { componentIndex } from "../../src/isa/state-component.ts";

const FOLDER = fileURLToPath(new URL("../../../shared/images", import.meta.url));
const present = existsSync(FOLDER);
if (!present) console.log("skipped: the recorded images are not in ../shared/images");
const names = (ext: string): string[] => (present ? readdirSync(FOLDER).filter((name) => name.endsWith(ext)) : []);
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name)));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

// Without a test of its own the file would have none, and fail, where the images are not.
test.runIf(present)("cores and KVM images are there, each with its registers", () => {
  const described = [...names(".elf"), ...names(".bin")].map((name) => name.replace(/\.\w+$/, ".json"));
  expect(described.length).toBeGreaterThan(1);
  expect(names(".json")).toEqual(expect.arrayContaining(described));
});

test.runIf(present).each(names(".elf"))("%s", async (name) => {
  const expected = JSON.parse(readFileSync(join(FOLDER, name.replace(".elf", ".json")), "utf8"));
  const container = await openContainer(bytesSource(bytesOf(name)), { file: name });
  expect(container.kind).toBe("elf-core");
  expect(container.description).toBe("ELF core, Linux, x86-64");
  expect(container.warnings).toEqual([]);
  expect(container.process?.pid).toBe(expected.pid);
  expect(container.threads.map(({ tid }) => tid).toSorted()).toEqual(
    expected.threads.map(({ tid }: { tid: number }) => tid).toSorted(),
  );
  for (const each of expected.threads) {
    const thread = container.threads.find(({ tid }) => tid === each.tid);
    expect(thread?.signalled ?? false).toBe(each.signalled);
    expect(thread?.signal).toBe(6);
    const { bytes, evidence, form } = thread?.area ?? expect.fail("no area");
    expect(form).toBe("standard");
    expect(evidence.userFeatures?.mask).toBe(BigInt(expected.xcr0));
    const rows = evidence.declared?.rows ?? expect.fail("no declared rows");
    expect(rows).toEqual(
      [2, 5, 6, 7].map((index) => {
        const { eax, ebx } = expected.cpu.leafD[index];
        return { index, size: Number(eax), standardOffset: Number(ebx), flags: 0 };
      }),
    );
    // x87 pointers and MXCSR_MASK included; what is reserved the kernel zeroes.
    expect(hex(bytes.subarray(0, 416))).toBe(each.state.legacy.slice(0, 832));
    expect(hex(thread?.registers.fxsave?.bytes.subarray(0, 416) ?? new Uint8Array())).toBe(hex(bytes.subarray(0, 416)));
    for (const { index, size, standardOffset } of rows) {
      const name = Object.keys(each.state).find((key) => componentIndex(key) === index) ?? "";
      expect(hex(bytes.subarray(standardOffset, standardOffset + size))).toBe(each.state[name]);
    }
  }
});
