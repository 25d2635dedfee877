/** Rules about XCR0, IA32_XSS and instructions. "SDM" is Intel SDM volume 1. */

import { bitsOf, hasBit, maskHex, maskOfBits, maskWithNames } from "../isa/feature-mask.ts";
import type { CpuModel } from "./cpu-model.ts";
import type { LintHit, LintRule } from "./lint-rule.ts";

const MPX: bigint = maskOfBits([3, 4]);
const AVX512: bigint = maskOfBits([5, 6, 7]);
const AMX: bigint = maskOfBits([17, 18]);

const xcr0 = (message: string, remedy: string): LintHit => ({ path: ["xcr0Supported"], message, remedy });

function* together(model: CpuModel, group: bigint): Iterable<LintHit> {
  const has = model.xcr0Supported & group;
  if (has === 0n || has === group) return;
  yield xcr0(
    `xcr0Supported has ${maskWithNames(has)} but not ${maskWithNames(group & ~has)}`,
    `use ${maskHex(model.xcr0Supported | group)} or ${maskHex(model.xcr0Supported & ~group)}`,
  );
}

/** All rules about masks and instructions. */
export const MASK_RULES: readonly LintRule[] = [
  {
    id: "xcr0-base-bits",
    severity: "error",
    reason: "CPUID.(0DH,0).EAX[1:0] is 11b on every CPU with XSAVE (SDM 13.2)",
    *check({ xcr0Supported }) {
      if ((xcr0Supported & 3n) !== 3n)
        yield xcr0("bits 0 (x87) and 1 (SSE) are not both set", `use ${maskHex(xcr0Supported | 3n)}`);
    },
  },
  {
    id: "mask-bit-63",
    severity: "error",
    reason: "bit 63 names the format in XCOMP_BV and is no component (SDM 13.4.2)",
    *check(model) {
      const remedy = "clear the topmost bit";
      for (const key of ["xcr0Supported", "xssSupported"] as const) {
        if (hasBit(model[key], 63)) yield { path: [key], message: `bit 63 is set in ${maskHex(model[key])}`, remedy };
      }
      for (const { name, rfbm } of model.masks) {
        if (hasBit(rfbm, 63)) yield { path: ["masks", name], message: `bit 63 is set in ${maskHex(rfbm)}`, remedy };
      }
    },
  },
  {
    id: "mask-in-both",
    severity: "error",
    reason: "a component is managed through XCR0 or through IA32_XSS, never both (SDM 13.3)",
    *check({ xcr0Supported, xssSupported }) {
      const both = xcr0Supported & xssSupported;
      if (both !== 0n)
        yield {
          path: ["xssSupported"],
          message: `${maskWithNames(both)} is in xcr0Supported too`,
          remedy: `use ${maskHex(xssSupported & ~both)}`,
        };
    },
  },
  {
    id: "xss-base-bits",
    severity: "error",
    reason: "x87 and SSE are user components (SDM 13.3)",
    *check({ xssSupported }) {
      if ((xssSupported & 3n) !== 0n)
        yield { path: ["xssSupported"], message: "bit 0 or 1 is set", remedy: `use ${maskHex(xssSupported & ~3n)}` };
    },
  },
  {
    id: "xss-needs-xsaves",
    severity: "error",
    reason: "IA32_XSS exists only with XSAVES (SDM 13.2: CPUID.(0DH,1).EAX[3])",
    *check({ xssSupported, instructions }) {
      if (xssSupported !== 0n && !instructions.xsaves) {
        yield {
          path: ["xssSupported"],
          message: `${maskWithNames(xssSupported)} without XSAVES`,
          remedy: "add xsaves to instructions, or use 0x0",
        };
      }
    },
  },
  {
    id: "xsaves-implies-xsavec",
    severity: "error",
    reason: "CPUID.(0DH,1).EAX[3] implies the compacted form, EAX[1] (SDM 13.2)",
    *check({ instructions }) {
      if (instructions.xsaves && !instructions.xsavec)
        yield { path: ["instructions"], message: "xsaves without xsavec", remedy: "add xsavec" };
    },
  },
  {
    id: "avx512-together",
    severity: "error",
    reason: "XSETBV refuses bits 5, 6 and 7 unless all three are set (SDM 13.3)",
    check: (model) => together(model, AVX512),
  },
  {
    id: "avx512-needs-avx",
    severity: "error",
    reason: "XSETBV refuses bits 5-7 without bit 2 (SDM 13.3)",
    *check({ xcr0Supported }) {
      if ((xcr0Supported & AVX512) !== 0n && !hasBit(xcr0Supported, 2))
        yield xcr0("AVX-512 without AVX", `use ${maskHex(xcr0Supported | 4n)}`);
    },
  },
  {
    id: "amx-together",
    severity: "error",
    reason: "XSETBV refuses bits 17 and 18 unless both are set (SDM 13.3)",
    check: (model) => together(model, AMX),
  },
  {
    id: "mpx-together",
    severity: "error",
    reason: "XSETBV refuses bits 3 and 4 unless both are set (SDM 13.3)",
    check: (model) => together(model, MPX),
  },
  {
    id: "apx-with-mpx",
    severity: "warning",
    reason: "APX took MPX's place at 960; Linux turns XSAVE off where both are enumerated (Intel APX 3.1.4.3)",
    *check({ xcr0Supported }) {
      if (hasBit(xcr0Supported, 19) && (xcr0Supported & MPX) !== 0n)
        yield xcr0("APX beside MPX", `use ${maskHex(xcr0Supported & ~MPX)}`);
    },
  },
  {
    id: "mask-not-supported",
    severity: "warning",
    reason: "savers are made for the part of a mask that the model supports",
    *check(model) {
      for (const { name, rfbm } of model.masks) {
        const rest = rfbm & ~(model.xcr0Supported | model.xssSupported) & ~(1n << 63n);
        if (rest === 0n && rfbm !== 0n) continue;
        const message =
          rfbm === 0n
            ? "the mask is empty"
            : `the model has no ${bitsOf(rest)
                .map((bit) => `bit ${bit}`)
                .join(", ")}`;
        yield { path: ["masks", name], message, remedy: rfbm === 0n ? "remove it" : `use ${maskHex(rfbm & ~rest)}` };
      }
    },
  },
];
