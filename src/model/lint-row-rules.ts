/** Rules about the rows of leaf 0DH. "SDM" is Intel SDM volume 1; "dumps": over 450 public CPUID dumps. */

import { bitsOf, hasBit, maskHex } from "../isa/feature-mask.ts";
import { componentName, stateComponent } from "../isa/state-component.ts";
import { EXTENDED_REGION_OFFSET } from "../isa/xsave-area.ts";
import type { ComponentRow } from "../layout/component-row.ts";
import { componentKey } from "./component-key.ts";
import type { LintRule } from "./lint-rule.ts";
import { rowPath } from "./lint-rule.ts";

const MPX_INDICES: readonly number[] = [3, 4];
const APX_INDEX = 19;

/** Zen 2 is the one CPU whose row is not the architecture's: PKRU takes 64 bytes (dumps, 21 of them). */
const KNOWN_ODD_SIZES: readonly { index: number; size: number; offset: number }[] = [{ index: 9, size: 64, offset: 832 }];

const end = (row: ComponentRow): number => (row.standardOffset ?? 0) + row.size;

function mayOverlap(a: ComponentRow, b: ComponentRow): boolean {
  return (a.index === APX_INDEX && MPX_INDICES.includes(b.index)) || (b.index === APX_INDEX && MPX_INDICES.includes(a.index));
}

/** Standard-format size of all user rows: a maximum, not a sum, and never under 576. */
export function standardSizeOf(rows: readonly ComponentRow[]): number {
  return Math.max(EXTENDED_REGION_OFFSET, ...rows.filter((row) => row.standardOffset !== undefined && !row.supervisor).map(end));
}

/** All rules about rows. */
export const ROW_RULES: readonly LintRule[] = [
  {
    id: "row-missing",
    severity: "error",
    reason: "sub-leaf i is valid for every bit of XCR0 and IA32_XSS; without its row nothing behind it can be placed (SDM 13.2)",
    *check(model) {
      const indices = new Set(model.components.map((row) => row.index));
      for (const key of ["xcr0Supported", "xssSupported"] as const) {
        for (const bit of bitsOf(model[key])) {
          if (bit < 2 || bit > 62 || indices.has(bit)) continue;
          yield {
            path: [key],
            message: `bit ${bit} (${componentName(bit)}) has no row`,
            remedy: `add a row ${componentKey(bit)} or clear the bit`,
          };
        }
      }
    },
  },
  {
    id: "row-without-bit",
    severity: "error",
    reason: "a sub-leaf whose bit is in neither mask returns zeros (SDM 13.2)",
    *check(model) {
      for (const { index } of model.components) {
        if (hasBit(model.xcr0Supported | model.xssSupported, index)) continue;
        yield {
          path: rowPath(index),
          atKey: true,
          message: `bit ${index} (${componentName(index)}) is in neither mask`,
          remedy: "remove the row or set the bit",
        };
      }
    },
  },
  {
    id: "kind-disagrees",
    severity: "error",
    reason: "ECX[0] says which of the two masks a component belongs to (SDM 13.2)",
    *check(model) {
      for (const row of model.components) {
        const mask = row.supervisor ? "xssSupported" : "xcr0Supported";
        const other = row.supervisor ? "xcr0Supported" : "xssSupported";
        if (hasBit(model[mask], row.index) || !hasBit(model[other], row.index)) continue;
        const message = `the row is a ${row.supervisor ? "supervisor" : "user"} component but its bit is in ${other}`;
        yield {
          path: rowPath(row.index),
          atKey: true,
          message,
          remedy: row.supervisor ? "remove supervisor" : "add supervisor: true and remove offset",
        };
      }
    },
  },
  {
    id: "size-zero",
    severity: "error",
    reason: "EAX is the component's size; a valid sub-leaf has one (SDM 13.2)",
    *check(model) {
      for (const { index, size } of model.components) {
        if (size === 0)
          yield {
            path: rowPath(index, "size"),
            message: `${componentName(index)} has size 0`,
            remedy: `write EAX of sub-leaf ${index}`,
          };
      }
    },
  },
  {
    id: "supervisor-with-offset",
    severity: "error",
    reason: "EBX is 0 for supervisor components: the standard format cannot hold them (SDM 13.2)",
    *check(model) {
      for (const { index, supervisor, standardOffset } of model.components) {
        if (supervisor && standardOffset !== undefined)
          yield {
            path: rowPath(index, "offset"),
            atKey: true,
            message: `supervisor component ${componentName(index)} has an offset`,
            remedy: "remove offset",
          };
      }
    },
  },
  {
    id: "user-without-offset",
    severity: "error",
    reason: "EBX is a user component's place in the standard format (SDM 13.2)",
    *check(model) {
      for (const { index, supervisor, standardOffset } of model.components) {
        if (!supervisor && standardOffset === undefined)
          yield {
            path: rowPath(index),
            atKey: true,
            message: `user component ${componentName(index)} has no offset`,
            remedy: `add offset: EBX of sub-leaf ${index}`,
          };
      }
    },
  },
  {
    id: "offset-in-header",
    severity: "error",
    reason: "the extended region begins at byte 576, behind legacy region and header (SDM 13.4)",
    *check(model) {
      for (const { index, standardOffset } of model.components) {
        if (standardOffset !== undefined && standardOffset < EXTENDED_REGION_OFFSET) {
          yield {
            path: rowPath(index, "offset"),
            message: `offset ${standardOffset} is below 576`,
            remedy: `write EBX of sub-leaf ${index}`,
          };
        }
      }
    },
  },
  {
    id: "components-overlap",
    severity: "error",
    reason: "components of one area share no bytes; only APX took over MPX's place (Intel APX 3.1.4.3)",
    *check(model) {
      const placed = model.components.filter((row) => row.standardOffset !== undefined && row.size > 0);
      const byOffset = placed.toSorted((a, b) => (a.standardOffset ?? 0) - (b.standardOffset ?? 0) || a.index - b.index);
      for (const [at, row] of byOffset.entries()) {
        for (const other of byOffset.slice(0, at)) {
          if (end(other) <= (row.standardOffset ?? 0) || mayOverlap(row, other)) continue;
          const message = `${componentName(row.index)} at ${row.standardOffset} begins inside ${componentName(other.index)}, which ends at ${end(other)}`;
          yield { path: rowPath(row.index, "offset"), message, remedy: "check size and offset of both rows" };
        }
      }
    },
  },
  {
    id: "size-max",
    severity: "error",
    reason: "CPUID.(0DH,0).ECX is the largest offset + size of all user components, at least 576 (SDM 13.2)",
    *check(model) {
      const size = standardSizeOf(model.components);
      if (size === model.sizeMax) return;
      yield {
        path: ["sizeMax"],
        message: `sizeMax is ${model.sizeMax}, the rows end at ${size}`,
        remedy: `use ${size}, or look for a row that is missing`,
      };
    },
  },
  {
    id: "xfd-needs-instruction",
    severity: "error",
    reason: "IA32_XFD exists only with CPUID.(0DH,1).EAX[4] (SDM 13.14)",
    *check(model) {
      for (const { index, xfd } of model.components) {
        if (xfd && !model.instructions.xfd)
          yield {
            path: rowPath(index, "xfd"),
            atKey: true,
            message: `${componentName(index)} can be disabled through XFD, which the model lacks`,
            remedy: "add xfd to instructions or remove xfd here",
          };
      }
    },
  },
  {
    id: "size-unusual",
    severity: "warning",
    reason: "the architecture fixes a component's size; only Zen 2's PKRU differs (dumps)",
    *check(model) {
      for (const row of model.components) {
        const size = stateComponent(row.index)?.size;
        const known = KNOWN_ODD_SIZES.some(
          (odd) => odd.index === row.index && odd.size === row.size && odd.offset === row.standardOffset,
        );
        if (size === undefined || size === row.size || row.size === 0 || known) continue;
        yield {
          path: rowPath(row.index, "size"),
          message: `${componentName(row.index)} has ${row.size} bytes instead of ${size}`,
          remedy: "name the dump that shows it in sources",
        };
      }
    },
  },
  {
    id: "flags-unusual",
    severity: "warning",
    reason: "only TILECFG and TILEDATA are aligned, only TILEDATA has XFD (dumps)",
    *check(model) {
      for (const row of model.components) {
        const usual = stateComponent(row.index);
        if (!usual) continue;
        for (const key of ["align64", "xfd"] as const) {
          // A hypervisor clears ECX[2] where it does not offer XFD: that is a view, not an oddity.
          if (row[key] === usual[key] || (key === "xfd" && !row.xfd && !model.instructions.xfd)) continue;
          yield {
            path: rowPath(row.index, key),
            atKey: true,
            message: `${usual.name} ${row[key] ? "has" : "lacks"} ${key}`,
            remedy: "name the dump that shows it in sources",
          };
        }
      }
    },
  },
  {
    id: "kind-unusual",
    severity: "warning",
    reason: "some tables list CET in XCR0; every CPU reports it in IA32_XSS (dumps)",
    *check(model) {
      for (const row of model.components) {
        const usual = stateComponent(row.index);
        if (!usual || (usual.kind === "supervisor") === row.supervisor) continue;
        yield {
          path: rowPath(row.index),
          atKey: true,
          message: `${usual.name} is a ${usual.kind} component everywhere else`,
          remedy: `check ECX[0] of sub-leaf ${row.index} (${maskHex(1n << BigInt(row.index))})`,
        };
      }
    },
  },
  {
    id: "component-unknown",
    severity: "warning",
    reason: "no public document or dump names it; its registers cannot be shown",
    *check(model) {
      for (const { index } of model.components) {
        if (!stateComponent(index))
          yield {
            path: rowPath(index),
            atKey: true,
            message: `component ${index} is not in the component table`,
            remedy: "if a document names it, add it to the table",
          };
      }
    },
  },
];
