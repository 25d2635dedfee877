/** The registers of every thread of a container: layout chosen from the evidence, areas decoded. */

import { chooseLayout } from "../image/choose-layout.ts";
import type { LayoutChoice } from "../image/layout-choice.ts";
import { decodeImage, type DecodedImage } from "../image/decode-image.ts";
import { stateOfFsave } from "../image/fsave.ts";
import { ImageError } from "../image/image-error.ts";
import type { RegisterState } from "../image/register-state.ts";
import type { XsaveImage } from "../image/xsave-image.ts";
import type { KnownCpu } from "../image/layout-candidates.ts";
import type { ContainedArea, Container, ContainerThread } from "./container.ts";

/** A thread with what its area or its older registers hold. */
export interface DecodedThread {
  readonly thread: ContainerThread;
  /** Absent where the thread has no area and no FXSAVE image, or where `error` says why it cannot be read. */
  readonly decoded?: DecodedImage;
  readonly layout?: LayoutChoice;
  /** Registers; without an area those of FXSAVE or FSAVE. Empty if there are none. */
  readonly state: RegisterState;
  /** Byte in the file at which the area begins. */
  readonly fileOffset?: number;
  readonly error?: ImageError;
}

const SURENESS: readonly LayoutChoice["certainty"][] = ["certain", "likely", "weak", "unknown"];
/** Contents that speak against a layout outweigh those of a thread that say nothing. */
const AGAINST: ReadonlySet<string> = new Set(["gap-not-zero", "gcore-on-amd"]);
/** Threads whose contents are looked at where their evidence alone leaves the layout open. */
const THREADS_ASKED = 16;

/**
 * Decodes the threads of a container one after the other. Threads with the same evidence get the same layout: that
 * of the thread whose contents make it surest. `chosen` is a model that overrides the evidence.
 */
export function* decodeThreads(container: Container, models: readonly KnownCpu[], chosen?: KnownCpu): Generator<DecodedThread> {
  const layoutOf = layoutChooser(container, models, chosen);
  for (const thread of container.threads) {
    const { area, registers } = thread;
    if (!area) yield withoutArea(thread, registers);
    else {
      const layout = layoutOf(area);
      const { bytes, form, legacy, fileOffset } = area;
      const image: XsaveImage = { bytes, form, rows: layout.rows, ...(legacy && { legacy }) };
      yield { thread, layout, fileOffset, ...decoded(image) };
    }
  }
}

/** The layouts that `decodeThreads` decodes by, each once, in the order of the threads. Decodes nothing. */
export function layoutsOf(container: Container, models: readonly KnownCpu[], chosen?: KnownCpu): LayoutChoice[] {
  const layoutOf = layoutChooser(container, models, chosen);
  return [...new Set(container.threads.flatMap(({ area }) => (area ? [layoutOf(area)] : [])))];
}

function layoutChooser(
  { threads }: Container,
  models: readonly KnownCpu[],
  chosen?: KnownCpu,
): (area: ContainedArea) => LayoutChoice {
  const choices = new Map<string, LayoutChoice>();
  return (area) => {
    const key = evidenceKey(area);
    const layout = choices.get(key) ?? surest(threads, key, models, chosen);
    choices.set(key, layout);
    return layout;
  };
}

function evidenceKey({ evidence, form }: ContainedArea): string {
  const { declared, userFeatures, size, xcompBv, vendorHint } = evidence;
  const rows = declared?.rows.map(({ index, size: bytes, standardOffset }) => `${index}:${bytes}:${standardOffset}`).join(" ");
  return [form, size, userFeatures?.mask, xcompBv, vendorHint, rows].join(" ");
}

function surest(threads: readonly ContainerThread[], key: string, models: readonly KnownCpu[], chosen?: KnownCpu): LayoutChoice {
  const choices: LayoutChoice[] = [];
  for (const { area } of threads) {
    if (!area || evidenceKey(area) !== key) continue;
    const choice = chooseLayout(area.evidence, models, chosen);
    choices.push(choice);
    if (choice.certainty === "certain" || choices.length === THREADS_ASKED) break;
  }
  const rank = ({ certainty, warnings }: LayoutChoice): number =>
    certainty === "weak" && warnings.some(({ rule }) => AGAINST.has(rule)) ? -1 : SURENESS.indexOf(certainty);
  const [best] = choices.toSorted((a, b) => rank(a) - rank(b));
  if (!best) throw new Error("no thread has the evidence that was asked for");
  return best;
}

function withoutArea(thread: ContainerThread, { fxsave, fsave }: ContainerThread["registers"]): DecodedThread {
  if (fxsave) return { thread, fileOffset: fxsave.fileOffset, ...decoded({ bytes: fxsave.bytes, form: "standard", rows: [] }) };
  if (fsave) return { thread, fileOffset: fsave.fileOffset, state: stateOfFsave(fsave.bytes) };
  return { thread, state: new Map() };
}

function decoded(image: XsaveImage): Pick<DecodedThread, "decoded" | "state" | "error"> {
  try {
    const result = decodeImage(image);
    return { decoded: result, state: result.state };
  } catch (error) {
    if (error instanceof ImageError) return { state: new Map(), error };
    throw error;
  }
}
