/**
 * A second reading of CPUID dumps to hold the readers against: no expression, nothing of src. It cuts lines into words
 * and lets a leaf 0 open each logical CPU, which every collected dump does.
 */

/** Sub-leaf (null where none is printed), EAX, EBX, ECX, EDX. */
export type SecondRow = [subleaf: number | null, eax: number, ebx: number, ecx: number, edx: number];

const HEX = "0123456789abcdef";

function number(word: string, base = 16): number {
  let value = 0;
  for (const character of word.toLowerCase()) {
    const digit = HEX.indexOf(character);
    if (digit < 0 || digit >= base) return NaN;
    value = value * base + digit;
  }
  return word === "" ? NaN : value;
}

function words(line: string): string[] {
  const found: string[] = [];
  let word = "";
  for (const character of `${line} `) {
    if (" \t\r:=,[]".includes(character)) {
      if (word !== "") found.push(word);
      word = "";
    } else word += character;
  }
  return found;
}

/** Leaf, sub-leaf and registers in one line of any of the three formats. */
function row(line: string): { leaf: number; row: SecondRow } | undefined {
  const found = words(line);
  const [head = "", second = "", third = ""] = found;
  if (head === "CPUID" && second.length === 8 && third.split("-").length === 4) {
    const values = third.split("-").map((word) => number(word));
    const mark = found.indexOf("SL");
    const subleaf = mark < 0 ? null : number(found[mark + 1] ?? "");
    return { leaf: number(second), row: [subleaf, ...values] as SecondRow };
  }
  if (head === "basic_cpuid" || head === "ext_cpuid") {
    const leaf = number(second, 10) + (head === "ext_cpuid" ? 2 ** 31 : 0);
    return { leaf, row: [null, ...found.slice(2, 6).map((word) => number(word))] as SecondRow };
  }
  if (head.startsWith("0x") && found.length === 10 && found[2] === "eax") {
    const values = [3, 5, 7, 9].map((index) => number((found[index] ?? "").slice(2)));
    return { leaf: number(head.slice(2)), row: [number(second.slice(2)), ...values] as SecondRow };
  }
  return undefined;
}

/** Rows of leaf 0DH per logical CPU, in the dump's order. */
export function secondReading(text: string): SecondRow[][] {
  const cpus: SecondRow[][] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("-".repeat(70))) break;
    const found = row(line.trim());
    if (!found) continue;
    if (found.leaf === 0) cpus.push([]);
    if (found.leaf === 13) cpus.at(-1)?.push(found.row);
  }
  return cpus;
}

/** What a row without a number is, by its size and offset alone; -1 if that does not say. */
const BY_PLACE: Record<string, number> = {
  "256@576": 2,
  "64@960": 3,
  "64@1024": 4,
  "64@1088": 5,
  "512@1152": 6,
  "1024@1664": 7,
  "128@0": 8,
  "8@2688": 9,
  "64@832": 9,
};

/** Sub-leaf to registers; unprinted numbers by the table above. */
export function secondLeafD(rows: SecondRow[]): Record<string, number[]> {
  const found: Record<string, number[]> = {};
  rows.forEach(([subleaf, ...registers], position) => {
    const place = BY_PLACE[`${registers[0]}@${registers[1]}`] ?? (position === 1 ? 1 : -1);
    found[subleaf ?? (position === 0 ? 0 : place)] = registers;
  });
  return found;
}
