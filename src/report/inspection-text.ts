/** What `inspect` prints for people: the layout and how sure it is, then registers thread by thread. */

import type { Container } from "../formats/container.ts";
import type { DecodedThread } from "../formats/decode-container.ts";
import type { LayoutChoice } from "../image/layout-choice.ts";
import { formatX87, hexBytes, type ValueFormat } from "../image/format-value.ts";
import { readRegister, readRegisters, type RegisterValue } from "../image/read-register.ts";
import { inUseOf, type RegisterState } from "../image/register-state.ts";
import { type Register, REGISTERS } from "../image/registers.ts";
import { configuredTiles } from "../image/tile-shape.ts";
import { maskHex, maskWithNames } from "../isa/feature-mask.ts";
import { LEGACY_REGION_SIZE } from "../isa/xsave-area.ts";
import type { AreaLayout } from "../layout/area-layout.ts";
import { layoutTitle } from "../layout/offset-maps.ts";
import { escapeText } from "../model/diagnostic.ts";
import { drawArea } from "./area-drawing.ts";
import { type InspectionOptions, registerLanes, registerText, unnamedInUse } from "./inspection-data.ts";

const NAME_WIDTH = 12;
const LINE_WIDTH = 96;
/** Hex digits in a line of vector bytes: 32 bytes. */
const HEX_LINE = 64;

/** The whole report, piece by piece, each of whole lines. The drawing is made where one thread is shown. */
export function* inspectionText(
  file: string,
  container: Container,
  layouts: readonly LayoutChoice[],
  threads: Iterable<DecodedThread>,
  options: InspectionOptions,
): Generator<string> {
  const count = container.threads.length;
  const lines = [
    `${escapeText(file)}: ${escapeText(container.description)}; ${count} ${count === 1 ? "thread" : "threads"} shown`,
  ];
  for (const { rule, message, offset } of container.warnings)
    lines.push(`warning ${rule}: ${offset === undefined ? "" : `byte ${offset}: `}${escapeText(message)}`);
  for (const layout of layouts) lines.push(...layoutLines(layout));
  yield wholeLines(lines);
  for (const thread of threads) {
    yield wholeLines(["", ...threadLines(thread, options)]);
    if (count === 1 && thread.decoded && options.registers === undefined) yield wholeLines(["", drawing(thread)]);
  }
}

function wholeLines(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}

const SOURCES: Readonly<Record<LayoutChoice["source"], string>> = {
  model: "as named",
  declared: "from the file's own table",
  "features-and-size": "from user features and size",
  contents: "from user features, size and the zeros in its gaps",
  "xcomp-bv": "from the sizes of XCOMP_BV's components",
  size: "from XSTATE_BV and size alone",
  none: "no extended components",
};

function layoutLines({ source, map, certainty, sharedBy, warnings }: LayoutChoice): string[] {
  const ids = sharedBy.length > 6 ? `${sharedBy.slice(0, 5).join(", ")} and ${sharedBy.length - 5} more` : sharedBy.join(", ");
  const models =
    sharedBy.length === 0
      ? "no known model has it"
      : `${sharedBy.length} ${sharedBy.length === 1 ? "model has" : "models have"} it: ${ids}`;
  return [
    `layout ${source === "model" ? map : layoutTitle(map)}, ${SOURCES[source]}: ${certainty}; ${models}`,
    ...warnings.map(({ rule, message }) => `warning ${rule}: ${message}`),
  ];
}

function threadLines(each: DecodedThread, { registers, format }: InspectionOptions): string[] {
  const { thread, decoded, state, error } = each;
  const { tid, name, signal, signalled, exception } = thread;
  const title = [
    tid === undefined ? "area" : `thread ${tid}`,
    name === undefined ? "" : `"${escapeText(name)}"`,
    signal === undefined || signal === 0 ? "" : `signal ${signal}`,
    exception === undefined ? "" : `exception 0x${exception.toString(16)}`,
    signalled ? "(the one that was hit)" : "",
  ];
  const lines = [title.filter((part) => part !== "").join(" ")];
  if (error) lines.push(`  ${error.message}`);
  else if (state.size === 0) lines.push("  no area and no older x87 or SSE registers");
  if (decoded) {
    const { xstateBv, xcompBv, form } = decoded.layout;
    lines.push(`  ${form}, XSTATE_BV ${maskWithNames(xstateBv)}, XCOMP_BV ${maskHex(xcompBv)}`);
    for (const { rule, offset, message } of decoded.warnings)
      lines.push(`  warning ${rule}: ${offset === undefined ? "" : `byte ${offset} of the area: `}${message}`);
  }
  const values = registers ? readRegisters(state, registers) : brief(state);
  for (const value of values) lines.push(...registerLines(value, format));
  const { ssp } = thread.registers;
  const ofShadowStack = ssp !== undefined && !state.has(11);
  if (ofShadowStack && (!registers || registers.some(({ name }) => name === "ssp")))
    lines.push(`  ${"ssp".padEnd(NAME_WIDTH)}${maskHex(ssp)}`);
  const shown = new Set(values.map(({ register }) => register));
  const absent = registers?.filter((register) => !shown.has(register) && !(ofShadowStack && register.name === "ssp")) ?? [];
  if (absent.length > 0 && state.size > 0) lines.push(`  not in this area: ${namesOf(absent)}`);
  if (registers === undefined) {
    for (const { index, bytes } of unnamedInUse(state)) {
      lines.push(`  component ${index}, ${bytes.length} bytes, of which no document names registers:`);
      lines.push(...hexLines(hexBytes(bytes)).map((line) => `  ${" ".repeat(NAME_WIDTH)}${line}`));
    }
    for (const { number, rows, columnBytes } of configuredTiles(state))
      lines.push(`  tmm${number} is configured as ${rows} rows of ${columnBytes} bytes`);
    const initial = inInit(state, values);
    if (initial !== "") lines.push(`  in init, not shown: ${initial}`);
  }
  return lines;
}

/** Names; of groups that are there as a whole the group's. */
function namesOf(registers: readonly Register[]): string {
  const whole = (group: string): boolean =>
    REGISTERS.every((register) => register.group !== group || registers.includes(register));
  return [...new Set(registers.map(({ group, name }) => (whole(group) ? group : name)))].join(", ");
}

/** What people look at: no pieces and no doubles, vectors at their widest, nothing that is in init. */
function brief(state: RegisterState): RegisterValue[] {
  const widest = (register: Register): boolean => {
    if (register.group !== "xmm" && register.group !== "ymm") return true;
    const wider = register.group === "xmm" ? ["ymm", "zmm"] : ["zmm"];
    return !wider.some((group) => {
      const other = REGISTERS.find((each) => each.group === group && each.number === register.number);
      return other !== undefined && readRegister(state, other) !== undefined;
    });
  };
  return readRegisters(state).filter(({ register, init }) => init !== "all" && register.group !== "mm" && widest(register));
}

/** Groups of which every register is in init. */
function inInit(state: RegisterState, shown: readonly RegisterValue[]): string {
  const groups = new Set(
    readRegisters(state)
      .filter(({ init, register }) => init === "all" && register.derived === undefined)
      .map(({ register }) => register.group),
  );
  for (const { register } of shown) groups.delete(register.group);
  return [...groups].join(", ");
}

function registerLines(value: RegisterValue, format: ValueFormat): string[] {
  const { register, init } = value;
  const note = init === "all" ? "  (in init)" : init === "part" ? "  (upper part in init)" : "";
  const head = `  ${register.name.padEnd(NAME_WIDTH)}`;
  if (register.view === "st") return [`${head}${registerText(value)}  ${formatX87(value.bytes)}${note}`];
  const texts = format === "hex" ? hexLines(registerText(value)) : wrapped(registerLanes(value, format));
  return texts.map((text, at) => `${at === 0 ? head : " ".repeat(head.length)}${text}${at === texts.length - 1 ? note : ""}`);
}

function hexLines(hex: string): string[] {
  return hex.match(new RegExp(`.{1,${HEX_LINE}}`, "g")) ?? [""];
}

function wrapped(lanes: readonly string[]): string[] {
  const lines: string[] = [];
  for (const lane of lanes) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + lane.length <= LINE_WIDTH) lines[lines.length - 1] = `${last} ${lane}`;
    else lines.push(lane);
  }
  return lines;
}

function drawing({ decoded, state }: DecodedThread): string {
  if (!decoded) return "";
  const { form, components, xstateBv, xcompBv, size } = decoded.layout;
  // Windows' form is drawn as the area it was cut from.
  const shift = form === "compacted-without-legacy" ? LEGACY_REGION_SIZE : 0;
  const layout: AreaLayout = {
    format: form === "standard" ? "standard" : "compacted",
    rfbm: xcompBv,
    components: components.map(({ row, offset }) => ({ row, offset: offset + shift })),
    size: size + shift,
  };
  // Of x87 and SSE the CONTEXT beside Windows' form speaks, XSTATE_BV does not.
  return drawArea(layout, shift > 0 ? (xstateBv & ~3n) | (inUseOf(state) & 3n) : xstateBv);
}
