/** Fuchsia's JSON: a list of `{"leaf": 13, "subleaf": 2, "eax": 256, "ebx": 576, "ecx": 0, "edx": 0}`, all decimal. */

import { DumpCollector } from "./dump-collector.ts";
import { forEachField } from "./json-fields.ts";
import type { DumpReader } from "./raw-dump.ts";

const FORMAT = "fuchsia-json";
const NAMES = ["leaf", "subleaf", "eax", "ebx", "ecx", "edx"];
const SIGN = /"leaf"\s{0,64}:\s{0,64}\d{1,10},\s{0,64}"subleaf"\s{0,64}:\s{0,64}\d{1,10},\s{0,64}"eax"\s{0,64}:\s{0,64}\d/;

/** Reader of Fuchsia's CPUID lists. */
export const FUCHSIA_JSON: DumpReader = {
  format: FORMAT,
  title: "Fuchsia CPUID JSON",
  recognises: (head) => (SIGN.test(head.start) ? 90 : 0),
  read(text) {
    const collector = new DumpCollector();
    let values: number[] = [];
    let start = 0;
    const incomplete = (): void => {
      if (values.length > 0)
        collector.addProblem({
          rule: "bad-row",
          severity: "error",
          line: start,
          message: `not a whole CPUID row, left out: ${NAMES[values.length]} is missing or no number below 2^32`,
        });
      values = [];
    };
    forEachField(text, ({ name, value, line }) => {
      if (name === "leaf") {
        incomplete();
        start = line;
      }
      const number = Number(value);
      if (name !== NAMES[values.length] || !(number < 2 ** 32)) return true;
      values.push(number);
      if (values.length < NAMES.length) return true;
      const [leaf = 0, subleaf = 0, eax = 0, ebx = 0, ecx = 0, edx = 0] = values;
      values = [];
      return collector.addRow({ leaf, subleaf, registers: [eax, ebx, ecx, edx] }, start);
    });
    incomplete();
    return collector.finish(FORMAT);
  },
};
