/** The form of a case: one JSON object a line. One schema checks cases and describes them to other projects. */

import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { DEPARTURE_NAMES, departureText, departureWords, X87_POINTER_RULES } from "../../isa/vendor-behaviour.ts";
import { STATE_MEMBERS } from "../state-members.ts";
import type { SuiteCase } from "./suite-case.ts";

const mask = (description: string) =>
  v.pipe(v.string(), v.regex(/^0x(?:0|[1-9a-f][0-9a-f]{0,15})$/), v.description(`${description}; 64 bits, hexadecimal`));
const bytes = (description: string) =>
  v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2})+$/), v.description(`${description}; lower-case hexadecimal in memory order`));
const word = (description: string) =>
  v.pipe(v.string(), v.regex(/^0x(?:0|[1-9a-f][0-9a-f]{0,7})$/), v.description(`${description}; 32 bits, hexadecimal`));
const whole = (description: string) => v.pipe(v.number(), v.integer(), v.minValue(0), v.description(description));

const state = (description: string) =>
  v.pipe(
    v.strictObject({
      legacy: bytes("x87, MXCSR, MXCSR_MASK and XMM as FXSAVE64 lays them out, 512 bytes"),
      ...Object.fromEntries([...STATE_MEMBERS].map(([name, index]) => [name, v.optional(bytes(`component ${index}`))])),
    }),
    v.description(`${description}: contents by component, each in the component's own layout`),
  );

const leaf = v.strictObject({ eax: word("EAX"), ebx: word("EBX"), ecx: word("ECX"), edx: word("EDX") });

const cpu = v.pipe(
  v.strictObject({
    name: v.string(),
    vendor: v.pipe(v.string(), v.description("CPUID leaf 0")),
    family: whole("Display family"),
    model: whole("Display model"),
    stepping: whole("Stepping"),
    xsaveerptr: v.pipe(v.boolean(), v.description("CPUID.80000008H:EBX[2]")),
    leafD: v.pipe(
      v.record(v.pipe(v.string(), v.regex(/^[0-9]{1,2}$/)), leaf),
      v.description(
        "CPUID leaf 0DH by sub-leaf: EAX size, EBX standard offset, ECX bit 0 supervisor, bit 1 aligned to 64 bytes in the compacted format, bit 2 XFD",
      ),
    ),
    quirks: v.pipe(
      v.strictObject({
        x87Pointers: v.pipe(
          v.picklist(X87_POINTER_RULES),
          v.description("FOP, FIP and FDP in a save: live values, zeros unless FSW.ES is 1, or left alone unless FSW.ES is 1"),
        ),
        mxcsrMask: word("MXCSR_MASK: the bits that MXCSR may have"),
        ...Object.fromEntries(
          DEPARTURE_NAMES.map((name) => [
            name,
            v.optional(v.pipe(v.picklist(departureWords(name).map(([each]) => each)), v.description(departureText(name)))),
          ]),
        ),
      }),
      v.description("Vendor behaviour; what is absent is as in Intel's manual"),
    ),
  }),
  v.description("The processor"),
);

const shared = {
  id: v.string(),
  origin: v.pipe(
    v.picklist(["recorded", "computed"]),
    v.description("recorded: this CPU in hardware executed it; computed: by a reference written after the manual's pseudo-code"),
  ),
  cpu,
  group: v.pipe(v.string(), v.description("What the case is about")),
  xcr0: mask("XCR0"),
  xss: mask("IA32_XSS"),
  xfd: mask("IA32_XFD"),
  mask: mask("EDX:EAX of the instruction"),
  rfbm: mask("mask & XCR0; XSAVES and XRSTORS: mask & (XCR0 | IA32_XSS)"),
  fault: v.pipe(v.nullable(whole("vector")), v.description("Exception vector; null: none. With a fault nothing changes")),
  deviations: v.pipe(v.array(v.string()), v.description("Named departures from the manual and `quirks`; empty in this suite")),
};

const saveSchema = v.strictObject({
  ...shared,
  instruction: v.pipe(
    v.picklist(["XSAVE64", "XSAVEOPT64", "XSAVEC64", "XSAVES64", "XSAVE"]),
    v.description("The name says the operand size: 64 with REX.W, else 32; executed in 64-bit mode"),
  ),
  xinuse: mask("XINUSE of XCR0's components as XGETBV(1) says it: bit 1 is also set when MXCSR is not 1F80H"),
  xmmInUse: v.pipe(v.boolean(), v.description("XINUSE[1] about XMM alone")),
  loader: v.literal("xrstor"),
  nmi: v.literal(false),
  initComponents: v.null(),
  state: state("Registers when the instruction ran, live FOP, FIP and FDP included; FCS and FDS are 0"),
  uintrMiscAfter: v.optional(mask("IA32_UINTR_MISC afterwards: XSAVES clears UINV")),
  before: bytes("The area beforehand"),
  after: bytes("The area afterwards"),
});

const restoreSchema = v.strictObject({
  ...shared,
  instruction: v.picklist(["XRSTOR64", "XRSTORS64", "XRSTOR"]),
  compacted: v.pipe(v.boolean(), v.description("XCOMP_BV[63]")),
  misaligned: v.pipe(v.boolean(), v.description("The area lies 16 bytes past a multiple of 64")),
  image: bytes("The area; a restore does not change it"),
  xinuseBefore: v.nullable(mask("XGETBV(1) beforehand; null: the CPU has none, and XINUSE is by value")),
  xinuseAfter: v.nullable(
    mask("XGETBV(1) afterwards; a processor may report less for components that hold their initial values"),
  ),
  stateBefore: state("Registers beforehand, live FOP, FIP and FDP included"),
  stateAfter: state("Registers afterwards; FOP, FIP and FDP as a save under `quirks.x87Pointers` shows them"),
});

const caseSchema = v.union([saveSchema, restoreSchema]);

/** Checks a parsed line. Throws Error naming the case and the first member that is wrong. */
export function checkCase(value: unknown): SuiteCase {
  const schema = typeof value === "object" && value !== null && "image" in value ? restoreSchema : saveSchema;
  const result = v.safeParse(schema as v.GenericSchema<unknown, SuiteCase>, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const id = typeof value === "object" && value !== null && "id" in value ? String(value.id) : "a case";
  throw new Error(`${id}: "${v.getDotPath(issue) ?? "the case"}": ${issue.message}`);
}

/** JSON Schema of a case. */
export function caseJsonSchema(): string {
  const schema = toJsonSchema(caseSchema, { errorMode: "ignore" });
  return `${JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", title: "Case of xsavekit's conformance suite, version 1", ...schema }, null, 2)}\n`;
}
