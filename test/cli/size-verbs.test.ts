import { expect, test } from "vitest";
import { xsavekit, xsavekitJson } from "./run-cli.ts";

test("what: grouped for people, every mask in JSON, exit 1 where nothing gives the size", () => {
  const { code, out } = xsavekit(["what", "2440"]);
  expect(code).toBe(0);
  expect(out).toMatch(/PKRU is the last: 8 bytes at 2432; at most (?:0x2e7, 0x207|0x207, 0x2e7)$/m);
  expect(out).toMatch(/^ {2}XSAVEC, XSAVES 0x2e7 \(x87, .*\)$/m);
  expect(out.split("\n").length).toBeLessThan(20);
  const { value } = xsavekitJson(["what", "0x988"]);
  expect(value.size).toBe(2440);
  const compacted = value.causes.find(({ kind, rfbm }: Record<string, unknown>) => kind === "compacted" && rfbm === "0x2e7");
  expect(compacted).toMatchObject({ last: null, usual: true });
  expect(compacted.components[0]).toEqual({ index: 2, name: "AVX", offset: 576, size: 256 });
  expect(compacted.models).toContain("intel-tiger-lake");
  const nothing = xsavekit(["what", "2441"]);
  expect([nothing.code, nothing.err]).toEqual([1, ""]);
  expect(nothing.out).toMatch(/^2441: no mask of a bundled model gives it in any format; near are 2440, /);
  for (const size of ["0", "1048577", "12a"]) {
    const wrong = xsavekit(["what", "--", size]);
    expect([wrong.code, wrong.out]).toEqual([2, ""]);
    expect(wrong.err).toMatch(/^xsavekit: [^\n]*Write a number of bytes, 1 to 1048576: 2440 or 0x988[^\n]*\n$/);
  }
});

test("show --buffers: a table, and `buffers` beside the layout in JSON", () => {
  const { code, out } = xsavekit(["show", "intel-sapphire-rapids", "--buffers", "--mask", "0x2e7"]);
  expect(code).toBe(0);
  expect(out).toMatch(/^AT_MINSIGSTKSZ +0x2e7 +3632 +round16\(2696 \+ 930\)$/m);
  const { value } = xsavekitJson(["show", "intel-sapphire-rapids", "--buffers"]);
  expect(value.id).toBe("intel-sapphire-rapids");
  const buffer = value.buffers.find(({ kind }: { kind: string }) => kind === "sgx-ssa-frame");
  expect(buffer).toEqual({
    kind: "sgx-ssa-frame",
    title: "SGX SSA frame, 3 pages",
    rfbm: "0x602e7",
    bytes: 12288,
    allocate: 12288,
    formula: "pages(11008 + 16 EXINFO + 184 GPRSGX)",
    source: "SDM vol. 3, 38.9 and 42.7.2.2",
  });
});
