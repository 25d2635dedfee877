/** `xsavekit`: layouts, models, dumps and comparison. Savers and the gate are in `xsavekit/runtime`, generation in `xsavekit/generator`. */

export * from "./isa/feature-mask.ts";
export * from "./isa/state-component.ts";
export { areaLayout, LayoutError, offsetOf } from "./layout/area-layout.ts";
export type { AreaFormat, AreaLayout, PlacedComponent } from "./layout/area-layout.ts";
export type { ComponentRow, LayoutSource } from "./layout/component-row.ts";
export type { CpuModel, InstructionSupport, ModelKind, Signature } from "./model/cpu-model.ts";
export type { Quirks } from "./isa/vendor-behaviour.ts";
export { figureNames, sourcedFigures, sourcesOf } from "./model/figure-sources.ts";
export type { FigureSource, SourcedFigures } from "./model/figure-sources.ts";
export { readModel } from "./model/read-model.ts";
export { writeModel, type WriteModelOptions } from "./model/write-model.ts";
export { lintModel } from "./model/lint-model.ts";
export { compareModels } from "./model/compare-models.ts";
export { bufferPlan } from "./model/buffer-plan.ts";
export type { BufferSize, BufferKind } from "./model/buffer-plan.ts";
export { CARRIER_NAMES, carrierNamed } from "./model/carriers.ts";
export type { Carrier, CarrierName } from "./model/carriers.ts";
export { defaultXcr0, portability, savedBy } from "./model/portability.ts";
export type { Portability, Verdict } from "./model/portability.ts";
export type { PortabilityReason, RestoreTarget, SavedState } from "./model/portability-rules.ts";
export { sizeCauses } from "./model/size-causes.ts";
export type { SizeCause } from "./model/size-causes.ts";
export { modelFromLeafD } from "./model/model-from-leaf-0d.ts";
export { masksFor, readMasks } from "./model/read-masks.ts";
export { printDiagnostic } from "./model/diagnostic.ts";
export type { Diagnostic } from "./model/diagnostic.ts";
export { leafDCpus, readDump } from "./dumps/index.ts";
