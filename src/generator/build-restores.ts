/** Drafts the TypeScript modules of restores. */

import { pairText } from "./build-module.ts";
import { loadRegionsOf } from "./load-region.ts";
import type { ModuleDraft, NamedImports } from "./module-draft.ts";
import type { BodyRenderer } from "./render-body.ts";
import { componentNames, regionCall, restoreContext } from "./restore-context.ts";
import type { RestoreSpec } from "./restore-spec.ts";

/** Where generated restores find what they import: module specifiers as seen from `restores/`. */
export interface RestoreImports {
  readonly seam: string;
  /** The module of the regions' loads. */
  readonly loads: string;
}

/** One module with all given restores, in their order. */
export function restoresModule(specs: readonly RestoreSpec[], render: BodyRenderer, imports: RestoreImports): ModuleDraft {
  const needed: NamedImports[] = [{ from: imports.seam, values: ["restoreRoutine"], types: ["RestoreRoutine"] }];
  const loads = loadRegionsOf(specs).map(({ name }) => name);
  if (loads.length > 0) needed.push({ from: imports.loads, values: loads, types: [] });
  const constants = specs.map((spec) => ({
    name: spec.name,
    type: "RestoreRoutine",
    initializer: routineText(spec, render),
    doc: routineDoc(spec),
  }));
  return { imports: needed, constants };
}

function routineDoc({ families, plan }: RestoreSpec): string {
  const instructions = families.map((family) => `${family}64`).join(", ");
  const laidOut = plan.format === "compacted" ? `, XCOMP_BV ${plan.xcompBv.toString(16)}H` : "";
  return `${instructions}, RFBM ${plan.rfbm.toString(16)}H (${componentNames(plan.rfbm)}), ${plan.format} format${laidOut}.`;
}

/** Revision of the seam that restores are written for; the seam refuses any other. */
export const RESTORE_REVISION = 4;

/** The members of a restore beside its code; `prove-restores.ts` writes them a second time from the plan. */
function routineText(spec: RestoreSpec, render: BodyRenderer): string {
  const { name, families, plan } = spec;
  const body = render.restore(spec).trimEnd();
  const pieces = plan.pieces.map((each) => `[${each.component}, ${each.registers}, ${each.area ?? -1}, ${each.length}]`);
  return [
    "/* @__PURE__ */ restoreRoutine({",
    `  revision: ${RESTORE_REVISION},`,
    `  name: "${name}",`,
    `  families: [${families.map((family) => `"${family}"`).join(", ")}],`,
    `  rfbm: ${pairText(plan.rfbm)},`,
    `  xcompBv: ${pairText(plan.xcompBv)},`,
    `  size: ${plan.size},`,
    `  pieces: [${pieces.join(", ")}],`,
    "  bind(registers, areas) {",
    ...bindings(spec, body).map((line) => `    ${line}`),
    `    return function ${name}(processor, offset) {`,
    ...body.split("\n").map((line) => (line === "" ? "" : `      ${line}`)),
    "    };",
    "  },",
    "})",
  ].join("\n");
}

/** What the body uses, bound. */
function bindings(spec: RestoreSpec, body: string): string[] {
  const { wholeRuns, partRuns, initialRuns } = restoreContext(spec);
  const runs = (list: readonly (readonly [number, number])[]): string =>
    `[${list.map((run) => `[${run.join(", ")}]`).join(", ")}]`;
  const all: readonly (readonly [name: string, used: RegExp, value: string])[] = [
    ["R", /\bR\[/, "registers.i32"],
    ["s", /\bs\[/, "registers.b64"],
    ["U", /\bU[.[]/, "registers.u8"],
    ["Q", /\bQ\[/, "areas.i32"],
    ["d", /\bd\[/, "areas.b64"],
    ["mxcsrMask", /\bmxcsrMask\b/, "registers.mxcsrMask"],
    ["M", /\bM\b/, "areas.offsetMask"],
    ["i", /\bi\b/, "registers.initialBase >>> 2"],
    ["j", /\bj\b/, "registers.initialBase >>> 3"],
    ["x87", /\bx87\(/, "registers.x87(areas)"],
    ...loadRegionsOf([spec]).map(
      (region) =>
        [regionCall(region), new RegExp(`\\b${regionCall(region)}\\(`), `registers.load(${region.name}, areas)`] as const,
    ),
    ["whole", /\bwhole\./, `registers.places(areas, ${runs(wholeRuns)})`],
    ["parts", /\bparts\./, `registers.places(areas, ${runs(partRuns)})`],
    ["initial", /\binitial\b/, `registers.initial(${runs(initialRuns)})`],
  ];
  return all.flatMap(([name, used, value]) => (used.test(body) ? [`const ${name} = ${value};`] : []));
}
