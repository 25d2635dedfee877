/** The causes of a size as text and as data for JSON. */

import { maskHex, maskWithNames } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";
import type { SizeCause } from "../model/size-causes.ts";

/** What `what --json` prints. */
export interface SizeData {
  readonly size: number;
  readonly causes: readonly {
    readonly kind: string;
    readonly supervisor: boolean;
    readonly rfbm: string;
    /** Index of the component that ends there, standard format only; null elsewhere. */
    readonly last: number | null;
    readonly formula: string | null;
    readonly usual: boolean;
    readonly components: readonly {
      readonly index: number;
      readonly name: string;
      readonly offset: number;
      readonly size: number;
    }[];
    readonly models: readonly string[];
  }[];
  /** Sizes nearby, where nothing gives this one. */
  readonly nearest: readonly number[];
}

/** The causes for JSON, all of them. */
export function sizeData(size: number, causes: readonly SizeCause[], nearest: readonly number[]): SizeData {
  return {
    size,
    causes: causes.map(({ kind, supervisor, rfbm, last, formula, usual, places, models }) => ({
      kind,
      supervisor,
      rfbm: maskHex(rfbm),
      last: last ?? null,
      formula: formula ?? null,
      usual,
      components: places.map((place) => ({ ...place, name: componentName(place.index) })),
      models,
    })),
    nearest,
  };
}

const SYSTEMS: Readonly<Record<Exclude<SizeCause["kind"], "standard" | "compacted">, string>> = {
  rounded: "an area in steps of 64",
  "signal-frame": "Linux signal frame: user area and FP_XSTATE_MAGIC2",
  "at-minsigstksz": "AT_MINSIGSTKSZ of Linux",
  "at-minsigstksz-64-bit-only": "AT_MINSIGSTKSZ of Linux without IA-32 emulation",
  "kvm-xsave2": "KVM_CAP_XSAVE2, bytes of KVM_GET_XSAVE2",
  "sgx-ssa-frame": "SGX SSA frame",
  "windows-context": "Windows CONTEXT with CONTEXT_XSTATE",
  "glibc-2.26": "_dl_runtime_resolve of glibc 2.26-2.39",
  "glibc-2.40": "_dl_runtime_resolve of glibc since 2.40",
};

/** Formulas shown for one structure: KVM's 4096 bytes have a dozen. */
const SHOWN_FORMULAS = 3;

/** For a terminal: the usual masks in full, the others counted, models cut to a few. */
export function sizeText(size: number, causes: readonly SizeCause[], nearest: readonly number[]): string {
  if (causes.length === 0) return `${size}: no mask of a bundled model gives it in any format; near are ${nearest.join(", ")}`;
  const of = (kind: SizeCause["kind"]): SizeCause[] => causes.filter((cause) => cause.kind === kind);
  const sections = [
    standardLines(of("standard")),
    compactedLines(of("compacted")),
    ...Object.entries(SYSTEMS).map(([kind, title]) => systemLines(title, of(kind as SizeCause["kind"]))),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n");
}

/** `5 models: a, b, c, d, ...` */
function modelList(causes: readonly SizeCause[]): string {
  const ids = [...new Set(causes.flatMap(({ models }) => models))];
  const shown = ids.slice(0, 4).join(", ");
  return `${ids.length} model${ids.length === 1 ? "" : "s"}: ${shown}${ids.length > 4 ? ", ..." : ""}`;
}

/** Causes by a key, in the order of their first. */
function grouped(causes: readonly SizeCause[], key: (cause: SizeCause) => string): SizeCause[][] {
  const groups = new Map<string, SizeCause[]>();
  for (const cause of causes) groups.set(key(cause), [...(groups.get(key(cause)) ?? []), cause]);
  return [...groups.values()];
}

function standardLines(causes: readonly SizeCause[]): string[] {
  if (causes.length === 0) return [];
  const line = (group: readonly SizeCause[]): string[] => {
    const [{ last, places, rfbm } = { last: undefined, places: [], rfbm: 0n }] = group;
    const place = places.find(({ index }) => index === last);
    const what = place
      ? `${componentName(place.index)} is the last: ${place.size} bytes at ${place.offset}; at most ${masks(group, rfbm)}`
      : "no extended component";
    return [`  ${what}`, `    ${modelList(group)}`];
  };
  const key = ({ last, places }: SizeCause): string => `${last} ${places.find(({ index }) => index === last)?.offset}`;
  return ["standard format (XSAVE; ptrace, cores)", ...grouped(causes, key).flatMap(line)];
}

const masks = (group: readonly SizeCause[], first: bigint): string =>
  group.length === 1 ? maskHex(first) : [...new Set(group.map(({ rfbm }) => maskHex(rfbm)))].join(", ");

function compactedLines(causes: readonly SizeCause[]): string[] {
  if (causes.length === 0) return [];
  const usual = grouped(
    causes.filter((cause) => cause.usual),
    ({ rfbm }) => String(rfbm),
  );
  const others = [...new Set(causes.filter((cause) => !cause.usual).map(({ rfbm }) => maskHex(rfbm)))];
  const lines = usual.flatMap((group) => {
    const [{ rfbm, supervisor } = { rfbm: 0n, supervisor: false }] = group;
    return [`  ${supervisor ? "XSAVES" : "XSAVEC, XSAVES"} ${maskWithNames(rfbm)}`, `    ${modelList(group)}`];
  });
  if (others.length > 0)
    lines.push(
      `  ${lines.length === 0 ? "" : "and "}${others.length} mask${others.length === 1 ? "" : "s"} that nobody enables as a whole: ${others.slice(0, 4).join(", ")}${others.length > 4 ? ", ... (--json has all)" : ""}`,
    );
  return ["compacted format", ...lines];
}

function systemLines(title: string, causes: readonly SizeCause[]): string[] {
  if (causes.length === 0) return [];
  const shown = causes.some(({ usual }) => usual) ? causes.filter(({ usual }) => usual) : causes;
  const groups = grouped(shown, ({ formula }) => formula ?? "");
  const lines = groups
    .slice(0, SHOWN_FORMULAS)
    .flatMap((group) => [`  ${group[0]?.formula}, mask ${masks(group, group[0]?.rfbm ?? 0n)}`, `    ${modelList(group)}`]);
  if (groups.length > SHOWN_FORMULAS) lines.push(`  and ${groups.length - SHOWN_FORMULAS} others (--json has all)`);
  return [title, ...lines];
}
