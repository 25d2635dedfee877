/** The README's table of vendor behaviour, made from the bundled models, so that it cannot drift from them. */

import { maskHex } from "../isa/feature-mask.ts";
import { DEPARTURE_NAMES, departureWords, type Quirks, X87_POINTER_RULES } from "../isa/vendor-behaviour.ts";
import type { CpuModel } from "../model/cpu-model.ts";

interface Behaviour {
  readonly name: string;
  readonly meaning: string;
  has(quirks: Quirks): boolean;
}

/** Columns: the makers of CPUs, by what model ids start with. */
const MAKERS = [
  ["Intel", "intel-"],
  ["AMD", "amd-"],
  ["Hygon", "hygon-"],
  ["Zhaoxin", "zhaoxin-"],
] as const;

const POINTER_MEANINGS: Readonly<Record<(typeof X87_POINTER_RULES)[number], string>> = {
  saved: "FOP, FIP and FDP are saved as they are",
  "zero-unless-es": "they are saved as 0 unless FSW.ES = 1, and restored",
  "kept-unless-es": "FXSAVE_LEAK: neither written by a save nor loaded by a restore unless FSW.ES = 1",
};

/** Models named one by one up to here, counted beyond. */
const NAMED = 6;

function behaviours(models: readonly CpuModel[]): Behaviour[] {
  const masks = [...new Set(models.map(({ quirks }) => quirks.mxcsrMask))].toSorted((a, b) => a - b);
  return [
    ...X87_POINTER_RULES.map((rule) => ({
      name: `x87Pointers: ${rule}`,
      meaning: POINTER_MEANINGS[rule],
      has: (quirks: Quirks) => quirks.x87Pointers === rule,
    })),
    ...masks.map((mask) => ({
      name: `mxcsrMask: ${maskHex(BigInt(mask))}`,
      meaning: "MXCSR_MASK in every save; what a restore refuses in MXCSR is outside it",
      has: (quirks: Quirks) => quirks.mxcsrMask === mask,
    })),
    ...DEPARTURE_NAMES.flatMap((name) =>
      departureWords(name).map(([word, meaning]) => ({
        name: `${name}: ${word}`,
        meaning,
        has: (quirks: Quirks) => quirks[name] === word,
      })),
    ),
  ];
}

function cell(models: readonly CpuModel[], prefix: string, behaviour: Behaviour): string {
  const own = models.filter(({ id }) => id.startsWith(prefix));
  const having = own.filter(({ quirks }) => behaviour.has(quirks));
  if (having.length === 0) return "–";
  if (having.length === own.length) return "all";
  if (having.length <= NAMED) return having.map(({ id }) => id.slice(prefix.length)).join(", ");
  const others = own.filter((each) => !having.includes(each));
  return others.length <= NAMED
    ? `all but ${others.map(({ id }) => id.slice(prefix.length)).join(", ")}`
    : `${having.length} of ${own.length}`;
}

/** Markdown: what each word in a model's `quirks` means and which bundled models say it. */
export function quirkTableMarkdown(models: readonly CpuModel[]): string {
  const lines = behaviours(models).map((behaviour) => {
    const cells = MAKERS.map(([, prefix]) => cell(models, prefix, behaviour));
    return `| \`${behaviour.name}\` | ${behaviour.meaning} | ${cells.join(" | ")} |`;
  });
  return [
    `| quirk | what it means | ${MAKERS.map(([maker]) => maker).join(" | ")} |`,
    `|---|---|${MAKERS.map(() => "---|").join("")}`,
    ...lines,
  ].join("\n");
}
