/** Drafts the TypeScript module of the regions that restores have in common. */

import { REGION_TEXTS } from "./region-copy.ts";
import { regionText } from "./build-module.ts";
import { LOAD_NAMES, type LoadRegionSpec } from "./load-region.ts";
import type { ModuleDraft } from "./module-draft.ts";
import type { BodyRenderer } from "./render-body.ts";

/** One module with all given regions. */
export function loadsModule(regions: readonly LoadRegionSpec[], render: BodyRenderer, seam: string): ModuleDraft {
  return {
    imports: [{ from: seam, values: ["regionLoad"], types: ["RegionLoad"] }],
    constants: regions.map((region) => ({
      name: region.name,
      type: "RegionLoad",
      initializer: loadText(region, render),
      doc: loadDoc(region),
    })),
  };
}

function loadDoc({ kind, at, length }: LoadRegionSpec): string {
  if (kind === "legacy") return "x87 and SSE: bytes 0-23 and 32-415, with what the registers make of x87's.";
  return kind === "load"
    ? `${length} bytes at ${at}, the same place in the area and in a processor's block.`
    : `The initial values of ${length} bytes at ${at} of a processor's block.`;
}

function loadText(region: LoadRegionSpec, render: BodyRenderer): string {
  const body = render.load(region);
  const bound = Object.entries(LOAD_NAMES).flatMap(([name, value]) =>
    new RegExp(`\\b${name}\\b`).test(body) ? [`const ${name} = ${value};`] : [],
  );
  return regionText("regionLoad", region.name, [], bound, body, REGION_TEXTS);
}
