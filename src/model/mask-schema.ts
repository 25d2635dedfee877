/** The form of `cpu-models/masks.yaml`. */

import * as v from "valibot";
import { COMPONENT_NAMES } from "./component-key.ts";
import { ID_FORM } from "./model-schema.ts";

/** The save instructions in their 64-bit operand forms. */
export const SAVE_INSTRUCTIONS = ["XSAVE64", "XSAVEOPT64", "XSAVEC64", "XSAVES64"] as const;
/** One of the save instructions. */
export type SaveInstruction = (typeof SAVE_INSTRUCTIONS)[number];

/** A family as YAML has it: names still names. */
export interface MaskFamilyFields {
  readonly name: string;
  /** A list of component names, or everything (`all`), or everything in XCR0 (`all-user`). */
  readonly components?: readonly string[] | "all" | "all-user" | undefined;
  /** Components taken out again. */
  readonly without?: readonly string[] | undefined;
  /** One choice from each list, in all combinations but the empty one. */
  readonly combine?: readonly (readonly (readonly string[])[])[] | undefined;
  readonly instructions: readonly SaveInstruction[];
  readonly cut?: boolean | undefined;
  /** Classes in place of the file's; `any`: nothing but the routine for any XINUSE. */
  readonly xinuse?: readonly (readonly string[])[] | "any" | undefined;
}

/** The whole file. */
export interface MaskFileFields {
  readonly xinuse: readonly (readonly string[])[];
  readonly families: readonly MaskFamilyFields[];
}

const closed = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  v.objectWithRest(entries, v.never("no such key"), "a row of keys and values");
const name = v.pipe(
  v.string("a name"),
  v.maxLength(64, "at most 64 characters"),
  v.regex(ID_FORM, "lower-case words joined by -"),
);
const component = v.picklist([...COMPONENT_NAMES], `one of ${COMPONENT_NAMES.join(", ")}`);
const components = v.array(component, "a list of component names");
const classes = v.pipe(v.array(components, "lists of component names"), v.maxLength(16, "at most 16 classes"));

const family = closed({
  name,
  components: v.optional(v.union([components, v.picklist(["all", "all-user"])], "a list of component names, all, or all-user")),
  without: v.optional(components),
  combine: v.optional(
    v.pipe(
      v.array(v.pipe(v.array(components, "lists of component names"), v.maxLength(16, "at most 16 choices")), "lists of choices"),
      v.maxLength(8, "at most 8 lists of choices"),
    ),
  ),
  instructions: v.array(v.picklist(SAVE_INSTRUCTIONS, `one of ${SAVE_INSTRUCTIONS.join(", ")}`), "a list of save instructions"),
  cut: v.optional(v.boolean("true or false")),
  xinuse: v.optional(v.union([classes, v.literal("any")], "lists of component names, or any")),
});

/** Schema of the whole file. */
export const maskFileSchema: v.GenericSchema<unknown, MaskFileFields> = closed({
  xinuse: classes,
  families: v.pipe(v.array(family, "a list of families"), v.maxLength(64, "at most 64 families")),
});
