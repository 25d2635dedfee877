/** Every verb with its summary. Nothing of a verb is loaded before it is asked for. */

import type { VerbEntry } from "./verb.ts";

/** In the order of `--help`. */
export const VERBS: readonly VerbEntry[] = [
  { name: "models", summary: "list the CPU models", load: () => import("./verbs/models.ts") },
  {
    name: "show",
    summary: "one model's layout as table and drawing, for any mask and format",
    load: () => import("./verbs/show.ts"),
  },
  { name: "probe", summary: "this machine's CPUID -> model", load: () => import("./verbs/probe.ts") },
  { name: "import", summary: "CPUID dumps -> models", load: () => import("./verbs/import.ts") },
  { name: "lint", summary: "check models and dumps, with rule ids and reasons", load: () => import("./verbs/lint.ts") },
  {
    name: "generate",
    summary: "regenerate the savers, or check that they are up to date",
    load: () => import("./verbs/generate.ts"),
  },
  { name: "compare", summary: "where models differ", load: () => import("./verbs/compare.ts") },
  {
    name: "portable",
    summary: "whether state saved on one CPU can be restored on others, and every reason",
    load: () => import("./verbs/portable.ts"),
  },
  { name: "what", summary: "which masks, formats and models give a size", load: () => import("./verbs/what.ts") },
  {
    name: "verify",
    summary: "the savers against recorded executions, and against this CPU",
    load: () => import("./verbs/verify.ts"),
  },
  {
    name: "inspect",
    summary: "registers of every thread in a core, minidump, KVM blob, signal frame or raw area",
    load: () => import("./verbs/inspect.ts"),
  },
  {
    name: "convert",
    summary: "an image for another CPU, form or carrier, or every reason why not",
    load: () => import("./verbs/convert.ts"),
  },
];
