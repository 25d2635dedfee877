/**
 * A second reading of the formats that are not rows of the first three: no expression, nothing of src. Lines are cut into
 * words at a format's own separators and numbers taken by position; JSON is parsed as JSON.
 */

import type { SecondRow } from "./second-reading.ts";

interface Found {
  readonly leaf: number;
  readonly row: SecondRow;
}

/** Words of a line, and what is known from lines before it. */
type Taker = (
  words: string[],
  state: { leaf: number; half: number[] | undefined; tables: number },
) => Found | "opens" | "ends" | undefined;

const hex = (word: string | undefined): number => Number(word?.startsWith("0x") ? word : `0x${word}`);
const at = (words: string[], leaf: number, subleaf: number | null, first: number, step = 1): Found => ({
  leaf: hex(words[leaf]),
  row: [subleaf === null ? null : hex(words[subleaf]), ...[0, 1, 2, 3].map((i) => hex(words[first + i * step]))] as SecondRow,
});

const FORMATS: Record<string, { separators: string; take: Taker }> = {
  "libvirt-xml": { separators: " <>'=/", take: (w) => (w[0] === "cpuid" ? at(w, 2, 4, 6, 2) : undefined) },
  "rjcp-xml": {
    separators: ' <>"=,\t',
    take: (w) => (w[0] === "processor" ? "opens" : w[0] === "register" ? at(w, 2, 4, 5) : undefined),
  },
  "intel-sde-def": {
    separators: " =>",
    take: (w) => {
      if (w[0]?.length !== 8 || w.length < 6) return undefined;
      return at(w, 0, w[1] === "********" ? null : 1, 2);
    },
  },
  "tycho-cpuid": { separators: " :=|", take: (w) => (w[0] === "CPU" ? "opens" : w[0] === "CPUID" ? at(w, 1, 2, 3) : undefined) },
  "jcpuid-report": {
    separators: " ",
    take: (w, state) => {
      if (w[0] === "Function" && w[1] === "Subfunction") return ++state.tables > 1 ? "ends" : undefined;
      return w.length === 7 && w.every((word) => word.length === 8) ? at(w, 0, 1, 3) : undefined;
    },
  },
  "jcpuid-hexdump": {
    separators: " :-#",
    take: (w) => (w[0] === "CPUID" && w[1]?.length === 8 && w.length === 6 ? at(w, 1, null, 2) : undefined),
  },
  "cpuz-report": {
    separators: " \t",
    take: (w) =>
      w.length === 5 && w.every((word) => word.length === 10 && word.startsWith("0x")) ? at(w, 0, null, 1) : undefined,
  },
  "umio-dump": {
    separators: " :[]",
    take: (w, state) => {
      if (w[0] === "Pkg") return "opens";
      const bits = w
        .filter((word) => word.length === 35 && word.includes("_"))
        .map((word) => Number(`0b${word.split("_").join("")}`));
      if (bits.length === 2 && w.length === 4) {
        state.half = [hex(w[0]), hex(w[1]), ...bits];
        return undefined;
      }
      if (bits.length === 2 && state.half) {
        const [leaf = 0, subleaf = 0, eax = 0, ebx = 0] = state.half;
        return { leaf, row: [subleaf, eax, ebx, ...bits] as SecondRow };
      }
      return w[0]?.length === 10 && w[0].startsWith("0x") && w[2]?.length === 10 ? at(w, 0, 1, 2) : undefined;
    },
  },
  "kcpuid-r": {
    separators: " :=,",
    take: (w, state) => {
      if (w[1] === "subleafs") state.leaf = hex(w[0]);
      if (w[1] !== "EAX") return undefined;
      const found = at(w, 0, null, 2, 2);
      return w[0]?.startsWith("0x") ? found : { leaf: state.leaf, row: [Number(w[0]), ...found.row.slice(1)] as SecondRow };
    },
  },
  "linux-boot-log": {
    separators: " :=,[]",
    take: (w) => {
      const start = w.indexOf("CPUID");
      return start < 0 ? undefined : at(w.slice(start), 1, 2, 4, 2);
    },
  },
  "xen-cpuid-p": {
    separators: " :->,",
    take: (w) => {
      if (w.includes("policy")) return "opens";
      return w.length === 6 && w.every((word) => word.length === 8) && w[0] !== "subleaf"
        ? at(w, 0, w[1] === "ffffffff" ? null : 1, 2)
        : undefined;
    },
  },
  "vmware-log": {
    separators: " :,|",
    take: (w) => {
      const start = w.indexOf("level");
      return w[start - 1] === "hostCPUID" ? at(w.slice(start), 1, 2, 3) : undefined;
    },
  },
  "x86info-a": { separators: " :=,", take: (w) => (w[0] === "eax" && w[1] === "in" ? at(w, 2, null, 4, 2) : undefined) },
};

function wordsOf(line: string, separators: string): string[] {
  let cut = line;
  for (const separator of separators) cut = cut.split(separator).join(" ");
  return cut.split(" ").filter((word) => word !== "");
}

const LEAF = 13;

/** Rows of leaf 0DH per logical CPU, in the dump's order. */
export function secondReadingOf(format: string, text: string): SecondRow[][] {
  if (format === "vbox-log") return ["Gst", "Hst"].map((side) => vboxSide(text, side));
  if (format === "fuchsia-json") return [fuchsia(text)];
  if (format === "firecracker-json") return [firecracker(text)];
  const { separators, take } = FORMATS[format]!;
  const cpus: { rows: SecondRow[]; count: number; leaf0: boolean }[] = [];
  const state = { leaf: -1, half: undefined, tables: 0 };
  for (const line of text.split("\n")) {
    const found = take(wordsOf(line.trim(), separators), state);
    if (found === "ends") break;
    if (found === "opens") cpus.push({ rows: [], count: 0, leaf0: false });
    if (found === undefined || typeof found === "string") continue;
    const first = found.leaf === 0 && (found.row[0] ?? 0) === 0;
    if (cpus.length === 0 || (first && cpus.at(-1)!.leaf0)) cpus.push({ rows: [], count: 0, leaf0: false });
    const cpu = cpus.at(-1)!;
    cpu.count++;
    cpu.leaf0 ||= first;
    if (found.leaf === LEAF) cpu.rows.push(found.row);
  }
  return cpus.filter(({ count }) => count > 0).map(({ rows }) => rows);
}

function vboxSide(text: string, side: string): SecondRow[] {
  const rows: SecondRow[] = [];
  let place: number[] = [];
  for (const line of text.split("\n")) {
    const words = wordsOf(line.trim(), " :/");
    const start = words.findIndex((word) => word === "Gst" || word === "Hst");
    if (start < 0) continue;
    const rest = words.slice(start + 1);
    if (rest.length === 6) place = rest.splice(0, 2).map(hex);
    if (words[start] === side && place[0] === LEAF && rest.length === 4) rows.push([place[1]!, ...rest.map(hex)] as SecondRow);
  }
  return rows;
}

function fuchsia(text: string): SecondRow[] {
  const list = JSON.parse(text) as Record<string, number>[];
  return list
    .filter((each) => each["leaf"] === LEAF)
    .map((each) => ["subleaf", "eax", "ebx", "ecx", "edx"].map((name) => each[name]!) as SecondRow);
}

function firecracker(text: string): SecondRow[] {
  const { guest_cpu_config: config } = JSON.parse(text) as {
    guest_cpu_config: { cpuid_modifiers: { leaf: string; subleaf: string; modifiers: { register: string; bitmap: string }[] }[] };
  };
  return config.cpuid_modifiers
    .filter(({ leaf }) => Number(leaf) === LEAF)
    .map(({ subleaf, modifiers }) => {
      const value = (name: string): number => Number(modifiers.find(({ register }) => register === name)?.bitmap);
      return [Number(subleaf), value("eax"), value("ebx"), value("ecx"), value("edx")] as SecondRow;
    });
}
