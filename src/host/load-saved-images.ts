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
import type { ByteSource } from "../formats/byte-source.ts";
import { openContainer } from "../formats/index.ts";
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
 * The container at `path`; undefined for everything else that an argument can be: an id, text (YAML, a dump), what no container
 * format recognises. `as` says that it is one, and which. `input` is standard input, for the path `-`. Throws DumpFileError or
 * FormatError.
 */
export async function openImages(path: string, as?: ContainerKind, input?: ByteSource): Promise<Container | undefined> {
  if (!input && (bundledIds().includes(path) || !existsSync(path))) return undefined;
  const options = as === undefined ? {} : { as };
  const open = (): Promise<Container> =>
    input ? openContainer(input, { ...options, file: "standard input" }) : openContainerFile(path, options);
  if (as !== undefined) return open();
  if (!(await (input ? hasZeroByte(input) : isBinary(path)))) return undefined;
  return open().catch((error: unknown) => {
    if (error instanceof FormatError && error.problem.rule === "unknown-format") return undefined;
    throw error;
  });
}

/**
 * What the threads of a container hold, which comes from `path`. `model` says which CPU the images come from, `xcr0` what was
 * enabled on it. Throws DumpFileError where there is no image.
 */
export function savedImages(path: string, container: Container, model?: CpuModel, xcr0?: bigint): SavedImages {
  const name = path === "-" ? "standard input" : path;
  const states = new Map<string, SavedState>();
  let layout: LayoutChoice | undefined;
  let unreadable: Error | undefined;
  for (const each of decodeThreads(container, loadBundledModels(), model)) {
    unreadable ??= each.error;
    if (!each.decoded) continue;
    layout ??= each.layout;
    const features = xcr0 ?? each.thread.area?.evidence.userFeatures?.mask;
    const state = savedStateOf(basename(name), each.decoded, features);
    states.set(keyOf(state), states.get(keyOf(state)) ?? state);
  }
  const [first, ...others] = states.values();
  if (!first) throw new DumpFileError(`${name}: ${unreadable?.message ?? "no XSAVE area in it"}; see \`xsavekit inspect\``, "");
  return { container, layout, states: [first, ...others], carrier: carrierOf(container.kind, first) };
}

async function isBinary(path: string): Promise<boolean> {
  const source = await fileSource(path);
  try {
    return await hasZeroByte(source);
  } finally {
    await source.close();
  }
}

async function hasZeroByte(source: ByteSource): Promise<boolean> {
  return (await source.read(0, Math.min(HEAD, source.size))).includes(0);
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
