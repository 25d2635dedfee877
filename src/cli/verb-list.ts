/** Every verb with its summary. Nothing of a verb is loaded before it is asked for. */

import type { VerbEntry } from "./verb.ts";

/** In the order of `--help`. */
export const VERBS: readonly VerbEntry[] = [
  {
    name: "models",
    summary: "list the CPU models",
    load: () => import("./verbs/models.ts"),
  },
  {
    name: "show",
    summary: "one model's layout as table and drawing, for any mask and format",
    load: () => import("./verbs/show.ts"),
  },
  {
    name: "probe",
    summary: "this machine's CPUID -> model",
    finding: "this machine gives no model",
    load: () => import("./verbs/probe.ts"),
  },
  {
    name: "import",
    summary: "CPUID dumps -> models",
    finding: "a dump gives no model",
    load: () => import("./verbs/import.ts"),
  },
  {
    name: "lint",
    summary: "check models and dumps, with rule ids and reasons",
    finding: "at least one error",
    load: () => import("./verbs/lint.ts"),
  },
  {
    name: "generate",
    summary: "regenerate the savers, or check that they are up to date",
    finding: "with --check: something is not up to date",
    load: () => import("./verbs/generate.ts"),
  },
  {
    name: "compare",
    summary: "where models differ",
    finding: "a component differs",
    load: () => import("./verbs/compare.ts"),
  },
  {
    name: "portable",
    summary: "whether state saved on one CPU can be restored on others, and every reason",
    finding: "some target does not take it as it is",
    load: () => import("./verbs/portable.ts"),
  },
  {
    name: "what",
    summary: "which masks, formats and models give a size",
    finding: "nothing gives the size",
    load: () => import("./verbs/what.ts"),
  },
  {
    name: "verify",
    summary: "the savers against recorded executions, and against this CPU",
    finding: "an execution is not reproduced",
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
    finding: "refused, every reason on standard error",
    load: () => import("./verbs/convert.ts"),
  },
];
