/** A file that is one area and nothing else, in any form, or 512 bytes of FXSAVE. */

import type { ByteSource } from "./byte-source.ts";
import { AREA_SIZE_LIMIT, type ContainerFormat, type ReadContainer } from "./container.ts";
import { areaOf } from "./contained-area.ts";
import { FormatError, type ProblemList } from "./format-problem.ts";
import { isPlausible, plausibleArea, type Plausibility } from "./plausible-area.ts";
import { bytesOf, readWhole } from "./range-reader.ts";
import { EXTENDED_REGION_OFFSET, LEGACY_REGION_SIZE, XSAVE_HEADER_SIZE } from "../isa/xsave-area.ts";

/**
 * The likelier of the two places where the header can be. Bytes that are a header at 0 would be x87 and SSE state with an
 * instruction pointer of 2^63 and more, MXCSR 0 and no ST0, which no CPU saves; register contents at 512 can look like anything.
 */
function judge(view: DataView): Plausibility {
  const headerFirst = plausibleArea(view, "without-legacy");
  return isPlausible(headerFirst) ? headerFirst : plausibleArea(view, "area");
}

function recognises(head: DataView, source: ByteSource): boolean {
  return source.size >= XSAVE_HEADER_SIZE && source.size <= AREA_SIZE_LIMIT && isPlausible(judge(head));
}

async function read(source: ByteSource, problems: ProblemList): Promise<ReadContainer> {
  const size = Math.min(source.size, AREA_SIZE_LIMIT);
  const view = await readWhole(source, 0, size, "the area");
  const bytes = bytesOf(view);
  if (source.size > AREA_SIZE_LIMIT)
    problems.add({
      rule: "area-too-large",
      offset: AREA_SIZE_LIMIT,
      message: `a file of ${source.size} bytes; only the first ${AREA_SIZE_LIMIT} are taken as an area`,
      remedy: "cut the area out of the file",
    });
  const { form, reasons, objections } = judge(view);
  if (size === LEGACY_REGION_SIZE && form !== "compacted-without-legacy")
    return { description: "FXSAVE area, 512 bytes", threads: [{ registers: { fxsave: { fileOffset: 0, bytes } } }] };
  if (form !== "compacted-without-legacy" && size < EXTENDED_REGION_OFFSET)
    throw new FormatError({
      rule: "area-too-small",
      offset: size,
      message: `a file of ${size} bytes; an XSAVE area has ${EXTENDED_REGION_OFFSET} or more, FXSAVE ${LEGACY_REGION_SIZE}`,
      remedy: "name the whole area",
    });
  for (const { offset, message } of objections)
    problems.add({ rule: "implausible-area", offset, message, remedy: "check that the file is an XSAVE area" });
  const sure = objections.length > 0 ? "doubtful" : reasons.length > 1 ? "likely" : "possible";
  const area = areaOf({ fileOffset: 0, bytes }, { form });
  return {
    description: `raw XSAVE area, ${form}, ${size} bytes (${sure}${reasons.length > 0 ? `: ${reasons.join("; ")}` : ""})`,
    threads: [{ registers: {}, area }],
  };
}

export const RAW_AREA: ContainerFormat = { kind: "raw", title: "one XSAVE area", recognises, read };
