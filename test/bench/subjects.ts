/** Savers to be timed, bound as users bind them. */

import type { ProcessorDescription, SaveFamily, SaverForm, SaverGroup } from "../../src/runtime/index.ts";
import {
  type AreaMemory,
  type BoundSave,
  createArena,
  Processors,
  savePlan,
  type SavePlan,
  selectSave,
} from "../../src/runtime/index.ts";
import { boundForm, registerViews } from "../../src/runtime/register-views.ts";
import { formName } from "../../src/runtime/saver-name.ts";
import { type SaveSegment, saveSegments } from "../../src/runtime/save-segments.ts";
import { SaverLoader } from "../../src/verify/load-savers.ts";

/** Where the saves of a fixed place go. */
export const PLACE = { processor: 0, offset: 4096 } as const;

/** One CPU's registers, all in use, and an arena. */
export interface Subject {
  readonly cpu: ProcessorDescription;
  readonly savers: readonly SaverGroup[];
  readonly processors: Processors;
  readonly areas: AreaMemory;
}

/** One instruction and mask on a subject. */
export interface SubjectSave {
  readonly plan: SavePlan;
  readonly segments: readonly SaveSegment[];
  /** The saver for everything in use without selection; undefined: the general path serves the mask. */
  readonly saver: BoundSave | undefined;
  /** With selection by what is in use, as `selectSave` returns it. */
  readonly selected: BoundSave;
}

/** Register files with every component in use. */
export function subject(cpu: ProcessorDescription, savers: readonly SaverGroup[], processors = 1): Subject {
  const files = new Processors(cpu, { count: processors });
  for (let p = 0; p < processors; p++) files.setXinuse(p, files.xcr0(p) | files.xss(p));
  return { cpu, savers, processors: files, areas: createArena({ bytes: 1 << 20, largestArea: 16384 }) };
}

/** Savers of any masks, planned, rendered, proved and loaded on the spot. */
export async function saversOf(
  cpu: ProcessorDescription,
  masks: readonly bigint[],
  families: readonly SaveFamily[],
): Promise<SaverGroup[]> {
  return await new SaverLoader().load(
    cpu,
    masks.map((rfbm) => ({ name: "bench", rfbm, families, xinuseClasses: [] })),
  );
}

/** The savers of these names, in their groups' order. */
function formsNamed(savers: readonly SaverGroup[], names: readonly string[]): SaverForm[] {
  return savers.flatMap((group) => group.forms.filter((form) => names.includes(formName(group, form))));
}

/** Binds a save at the fixed place or anywhere. */
export function bindSave(on: Subject, instruction: SaveFamily, mask: bigint, placed: boolean): SubjectSave {
  const { cpu, savers, processors, areas } = on;
  const place = placed ? { place: PLACE } : {};
  const { save, savers: names } = selectSave(savers, processors, areas, { instruction, mask, ...place });
  const rfbm = mask & (processors.xcr0(0) | (instruction === "XSAVES" ? processors.xss(0) : 0n));
  const plan = savePlan(cpu, instruction, rfbm);
  const form = formsNamed(savers, names)[0];
  const registers = registerViews(processors, placed ? PLACE.processor : undefined);
  const saver = form && boundForm(form, registers, placed ? areas.at(PLACE.offset, plan.size) : areas);
  return { plan, segments: saveSegments(plan, rfbm), saver, selected: save };
}

/** The saver for any XINUSE, with a sink. */
export function bindAny(on: Subject, instruction: SaveFamily, mask: bigint): BoundSave | undefined {
  const { savers, processors, areas } = on;
  const names = selectSave(savers, processors, areas, { instruction, mask }).savers;
  const form = formsNamed(savers, names).find(({ inUse }) => inUse === "any");
  return form && boundForm(form, registerViews(processors), areas);
}
