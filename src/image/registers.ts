/**
 * Registers by name, and which bytes of which components they are. One list, made from the component table;
 * YMM and ZMM are assembled from XMM, YMM_H and ZMM_H as the architecture has it (SDM vol. 1, 13.5).
 */

import { componentRegisters, type RegisterField, type RegisterView } from "../isa/component-registers.ts";
import { STATE_COMPONENTS } from "../isa/state-component.ts";
import { ImageError } from "./image-error.ts";

/** Bytes of a register inside a component; for components 0 and 1 inside the area. */
export interface RegisterPart {
  readonly component: number;
  readonly offset: number;
  readonly size: number;
}

/** One register. */
export interface Register {
  /** `zmm17`, `mxcsr`. */
  readonly name: string;
  /** Name without the number: `zmm`. */
  readonly group: string;
  /** 17 of `zmm17`; undefined for those of which there is one. */
  readonly number: number | undefined;
  readonly view: RegisterView;
  /** Bytes. */
  readonly size: number;
  /** From the lowest byte up. */
  readonly parts: readonly RegisterPart[];
  /**
   * `mm`: MMX register n is the low 64 bits of physical x87 register n, which lies in slot (n - TOP) & 7.
   * `ftag`: the x87 tag word with two bits a register, computed from FTW's byte and the register contents.
   */
  readonly derived?: "mm" | "ftag";
  /** False for the pieces (`ymmh3`) and for the low parts of ZMM16-31: shown when they are asked for. */
  readonly listed: boolean;
}

function fieldRegisters(component: number, field: RegisterField): Register[] {
  const { name, size, offset, count, first = 0, stride = size, view } = field;
  const listed = name !== "ymmh" && name !== "zmmh";
  if (count === undefined)
    return [{ name, group: name, number: undefined, view, size, parts: [{ component, offset, size }], listed }];
  return Array.from({ length: count }, (_, at) => ({
    name: `${name}${first + at}`,
    group: name,
    number: first + at,
    view,
    size,
    parts: [{ component, offset: offset + at * stride, size }],
    listed,
  }));
}

function assembled(): Register[] {
  const registers: Register[] = [];
  const vector = (group: string, number: number, listed: boolean, parts: readonly RegisterPart[]): void => {
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    registers.push({ name: `${group}${number}`, group, number, view: "vector", size, parts, listed });
  };
  for (let n = 0; n < 16; n++) {
    const xmm = { component: 1, offset: 160 + 16 * n, size: 16 };
    const ymmh = { component: 2, offset: 16 * n, size: 16 };
    vector("ymm", n, true, [xmm, ymmh]);
    vector("zmm", n, true, [xmm, ymmh, { component: 6, offset: 32 * n, size: 32 }]);
  }
  for (let n = 16; n < 32; n++) {
    for (const [group, size] of [
      ["xmm", 16],
      ["ymm", 32],
    ] as const)
      vector(group, n, false, [{ component: 7, offset: 64 * (n - 16), size }]);
  }
  const x87: RegisterPart = { component: 0, offset: 0, size: 160 };
  for (let n = 0; n < 8; n++)
    registers.push({
      name: `mm${n}`,
      group: "mm",
      number: n,
      view: "vector",
      size: 8,
      parts: [x87],
      derived: "mm",
      listed: true,
    });
  registers.push({
    name: "ftag",
    group: "ftag",
    number: undefined,
    view: "number",
    size: 2,
    parts: [x87],
    derived: "ftag",
    listed: true,
  });
  return registers;
}

/** Groups in the order of display that differs from the component table's. */
const FIRST_GROUPS = [
  "fcw",
  "fsw",
  "ftw",
  "ftag",
  "fop",
  "fip",
  "fdp",
  "st",
  "mm",
  "mxcsr",
  "mxcsr_mask",
  "xmm",
  "ymmh",
  "ymm",
  "zmmh",
  "zmm",
];

function inOrder(registers: readonly Register[]): Register[] {
  const rank = (register: Register): number => {
    const at = FIRST_GROUPS.indexOf(register.group);
    return at < 0 ? FIRST_GROUPS.length : at;
  };
  return registers.toSorted(
    (a, b) => rank(a) - rank(b) || (rank(a) < FIRST_GROUPS.length ? (a.number ?? 0) - (b.number ?? 0) : 0),
  );
}

/** Every register that the component table knows, in the order of display. */
export const REGISTERS: readonly Register[] = inOrder([
  ...STATE_COMPONENTS.flatMap(({ index }) => (componentRegisters(index) ?? []).flatMap((field) => fieldRegisters(index, field))),
  ...assembled(),
]);

const byName = new Map(REGISTERS.map((register) => [register.name, register]));
const groups = new Set(REGISTERS.map((register) => register.group));

/** A register by its name in lower case; undefined if there is none. */
export function registerNamed(name: string): Register | undefined {
  return byName.get(name);
}

/**
 * Registers of a selection: names, groups and ranges divided by commas, `ymm,zmm16-31,k,mxcsr`; `all` is every
 * register, pieces included. In the order of display, each once. Throws ImageError naming what is no register.
 */
export function selectRegisters(selection: string): Register[] {
  const wanted = new Set<Register>();
  for (const term of selection
    .toLowerCase()
    .split(",")
    .map((each) => each.trim())) {
    const exact = byName.get(term);
    const range = /^([a-z_]+?\d*?)(\d{1,2})-(?:\1)?(\d{1,2})$/.exec(term);
    const found =
      term === "all"
        ? REGISTERS
        : exact
          ? [exact]
          : groups.has(term)
            ? REGISTERS.filter((register) => register.group === term)
            : range
              ? REGISTERS.filter(
                  ({ group, number }) =>
                    group === range[1] && number !== undefined && number >= Number(range[2]) && number <= Number(range[3]),
                )
              : [];
    if (found.length === 0)
      throw new ImageError(
        "unknown-register",
        `no register \`${term.slice(0, 40)}\`; write names, groups or ranges: ${[...groups].slice(0, 20).join(", ")}, ..., zmm16-31`,
      );
    for (const register of found) wanted.add(register);
  }
  return REGISTERS.filter((register) => wanted.has(register));
}
