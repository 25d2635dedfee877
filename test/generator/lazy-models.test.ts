/** Generated model modules: what importing one loads, and that both of its ways give the same savers. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { GeneratedModel, SaverGroup } from "../../src/runtime/generated-v1.ts";

const GENERATED = fileURLToPath(new URL("../../generated/", import.meta.url));
const ids = readdirSync(GENERATED, { withFileTypes: true })
  .filter((entry) => entry.isFile() && !["index.ts", "cpus.ts"].includes(entry.name))
  .map((entry) => entry.name.slice(0, -".ts".length));

interface ThinModel {
  readonly cpu: GeneratedModel["cpu"];
  readonly loadSavers: (rfbm?: bigint) => Promise<readonly SaverGroup[]>;
}

test("a model's module imports its CPU's data and nothing else before it is asked for savers", () => {
  expect(ids.length).toBeGreaterThan(60);
  for (const id of ids) {
    const text = readFileSync(join(GENERATED, `${id}.ts`), "utf8");
    expect(text.match(/^import (?!type )[^\n]*/gm), id).toBeNull();
    expect(text.match(/^export .* from [^\n]*/gm), id).toEqual([`export { cpu } from "./${id}/cpu.ts";`]);
    expect(readFileSync(join(GENERATED, id, "cpu.ts"), "utf8").match(/^(?:im|ex)port (?!type |const )[^\n]*/gm), id).toBeNull();
  }
});

test("cpus.ts holds what every model's module holds, in the order of their ids", async () => {
  const { cpus } = (await import("../../generated/cpus.ts")) as { cpus: readonly GeneratedModel["cpu"][] };
  const thin = ids.map(async (id) => ((await import(/* @vite-ignore */ join(GENERATED, `${id}.ts`))) as ThinModel).cpu);
  expect(cpus).toEqual((await Promise.all(thin)).toSorted((a, b) => (a.id < b.id ? -1 : 1)));
});

test("loadSavers gives what the model's savers module holds, and for one RFBM just those", async () => {
  for (const id of ["amd-zen-4", "intel-sapphire-rapids", "amd-bulldozer", "intel-penryn"]) {
    const thin = (await import(/* @vite-ignore */ join(GENERATED, `${id}.ts`))) as ThinModel;
    const full = (await import(/* @vite-ignore */ join(GENERATED, id, "savers.ts"))) as GeneratedModel;
    expect(full.cpu).toBe(thin.cpu);
    const loaded = await thin.loadSavers();
    expect(new Set(loaded)).toEqual(new Set(full.savers));
    expect(loaded).toHaveLength(full.savers.length);
    const three = full.savers.filter(({ rfbm }) => rfbm[0] === 3 && rfbm[1] === 0);
    expect(three.length).toBeGreaterThan(0);
    expect((await thin.loadSavers(3n)).toSorted((a, b) => (a.families[0]! < b.families[0]! ? -1 : 1))).toEqual(
      three.toSorted((a, b) => (a.families[0]! < b.families[0]! ? -1 : 1)),
    );
    expect(await thin.loadSavers(0x4000_0000_0000_0000n)).toEqual([]);
  }
});
