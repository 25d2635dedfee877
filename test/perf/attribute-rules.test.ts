import { describe, expect, test } from "vitest";
import { attributeRefusals, type PmuCapabilities } from "../../src/perf/attribute-rules.ts";
import { MAINLINE_7_3, type PerfInterface, REVIEWED, V2, V4, V8 } from "../../src/perf/perf-interface.ts";
import type { SampleAttributes } from "../../src/perf/sample-attributes.ts";
import { simd } from "./sampling-rig.ts";

const FULL: PmuCapabilities = { kind: "x86-core", extendedRegs: true, simdRegs: true, components: 0x808e6n };
const XMM0 = 3n << 32n;
const GENERAL = 0xff0fffn;

/** errno of the first reason, as the call returns it; 0 where it accepts. */
function errno(attributes: SampleAttributes, perf: PerfInterface, pmu: PmuCapabilities = FULL): string | 0 {
  return attributeRefusals(attributes, pmu, perf)[0]?.errno ?? 0;
}

describe("v7.3", () => {
  test.each<[string, SampleAttributes, string | 0]>([
    ["general registers of the user", { regsUser: GENERAL }, 0],
    ["no register at all", { regsUser: 0n }, "EINVAL"],
    ["no register at all, intr", { regsIntr: 0n }, "EINVAL"],
    ["ds", { regsUser: 1n << 12n }, "EINVAL"],
    ["gs", { regsIntr: 1n << 15n }, "EINVAL"],
    ["a reserved bit", { regsIntr: 1n << 24n }, "EINVAL"],
    ["another", { regsIntr: 1n << 31n }, "EINVAL"],
    ["xmm0 of the interrupted code, precise", { regsIntr: XMM0, preciseIp: 1 }, 0],
    ["half an xmm", { regsIntr: 1n << 63n, preciseIp: 3 }, 0],
    ["xmm0 without precise_ip", { regsIntr: XMM0 }, "EINVAL"],
    ["xmm0 of the user", { regsUser: XMM0, preciseIp: 1 }, "EINVAL"],
    ["the SIMD attributes", { regsUser: 1n, simd: simd({ vectorQwords: 2, vectorsUser: 1n }) }, "E2BIG"],
    ["SIMD attributes of zeros", { regsUser: 1n, simd: simd({ predicateQwords: 0 }) }, 0],
  ])("%s", (_, attributes, expected) => {
    expect(errno(attributes, MAINLINE_7_3)).toBe(expected);
  });

  test("a PMU without the capability; lockdown", () => {
    const xmm = { regsIntr: XMM0, preciseIp: 1 };
    expect(errno(xmm, MAINLINE_7_3, { ...FULL, extendedRegs: false })).toBe("EINVAL");
    expect(errno(xmm, MAINLINE_7_3, { ...FULL, kind: "other", extendedRegs: false })).toBe("EOPNOTSUPP");
    expect(errno({ regsIntr: 1n }, MAINLINE_7_3, { ...FULL, lockedDown: true })).toBe("EPERM");
    expect(errno({ regsUser: 1n }, MAINLINE_7_3, { ...FULL, lockedDown: true })).toBe(0);
  });
});

describe.each([V2, V4, V8, REVIEWED])("$name", (perf) => {
  test.each<[string, SampleAttributes, string | 0]>([
    ["vectors alone", { regsUser: 0n, simd: simd({ vectorQwords: 8, vectorsUser: 0xffff_ffffn }) }, 0],
    ["predicates alone", { regsIntr: 0n, simd: simd({ predicatesIntr: 0xffn }) }, 0],
    ["r16-r31 and ssp", { regsIntr: (0xffffn << 24n) | (1n << 40n), simd: simd() }, 0],
    ["a bit above ssp", { regsIntr: 1n << 41n, simd: simd() }, "EINVAL"],
    ["xmm by sample_regs beside the SIMD attributes", { regsIntr: 1n << 63n, simd: simd() }, "EINVAL"],
    ["a width of 3", { regsUser: 0n, simd: simd({ vectorQwords: 3, vectorsUser: 1n }) }, "EINVAL"],
    ["vectors without a width", { regsUser: 0n, simd: simd({ vectorsUser: 1n }) }, "EINVAL"],
    ["a width without vectors", { regsUser: 0n, simd: simd({ vectorQwords: 2 }) }, "EINVAL"],
    ["vector 32", { regsUser: 0n, simd: simd({ vectorQwords: 8, vectorsUser: 1n << 32n }) }, "EINVAL"],
    ["k8", { regsUser: 0n, simd: simd({ predicatesUser: 0x100n }) }, "EINVAL"],
    ["predicates of two quadwords", { regsUser: 0n, simd: simd({ predicateQwords: 2, predicatesUser: 1n }) }, "EINVAL"],
    ["a reserved bit without the SIMD attributes", { regsUser: 1n << 24n }, "EINVAL"],
    ["xmm of the user, precise", { regsUser: XMM0, preciseIp: 1 }, 0],
  ])("%s", (_, attributes, expected) => {
    expect(errno(attributes, perf)).toBe(expected);
  });

  test("what the PMU cannot sample", () => {
    const zmm = (vectors: bigint): SampleAttributes => ({
      regsUser: 0n,
      simd: simd({ vectorQwords: 8, vectorsUser: vectors }),
    });
    expect(errno(zmm(1n), perf, { ...FULL, components: 0x6n })).toBe("EINVAL");
    // 16-31 lie in Hi16_ZMM whatever the width.
    const narrow = { regsUser: 0n, simd: simd({ vectorQwords: 2, vectorsUser: 1n << 16n }) };
    expect(errno(narrow, perf, { ...FULL, components: 0x66n })).toBe("EINVAL");
    expect(errno(narrow, perf, { ...FULL, components: 0x82n })).toBe(0);
    expect(errno(zmm(1n), perf, { ...FULL, simdRegs: false })).toBe("EINVAL");
    expect(errno(zmm(1n), perf, { ...FULL, kind: "other", simdRegs: false })).toBe("EOPNOTSUPP");
  });
});

test("all reasons are told, with the field of each", () => {
  const refusals = attributeRefusals(
    { regsUser: 1n << 12n, regsIntr: 1n << 50n, simd: simd({ vectorQwords: 5, predicatesIntr: 0x100n }) },
    FULL,
    V4,
  );
  expect(refusals.map(({ field }) => field)).toEqual([
    "sample_regs_user",
    "sample_simd_vec_reg_qwords",
    "sample_simd_vec_reg_qwords",
    "sample_simd_pred_reg_intr",
    "sample_regs_intr",
    "sample_simd_vec_reg_qwords",
  ]);
});

test("V8 no longer wants precise_ip for xmm", () => {
  expect(errno({ regsIntr: XMM0 }, V4)).toBe("EINVAL");
  expect(errno({ regsIntr: XMM0 }, V8)).toBe(0);
});
