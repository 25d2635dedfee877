/** Why each generated saver has its form: which instructions share it, what it does for components in init, and who uses it. */

import type { FormSpec, GroupSpec } from "../generator/saver-spec.ts";
import { bitsOf } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";

/** A saver group of one model with the reasons for its forms. */
export interface SaverExplanation {
  readonly model: string;
  readonly group: string;
  /** File below the output folder. */
  readonly file: string;
  readonly sharedBy: readonly string[];
  readonly reasons: readonly string[];
  readonly forms: readonly { readonly name: string; readonly reason: string }[];
}

/** XSAVES writes more than XSAVEC for these. */
const OWN_EFFECTS = [8, 14, 15];

/** One for each group of each model. */
export function explainSavers(groups: ReadonlyMap<string, readonly GroupSpec[]>): SaverExplanation[] {
  const users = new Map<string, string[]>();
  const keyOf = ({ file, name }: GroupSpec): string => `${file} ${name}`;
  for (const [id, list] of groups) for (const group of list) users.set(keyOf(group), [...(users.get(keyOf(group)) ?? []), id]);
  return [...groups].flatMap(([model, list]) =>
    list.map((group) => ({
      model,
      group: group.name,
      file: `savers/${group.file}.ts`,
      sharedBy: (users.get(keyOf(group)) ?? []).filter((id) => id !== model),
      reasons: reasonsOf(group),
      forms: group.forms.map((form) => ({ name: form.name, reason: formReason(group, form) })),
    })),
  );
}

const names = (mask: bigint): string => bitsOf(mask).map(componentName).join(", ");

function reasonsOf({ families, plan }: GroupSpec): string[] {
  const reasons: string[] = [];
  const [first] = families;
  const own = bitsOf(plan.rfbm).filter((index) => OWN_EFFECTS.includes(index));
  if (families.length > 1)
    reasons.push(`${families.join(" and ")} share it: no component of RFBM has an effect of its own under XSAVES`);
  else if (own.length > 0)
    reasons.push(`${first} alone: ${own.map(componentName).join(", ")} has an effect of its own under XSAVES`);
  else reasons.push(`${first} alone: no other instruction writes the same header and the same bytes for components in init`);
  if (plan.mxcsrCounts) reasons.push("MXCSR away from 1F80H makes SSE count as in use");
  if ((plan.rfbm & 1n) === 1n && plan.x87Pointers !== "saved")
    reasons.push(
      `FOP, FIP and FDP are ${plan.x87Pointers === "zero-unless-es" ? "zeroed" : "left as they are"} unless FSW.ES is set (vendor rule)`,
    );
  if (plan.pieces.some((piece) => piece.component === 9 && piece.length === 4))
    reasons.push("PKRU's upper four bytes are left as they are (vendor rule)");
  reasons.push(
    plan.header === "merge"
      ? "XSTATE_BV keeps the bits outside RFBM, XCOMP_BV is left"
      : "XSTATE_BV and XCOMP_BV are written whole",
  );
  return reasons;
}

function formReason({ plan, forms }: GroupSpec, form: FormSpec): string {
  const segments = `${form.segments.length} segment${form.segments.length === 1 ? "" : "s"}`;
  if (form.inUse === "any") {
    const sink = form.segments.some(({ kind }) => kind === "sink");
    const select = form.segments.some(({ kind }) => kind === "select");
    const how = sink
      ? "the bytes of a component in init go to the sink, by arithmetic on the offset"
      : select
        ? "a component in init is read from the block with initial values, by arithmetic on the index"
        : "every component of RFBM is written the same way whether in use or not";
    const alone = forms.length === 1 ? ", and the only form: `xinuse: any` in masks.yaml" : "";
    return `exact for any XINUSE without a branch${alone}: ${how}; ${segments}`;
  }
  if (form.inUse === plan.rfbm)
    return `all of RFBM in use, the usual state: nothing depends on XINUSE; ${plan.pieces.length} pieces joined to ${segments}`;
  return `${names(form.inUse)} in use: a class of XINUSE that masks.yaml or the model declares; ${segments}`;
}

/** For terminals: a paragraph for each group. */
export function explanationText(explanations: readonly SaverExplanation[]): string {
  return explanations
    .flatMap(({ model, group, file, sharedBy, reasons, forms }) => [
      `${model}: ${group} in ${file}${sharedBy.length === 0 ? "" : `, also used by ${sharedBy.length} other model${sharedBy.length === 1 ? "" : "s"}`}`,
      ...reasons.map((reason) => `  ${reason}`),
      ...forms.map(({ name, reason }) => `  ${name}: ${reason}`),
    ])
    .join("\n");
}
