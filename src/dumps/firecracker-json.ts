/** Firecracker's fingerprint of a guest: `cpuid_modifiers` with `leaf`, `subleaf` and, for each register, a bitmap `0b0101...`. */

import type { CpuidRegisters } from "../isa/cpuid-registers.ts";
import { DumpCollector } from "./dump-collector.ts";
import { forEachField } from "./json-fields.ts";
import type { DumpReader } from "./raw-dump.ts";

const FORMAT = "firecracker-json";
const REGISTERS = ["eax", "ebx", "ecx", "edx"];
const BITMAP = /^0b[01]{32}$/;

interface OpenRow {
  readonly line: number;
  readonly leaf: number;
  subleaf: number;
  readonly registers: (number | undefined)[];
}

/** Reader of `cpu-template-helper fingerprint dump`. The x bits of a template are no values: such a row is left out. */
export const FIRECRACKER_JSON: DumpReader = {
  format: FORMAT,
  title: "Firecracker fingerprint JSON",
  recognises: ({ start }) => (start.includes('"cpuid_modifiers"') && start.includes('"bitmap"') ? 90 : 0),
  read(text) {
    const collector = new DumpCollector();
    let open: OpenRow | undefined;
    let register = -1;
    const close = (): boolean => {
      const row = open;
      open = undefined;
      if (!row) return true;
      if (row.registers.every((value) => value !== undefined)) {
        const { leaf, subleaf, registers, line } = row;
        return collector.addRow({ leaf, subleaf, registers: registers as unknown as CpuidRegisters }, line);
      }
      const missing = REGISTERS.filter((_, i) => row.registers[i] === undefined).join(", ");
      const message = `not a whole CPUID row, left out: ${missing} without a bitmap of 32 bits 0 or 1`;
      collector.addProblem({ rule: "bad-row", severity: "error", line: row.line, message });
      return true;
    };
    forEachField(text, ({ name, value, line }) => {
      if (name === "leaf") {
        if (!close()) return false;
        open = { line, leaf: Number(value), subleaf: 0, registers: [undefined, undefined, undefined, undefined] };
      } else if (name === "subleaf" && open) open.subleaf = Number(value);
      else if (name === "register") register = REGISTERS.indexOf(value);
      else if (name === "bitmap" && open && register >= 0 && BITMAP.test(value))
        open.registers[register] = parseInt(value.slice(2), 2);
      // Registers of the machine (MSRs) follow, with bitmaps of their own.
      else if (name === "addr") return close();
      return true;
    });
    close();
    return collector.finish(FORMAT);
  },
};
