/** Executions as the JSON objects that the suite's cases are (see src/verify/suite/README.md). */

import { maskHex } from "../../src/isa/feature-mask.ts";
import { areaLayout } from "../../src/layout/area-layout.ts";
import type { ComponentRow } from "../../src/layout/component-row.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { STATE_MEMBERS } from "../../src/verify/state-members.ts";

/** A case as JSON. */
export type CaseJson = Readonly<Record<string, unknown>>;

/** Register contents: `legacy` and components by number. */
export interface Registers {
  readonly legacy: Uint8Array;
  readonly components: ReadonlyMap<number, Uint8Array>;
}

/** Bytes as hexadecimal in memory order. */
export const bytesJson = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const number = (value: number): string => `0x${value.toString(16)}`;

/** A state object. */
export function stateJson({ legacy, components }: Registers): CaseJson {
  const members = [...STATE_MEMBERS].flatMap(([name, index]) => {
    const bytes = components.get(index);
    return bytes === undefined ? [] : [[name, bytesJson(bytes)] as const];
  });
  return { legacy: bytesJson(legacy), ...Object.fromEntries(members) };
}

/** The CPU of a case: leaf 0DH as it reads with the given XCR0 and IA32_XSS, and the vendor's rules. */
export function cpuJson(model: CpuModel, name: string, xcr0: bigint, xss: bigint): CaseJson {
  const { vendor, signatures, components, instructions, quirks } = model;
  const row = (eax: number, ebx: number, ecx: number, edx = 0): CaseJson => ({
    eax: number(eax),
    ebx: number(ebx),
    ecx: number(ecx),
    edx: number(edx),
  });
  const low = (mask: bigint): number => Number(mask & 0xffff_ffffn);
  const high = (mask: bigint): number => Number(mask >> 32n);
  const { xsaveopt, xsavec, xgetbv1, xsaves, xfd } = instructions;
  const features = [xsaveopt, xsavec, xgetbv1, xsaves, xfd].reduce((bits, has, bit) => bits | (has ? 1 << bit : 0), 0);
  const compacted = xsavec || xsaves ? areaLayout(model, xcr0 | (xsaves ? xss : 0n), "compacted").size : 0;
  const leafD: Record<string, CaseJson> = {
    "0": row(low(model.xcr0Supported), areaLayout(model, xcr0, "standard").size, model.sizeMax, high(model.xcr0Supported)),
    "1": row(features, compacted, low(model.xssSupported), high(model.xssSupported)),
  };
  for (const each of components) leafD[each.index] = row(each.size, each.standardOffset ?? 0, flags(each));
  const [signature] = signatures;
  return {
    name,
    vendor,
    family: signature?.family ?? 0,
    model: signature?.model ?? 0,
    stepping: signature?.stepping ?? 0,
    xsaveerptr: quirks.x87Pointers === "zero-unless-es",
    leafD,
    quirks: { ...quirks, mxcsrMask: number(quirks.mxcsrMask) },
  };
}

function flags({ supervisor, align64, xfd }: ComponentRow): number {
  return (supervisor ? 1 : 0) | (align64 ? 2 : 0) | (xfd ? 4 : 0);
}

/** Masks of a case as the format writes them. */
export function masksJson(masks: Readonly<Record<string, bigint>>): CaseJson {
  return Object.fromEntries(Object.entries(masks).map(([name, mask]) => [name, maskHex(mask)]));
}

/** Bytes of the largest area that a CPU can need with these masks. */
export function largestArea(model: CpuModel, xcr0: bigint, xss: bigint): number {
  return Math.max(areaLayout(model, xcr0, "standard").size, areaLayout(model, xcr0 | xss, "compacted").size);
}
