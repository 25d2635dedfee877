import { expect, test } from "vitest";
import { sourcesOf } from "../../src/model/figure-sources.ts";
import type { ReadModelResult } from "../../src/model/read-model.ts";
import { readModel } from "../../src/model/read-model.ts";
import { loadModel, modelFiles, modelText } from "./model-files.ts";

const views: Record<string, string> = {
  loop: "id: loop\nname: Loop\nkind: guest\nextends: loop\n",
  ping: "id: ping\nname: Ping\nkind: guest\nextends: pong\n",
  pong: "id: pong\nname: Pong\nkind: guest\nextends: ping\n",
  broken: "id: broken\nname: Broken\nkind: guest\n",
};
const load = (id: string): string | undefined =>
  views[id] ?? (modelFiles.includes(`${id}.yaml`) ? modelText(`${id}.yaml`) : undefined);
const view = (body: string): ReadModelResult => readModel(`id: view\nname: View\nkind: guest\n${body}`, "view.yaml", load);
const rules = ({ diagnostics }: ReadModelResult): string[] =>
  diagnostics.map(({ rule, line, column }) => `${rule} ${line}:${column}`);

test("a view drops what its masks drop and keeps the rest", () => {
  const base = loadModel("intel-sapphire-rapids");
  const { model, diagnostics } = view(
    "extends: intel-sapphire-rapids\nxcr0Supported: 0x2e7\nxssSupported: 0x1800\ninstructions: [xsaveopt, xsavec, xgetbv1, xsaves]\n",
  );
  expect(diagnostics).toEqual([]);
  expect(model).toMatchObject({
    id: "view",
    kind: "guest",
    vendor: base.vendor,
    xcr0Supported: 0x2e7n,
    xssSupported: 0x1800n,
    sizeMax: 2696,
  });
  expect(model?.components.map((row) => row.index)).toEqual([2, 5, 6, 7, 9, 11, 12]);
});

test("a view cannot add", () => {
  expect(rules(view("extends: amd-zen-2\nxcr0Supported: 0x2e7\n"))).toEqual(["extends-adds 5:16"]);
  expect(rules(view("extends: amd-zen-2\ninstructions: [xfd]\n"))).toEqual(["extends-adds 5:15"]);
  expect(rules(view("extends: amd-zen-2\ncomponents: {}\n"))).toEqual(["unknown-key 5:1"]);
});

test("loops, missing and broken bases are reported at extends", () => {
  expect(rules(readModel(views["loop"] ?? "", "loop.yaml", load))).toEqual(["extends-unreadable 4:10"]);
  expect(rules(readModel(views["ping"] ?? "", "ping.yaml", load)).at(-1)).toBe("extends-unreadable 4:10");
  expect(rules(view("extends: nobody\n"))).toEqual(["extends-unreadable 4:10"]);
  expect(rules(view("extends: broken\n"))).toContain("missing-key 1:1");
  expect(rules(readModel("id: view\nname: View\nkind: guest\nextends: amd-zen\n", "view.yaml"))).toEqual([
    "extends-unreadable 4:10",
  ]);
});

test("chains end", () => {
  for (let at = 0; at < 10; at++)
    views[`v${at}`] = `id: v${at}\nname: V\nkind: guest\nextends: ${at === 9 ? "amd-zen" : `v${at + 1}`}\n`;
  expect(readModel(views["v8"] ?? "", "v8.yaml", load).model?.xcr0Supported).toBe(7n);
  expect(readModel(views["v0"] ?? "", "v0.yaml", load).model).toBeUndefined();
});

test("what a view states has the view's source, what it takes over the source that it has there", () => {
  const base = loadModel("amd-zen-4");
  const { model, diagnostics } = view(
    "extends: amd-zen-4\nxssSupported: 0x0\nsources: [a guest's dump, { source: measured there, figures: [quirks.pkruUpperBytes] }]\n",
  );
  expect(diagnostics).toEqual([]);
  const of = (figure: string): string[] => (model ? sourcesOf(model, figure) : []);
  expect(of("xssSupported")).toEqual(["a guest's dump"]);
  expect(of("sizeMax")).toEqual(["a guest's dump"]);
  expect(of("quirks.pkruUpperBytes")).toEqual(["measured there"]);
  for (const figure of ["AVX", "xcr0Supported", "quirks.mxcsrMask"]) expect(of(figure)).toEqual(sourcesOf(base, figure));
  expect(of("CET_U")).toEqual([]);
  expect(view("extends: amd-zen-4\nxssSupported: 0x0\n").diagnostics).toEqual([]);
});
