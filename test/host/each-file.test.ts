/** Many files: order, failures in their place, threads that end, names that come one by one. */

import { availableParallelism } from "node:os";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type * as EachFile from "../../src/host/each-file.ts";
import { fileNames } from "../../src/host/file-names.ts";

// Node 20 cannot load TypeScript into a thread, so what was built is tested.
const BUILT = new URL("../../dist/src/host/each-file.js", import.meta.url);
if (!existsSync(BUILT)) throw new Error("run `npm run build` first: threads run what was built");
const { eachFile } = (await import(BUILT.href)) as typeof EachFile;
const JOB = new URL("fixtures/job.mjs", import.meta.url);

interface Done {
  readonly file: string;
  readonly thread: number;
  readonly options: unknown;
}

async function all(names: Iterable<string> | AsyncIterable<string>): Promise<EachFile.FileResult<Done>[]> {
  const results: EachFile.FileResult<Done>[] = [];
  for await (const result of eachFile<unknown, Done>(names, JOB, { x: 1n })) results.push(result);
  return results;
}

test("results in the order of the names, failures in their place, whatever takes how long", async () => {
  const names = Array.from({ length: 200 }, (_, i) => `${i}:${i % 50 === 7 ? "fail" : i % 20 === 3 ? "sleep:40" : "quick"}`);
  const results = await all(names);
  expect(results.map(({ file }) => file)).toEqual(names);
  for (const result of results) {
    if (!result.file.includes("fail")) {
      expect("value" in result && result.value.file).toBe(result.file);
      expect("value" in result && result.value.options).toEqual({ x: 1n });
      continue;
    }
    const error = "error" in result ? result.error : expect.fail("no error");
    expect(error.message).toBe(`${result.file} fails`);
    expect(error).toMatchObject({ diagnostics: [{ rule: "made-up", offset: 5 }] });
  }
  const threads = new Set(results.flatMap((each) => ("value" in each ? [each.value.thread] : [])));
  if (availableParallelism() < 2) return console.log("skipped: other threads, on one processor");
  expect([...threads].filter((thread) => thread !== 0).length).toBeGreaterThan(1);
});

test("few files start no thread", async () => {
  const results = await all(["0:quick", "1:fail", "2:quick"]);
  expect(results.map((each) => ("value" in each ? each.value.thread : "failed"))).toEqual([0, "failed", 0]);
});

test("a thread that ends takes one file with it, and the others are done", async () => {
  if (availableParallelism() < 2) return console.log("skipped: other threads, on one processor");
  const names = Array.from({ length: 60 }, (_, i) => `${i}:${i === 20 || i === 21 || i === 40 ? "exit" : "quick"}`);
  const results = await all(names);
  expect(results.map(({ file }) => file)).toEqual(names);
  expect(results.filter((each) => "error" in each).map(({ file }) => file)).toEqual(["20:exit", "21:exit", "40:exit"]);
  for (const each of results) if ("error" in each) expect(each.error.message).toMatch(/the thread that read it failed/);
});

test("a producer that waits for each answer before the next name gets it", async () => {
  let answered = (): void => {};
  async function* names(): AsyncGenerator<string> {
    for (let i = 0; i < 30; i++) {
      const answer = new Promise<void>((resolve) => (answered = resolve));
      yield `${i}:quick`;
      await answer;
    }
  }
  let count = 0;
  for await (const { file } of eachFile<unknown, Done>(names(), JOB, {})) {
    expect(file).toBe(`${count++}:quick`);
    answered();
  }
  expect(count).toBe(30);
});

test("a list of names that cannot be read ends with its error", async () => {
  async function* names(): AsyncGenerator<string> {
    for (let i = 0; i < 20; i++) yield `${i}:quick`;
    throw new Error("no more");
  }
  await expect(all(names())).rejects.toThrow("no more");
});

const folder = mkdtempSync(join(tmpdir(), "xsavekit-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["lines", "a\nb c\n\nd", ["a", "b c", "d"]],
  ["lines of Windows", "a\r\nb\r\n", ["a", "b"]],
  ["NUL, names with line ends", "a\nb\0c\r\0", ["a\nb", "c\r"]],
  ["one name", "a", ["a"]],
  ["nothing", "", []],
])("names: %s", async (_, text, names) => {
  const list = join(folder, "list");
  writeFileSync(list, text);
  const read: string[] = [];
  for await (const each of fileNames(list)) read.push(each);
  expect(read).toEqual(names);
});

test("names: a list that is none, and one that is not there", async () => {
  const read = async (list: string): Promise<void> => {
    for await (const _ of fileNames(list));
  };
  const endless = join(folder, "endless");
  writeFileSync(endless, "x".repeat(200_000));
  await expect(read(endless)).rejects.toThrow(/a name without an end; write one name a line/);
  await expect(read(join(folder, "missing"))).rejects.toThrow(/missing: no such file/);
});
