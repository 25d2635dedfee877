/** The images in a file as `portable` judges them. */

import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { Container, ContainerKind } from "../formats/container.ts";
import { decodeThreads } from "../formats/decode-container.ts";
import { FormatError } from "../formats/format-problem.ts";
import type { LayoutChoice } from "../image/layout-choice.ts";
import { savedStateOf } from "../image/saved-state.ts";
import type { CarrierName } from "../model/carriers.ts";
import type { CpuModel } from "../model/cpu-model.ts";
import type { SavedState } from "../model/portability-rules.ts";
import { fileSource } from "./file-source.ts";
import { bundledIds, loadBundledModels } from "./load-models.ts";
import { openContainerFile } from "./open-container-file.ts";
import { DumpFileError } from "./read-dump-file.ts";

/** The areas of a file. */
export interface SavedImages {
  readonly container: Container;
  /** Of the first area; undefined where the file has FXSAVE images only. */
  readonly layout: LayoutChoice | undefined;
  /** One for each area that differs in what matters here. */
  readonly states: readonly [SavedState, ...SavedState[]];
  /** What carries such a file. */
  readonly carrier: CarrierName;
}

/** Bytes at the beginning of a file that tell text from binary. */
const HEAD = 4096;

/**
 * The images at `path`; undefined for everything else that an argument can be: an id, text (YAML, a dump), standard input,
 * what no container format recognises. `model` says which CPU an image comes from. Throws DumpFileError or FormatError.
 */
export async function loadSavedImages(path: string, model?: CpuModel, xcr0?: bigint): Promise<SavedImages | undefined> {
  if (path === "-" || bundledIds().includes(path) || !existsSync(path) || !(await isBinary(path))) return undefined;
  const container = await openContainerFile(path).catch((error: unknown) => {
    if (error instanceof FormatError && error.problem.rule === "unknown-format") return undefined;
    throw error;
  });
  if (!container) return undefined;
  const states = new Map<string, SavedState>();
  let layout: LayoutChoice | undefined;
  let unreadable: Error | undefined;
  for (const each of decodeThreads(container, loadBundledModels(), model)) {
    unreadable ??= each.error;
    if (!each.decoded) continue;
    layout ??= each.layout;
    const features = xcr0 ?? each.thread.area?.evidence.userFeatures?.mask;
    const state = savedStateOf(basename(path), each.decoded, features);
    states.set(keyOf(state), states.get(keyOf(state)) ?? state);
  }
  const [first, ...others] = states.values();
  if (!first) throw new DumpFileError(`${path}: ${unreadable?.message ?? "no XSAVE area in it"}; see \`xsavekit inspect\``, "");
  return { container, layout, states: [first, ...others], carrier: carrierOf(container.kind, first) };
}

async function isBinary(path: string): Promise<boolean> {
  const source = await fileSource(path);
  try {
    return (await source.read(0, Math.min(HEAD, source.size))).includes(0);
  } finally {
    await source.close();
  }
}

function keyOf({ source, xcr0, xss, mayUse, initial, mxcsr, bytes, headerFaults }: SavedState): string {
  const rows = source.components.map(({ index, size, standardOffset }) => `${index}:${size}:${standardOffset}`);
  return [xcr0, xss, mayUse, initial, mxcsr, bytes, ...(headerFaults ?? []), ...rows].join(" ");
}

function carrierOf(kind: ContainerKind, { source }: SavedState): CarrierName {
  if (source.instructions.xsavec) return "compacted";
  if (kind === "elf-core") return "ptrace";
  return kind === "kvm-xsave" ? "kvm" : "standard";
}
