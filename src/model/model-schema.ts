/**
 * The form of `cpu-models/*.yaml`: one schema for checking files and for completion in editors
 * (`cpu-models/schema.json`). Whether the figures add up is the lint rules' business.
 */

import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import {
  type DepartureName,
  type DepartureWord,
  DEPARTURE_NAMES,
  departureText,
  departureWords,
  type Quirks,
  X87_POINTER_RULES,
} from "../isa/vendor-behaviour.ts";
import { MODEL_KINDS } from "./cpu-model.ts";
import type { ModelKind, Signature } from "./cpu-model.ts";
import { COMPONENT_NAMES } from "./component-key.ts";
import { type FigureSource, NAMED_FIGURES } from "./figure-sources.ts";

/** CPUID.(0DH,1):EAX bits 0 to 4, in that order. */
export const INSTRUCTION_NAMES = ["xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd"] as const;
/** One of CPUID.(0DH,1):EAX's instructions. */
export type InstructionName = (typeof INSTRUCTION_NAMES)[number];

/** A row as YAML has it. */
export interface ComponentFields {
  readonly index: number;
  readonly size: number;
  readonly offset?: number | undefined;
  readonly supervisor?: boolean | undefined;
  readonly align64?: boolean | undefined;
  readonly xfd?: boolean | undefined;
}

/** A signature as YAML has it. */
export interface SignatureFields extends Omit<Signature, "stepping"> {
  readonly stepping?: number | undefined;
}

/** Keys that a model and a view of one share. */
export interface SharedFields {
  readonly id: string;
  readonly name: string;
  readonly kind: ModelKind;
  readonly masks?: Readonly<Record<string, bigint>> | undefined;
  readonly notes?: string | undefined;
}

/** What the schema makes of a whole model's YAML. */
export interface ModelFields extends SharedFields {
  readonly vendor: string;
  readonly signatures: readonly SignatureFields[];
  readonly xcr0Supported: bigint;
  readonly xssSupported: bigint;
  readonly instructions: readonly InstructionName[];
  readonly sizeMax: number;
  readonly components: Readonly<Record<string, ComponentFields>>;
  readonly quirks: Quirks;
  readonly sources: readonly FigureSource[];
}

/** What the schema makes of a view's YAML. */
export interface ViewFields extends SharedFields {
  readonly extends: string;
  readonly signatures?: readonly SignatureFields[] | undefined;
  readonly xcr0Supported?: bigint | undefined;
  readonly xssSupported?: bigint | undefined;
  readonly instructions?: readonly InstructionName[] | undefined;
  readonly sizeMax?: number | undefined;
  readonly quirks?: Partial<Quirks> | undefined;
  readonly sources?: readonly FigureSource[] | undefined;
}

/**
 * Ids of models and names of masks: file names and parts of generated names come from them. `cpu-models/` and the
 * generator's output have files or folders of their own under the five words.
 */
export const ID_FORM: RegExp = /^(?!(?:index|cpus|masks|savers|restores)$)[a-z0-9]+(-[a-z0-9]+)*$/;
/** A model's name for people. */
const NAME_FORM = /^[A-Za-z0-9][A-Za-z0-9 .,+()/&@_-]*$/;
/** The twelve characters of CPUID leaf 0 (some hypervisors give fewer). */
const VENDOR_FORM = /^[A-Za-z0-9 !.+_-]{1,12}$/;
/** Printable, on one line, and nothing that opens or closes something in code, comments or templates. */
const TEXT_FORM = /^(?!.*(?:\*\/|`|\$\{|\{\{|\}\}))[^\p{C}\p{Zl}\p{Zp}]+$/u;

const integer = (least: number, most: number, description: string) =>
  v.pipe(
    v.bigint(`an integer from ${least} to ${most}`),
    v.minValue(BigInt(least), `an integer from ${least} to ${most}`),
    v.maxValue(BigInt(most), `an integer from ${least} to ${most}`),
    v.transform(Number),
    v.description(description),
  );

const mask = (description: string) =>
  v.pipe(
    v.bigint("a 64-bit mask such as 0x2e7"),
    v.minValue(0n, "a 64-bit mask such as 0x2e7"),
    v.maxValue(0xffff_ffff_ffff_ffffn, "a 64-bit mask such as 0x2e7"),
    v.description(description),
  );

const text = (form: RegExp, most: number, expected: string, description: string) =>
  v.pipe(
    v.string(expected),
    v.maxLength(most, `${expected}, at most ${most} characters`),
    v.regex(form, expected),
    v.description(description),
  );

/** An id, as schema. */
const idSchema = (description: string) =>
  text(ID_FORM, 64, "lower-case words joined by - (a-z, 0-9); not index, cpus, masks, savers or restores", description);
const freeText = (most: number, description: string) =>
  text(TEXT_FORM, most, "printable text on one line, without */, backquotes, ${ and double braces", description);

// `never` as the rest, not strictObject: it reports every unknown key instead of the first.
const closed = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  v.objectWithRest(entries, v.never("no such key"), "a row of keys and values");

const signature = closed({
  family: integer(0, 0x10e, "Display family, CPUID.1:EAX"),
  model: integer(0, 0xff, "Display model, CPUID.1:EAX"),
  stepping: v.optional(integer(0, 15, "Only this stepping; absent: all")),
});

const component = closed({
  index: integer(2, 62, "Sub-leaf of CPUID leaf 0DH"),
  size: integer(0, 0xffff_ffff, "EAX: bytes"),
  offset: v.optional(integer(0, 0xffff_ffff, "EBX: byte offset in the standard format; absent for supervisor components")),
  supervisor: v.optional(v.pipe(v.boolean("true or false"), v.description("ECX[0]: managed through IA32_XSS"))),
  align64: v.optional(v.pipe(v.boolean("true or false"), v.description("ECX[1]: 64-byte aligned in the compacted format"))),
  xfd: v.optional(v.pipe(v.boolean("true or false"), v.description("ECX[2]: can be disabled through IA32_XFD"))),
});

const componentKeyForm = new RegExp(`^(?:${COMPONENT_NAMES.join("|")}|component-[1-9][0-9]?)$`);
const instructions = v.pipe(
  v.array(v.picklist(INSTRUCTION_NAMES, `one of ${INSTRUCTION_NAMES.join(", ")}`), "a list such as [xsaveopt, xsavec]"),
  v.description("CPUID.(0DH,1):EAX: what the CPU has beyond XSAVE and XRSTOR"),
);
type DepartureEntries = {
  readonly [Name in DepartureName]: v.ExactOptionalSchema<v.GenericSchema<unknown, DepartureWord<Name>>, undefined>;
};
const departureEntries = Object.fromEntries(
  DEPARTURE_NAMES.map((name) => {
    const words = departureWords(name).map(([word]) => word);
    return [name, v.exactOptional(v.pipe(v.picklist(words, words.join(" or ")), v.description(departureText(name))))];
  }),
) as unknown as DepartureEntries;
const quirkEntries = {
  x87Pointers: v.pipe(
    v.picklist(X87_POINTER_RULES, `one of ${X87_POINTER_RULES.join(", ")}`),
    v.description("What a save stores as FOP, FIP and FDP"),
  ),
  mxcsrMask: integer(0, 0xffff_ffff, "MXCSR_MASK as FXSAVE stores it"),
  ...departureEntries,
};
const kind = v.pipe(
  v.picklist(MODEL_KINDS, `one of ${MODEL_KINDS.join(", ")}`),
  v.description("silicon: read on the CPU; guest: what a hypervisor shows; emulator; published: from documents only"),
);
const name = text(NAME_FORM, 100, "letters, digits, spaces and .,+()/&@_-", "For people: Intel Sapphire Rapids");
const signatures = v.pipe(
  v.array(signature, "a list of { family, model }"),
  v.description("CPUID.1:EAX of the CPUs that it describes"),
);
const xcr0Supported = mask("CPUID.(0DH,0) EDX:EAX: bits that XCR0 may have");
const xssSupported = mask("CPUID.(0DH,1) EDX:ECX: bits that IA32_XSS may have");
const sizeMax = integer(0, 0xffff_ffff, "CPUID.(0DH,0).ECX: standard-format size for all of xcr0Supported");
const masks = v.record(
  idSchema("Name of the mask"),
  mask("RFBM that shall have savers"),
  "names and masks such as { vector: 0xe6 }",
);
const source = freeText(300, "A public dump, a document with its clause, or what was measured or inferred from what");
const figure = v.union([v.picklist(NAMED_FIGURES), v.pipe(v.string(), v.regex(/^component-[1-9][0-9]?$/))], "a figure's name");
const sources = v.pipe(
  v.array(
    v.union([
      source,
      closed({
        source,
        figures: v.pipe(
          v.array(figure, "a list such as [PKRU, quirks.mxcsrMask]"),
          v.minLength(1, "at least one figure"),
          v.description("Only these: masks, sizeMax, rows by component, quirks.<name>"),
        ),
      }),
    ]),
    "a list of texts, or of { source, figures }",
  ),
  v.minLength(1, "at least one public dump or document"),
  v.transform((entries): FigureSource[] => entries.map((entry) => (typeof entry === "string" ? { source: entry } : entry))),
  v.description("Where the figures come from; a text alone covers every figure that no entry names"),
);
const notes = freeText(4000, "Remarks for people, one paragraph");

/** A whole model. */
export const modelSchema: v.GenericSchema<unknown, ModelFields> = closed({
  id: idSchema("File name without .yaml"),
  name,
  vendor: text(VENDOR_FORM, 12, "the 12 characters of CPUID leaf 0", "CPUID leaf 0: GenuineIntel, AuthenticAMD, ..."),
  kind,
  signatures,
  xcr0Supported,
  xssSupported,
  instructions,
  sizeMax,
  components: v.pipe(
    v.record(
      v.pipe(v.string(), v.regex(componentKeyForm, "a component's name, or component-21 where it has none")),
      component,
      "rows such as AVX: { index: 2, size: 256, offset: 576 }",
    ),
    v.description("Rows of CPUID leaf 0DH, sub-leaves 2 to 62"),
  ),
  quirks: v.pipe(closed(quirkEntries), v.description("Vendor behaviour")),
  masks: v.optional(masks),
  sources,
  notes: v.optional(notes),
});

/** A guest's or otherwise restricted view of another model. */
export const viewSchema: v.GenericSchema<unknown, ViewFields> = closed({
  id: idSchema("File name without .yaml"),
  extends: idSchema("Id of the model that this one restricts"),
  name,
  kind,
  signatures: v.optional(signatures),
  xcr0Supported: v.optional(xcr0Supported),
  xssSupported: v.optional(xssSupported),
  instructions: v.optional(instructions),
  sizeMax: v.optional(sizeMax),
  quirks: v.optional(
    closed({
      x87Pointers: v.exactOptional(quirkEntries.x87Pointers),
      mxcsrMask: v.exactOptional(quirkEntries.mxcsrMask),
      ...departureEntries,
    }),
  ),
  masks: v.optional(masks),
  sources: v.optional(sources),
  notes: v.optional(notes),
});

const jsonOf = (schema: v.GenericSchema): object => {
  const { $schema: _, ...json } = toJsonSchema(schema, {
    typeMode: "input",
    ignoreActions: ["transform"],
    // Flags of a pattern and bounds as bigint are what it would complain of; both are put right below.
    errorMode: "ignore",
    overrideSchema: ({ valibotSchema }) =>
      valibotSchema.type === "bigint" ? { type: "integer" } : valibotSchema.type === "never" ? (false as never) : undefined,
    overrideAction: ({ valibotAction, jsonSchema }) => {
      const { requirement, type } = valibotAction as { requirement?: unknown; type: string };
      if (requirement instanceof RegExp) return { ...jsonSchema, pattern: requirement.source };
      return typeof requirement === "bigint"
        ? { ...jsonSchema, [type === "min_value" ? "minimum" : "maximum"]: Number(requirement) }
        : undefined;
    },
  });
  return json;
};

/** Text of `cpu-models/schema.json`: JSON Schema draft-07 for editors, with a line end. */
export function modelJsonSchema(): string {
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "CPU model: XSAVE state as CPUID leaf 0DH describes it",
    type: "object",
    if: { required: ["extends"] },
    // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
    then: jsonOf(viewSchema),
    else: jsonOf(modelSchema),
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
