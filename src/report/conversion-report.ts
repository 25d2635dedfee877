/** What `convert` says beside the image that it writes. */

import type { Conversion, ConvertReason } from "../image/convert-image.ts";
import { imageLayout } from "../image/image-layout.ts";
import { maskHex, maskWithNames } from "../isa/feature-mask.ts";
import { componentName } from "../isa/state-component.ts";

/** Where the image came from and where it goes. */
export interface ConversionRoute {
  /** The model named, or the layout that the evidence gave. */
  readonly from: string;
  readonly to: string;
  /** `standard`, `compacted`, `compacted-without-legacy`, `kvm-xsave`, `signal-frame`. */
  readonly format: string;
}

/** What `convert --json` prints. */
export interface ConversionData extends ConversionRoute {
  readonly converted: boolean;
  /** Bytes written, carrier included; null if there is nothing. */
  readonly size: number | null;
  readonly xstateBv: string | null;
  readonly xcompBv: string | null;
  readonly dropped: readonly { readonly component: number; readonly name: string; readonly initial: boolean }[];
  readonly reasons: readonly (Omit<ConvertReason, "component"> & {
    readonly component: number | null;
    readonly name: string | null;
  })[];
}

/** The conversion as data; `size` is that of the carrier. */
export function conversionData(route: ConversionRoute, conversion: Conversion, size: number | null): ConversionData {
  const layout = conversion.image && imageLayout(conversion.image);
  return {
    ...route,
    converted: layout !== undefined,
    size,
    xstateBv: layout ? maskHex(layout.xstateBv) : null,
    xcompBv: layout ? maskHex(layout.xcompBv) : null,
    dropped: conversion.dropped.map(({ component, initial }) => ({ component, name: componentName(component), initial })),
    reasons: conversion.reasons.map((reason) => ({
      ...reason,
      component: reason.component ?? null,
      name: reason.component === undefined ? null : componentName(reason.component),
    })),
  };
}

/** A line for the result, or one for each reason against it. */
export function conversionText({ from, to, format }: ConversionRoute, conversion: Conversion, size: number | null): string {
  const { image, dropped, reasons } = conversion;
  if (!image) {
    return [
      `not converted from ${from} to ${to}, ${format}: ${reasons.length} ${reasons.length === 1 ? "reason" : "reasons"}`,
      ...reasons.map(({ rule, message, remedy }) => `  ${rule}: ${message}; ${remedy}`),
    ].join("\n");
  }
  const lines = [`${from} to ${to}, ${format}: ${size} bytes, XSTATE_BV ${maskWithNames(imageLayout(image).xstateBv)}`];
  for (const { component, initial } of dropped)
    lines.push(
      `  dropped: ${componentName(component)}${initial ? ", which held its initial configuration" : ", its contents are lost"}`,
    );
  return lines.join("\n");
}
