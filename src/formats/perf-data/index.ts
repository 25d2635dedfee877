/** Profiles that perf wrote: samples with registers. */

export type { PerfEvent } from "./event-attributes.ts";
export { isPerfData, openPerfData } from "./perf-data.ts";
export type { PerfData } from "./perf-data.ts";
export type { PerfSample } from "./sample-fields.ts";
