import { describe, expect, test } from "vitest";
import { areaLayout } from "../../src/layout/area-layout.ts";
import type { ComponentRow } from "../../src/layout/component-row.ts";
import { kernelFamilies } from "../../src/runtime/kernel-families.ts";
import { maskFamilies } from "../../src/runtime/mask-families.ts";

const modern = { xsaves: true, xfd: true };
const row = (index: number, size: number, supervisor = false): ComponentRow => ({
  index,
  size,
  supervisor,
  align64: false,
  xfd: false,
  standardOffset: undefined,
});
const components = [
  row(2, 256),
  row(5, 64),
  row(6, 512),
  row(7, 1024),
  row(9, 8),
  row(11, 16, true),
  row(12, 24, true),
  row(15, 808, true),
];

const alderLike = { xcr0Supported: 0x207n, xssSupported: 0x9900n, instructions: { xsaves: true, xfd: false } };
const zen4Like = { xcr0Supported: 0x2e7n, xssSupported: 0x1800n, instructions: { xsaves: true, xfd: false } };
const sapphireLike = { xcr0Supported: 0x602e7n, xssSupported: 0xdd00n, instructions: modern };

describe("constants of the kernels", () => {
  test("7.3", () => {
    expect(kernelFamilies("7.3")).toMatchObject({
      userSupported: 0xe02ffn,
      userRestore: 0xe00ffn,
      userDynamic: 0x40000n,
      supervisorSupported: 0x1c00n,
      guestSupervisor: 0x1000n,
      independent: 0x8000n,
      supervisorUnsupported: 0x100n,
      supervisorAll: 0x9d00n,
      fpstate: 0xe1cffn,
      signalFrameInitOptimised: 0x60000n,
    });
  });
  test("6.12: no APX, CET_KERNEL unsupported, nothing for guests alone", () => {
    expect(kernelFamilies("6.12")).toMatchObject({
      userSupported: 0x602ffn,
      userDynamic: 0x40000n,
      supervisorSupported: 0xc00n,
      guestSupervisor: 0n,
      supervisorUnsupported: 0x1100n,
      supervisorAll: 0x9d00n,
      independent: 0x8000n,
    });
  });
  test("5.14: 2FFH and PASID", () => {
    expect(kernelFamilies("5.14")).toMatchObject({
      userSupported: 0x2ffn,
      userRestore: 0xffn,
      userDynamic: 0n,
      supervisorSupported: 0x400n,
      independent: 0x8000n,
      supervisorAll: 0x8500n,
    });
  });
});

describe("the boot filter", () => {
  test("boot logs: 0x2e7, 0x1a07 and 0x1ae7 with their sizes", () => {
    const noCet = maskFamilies("7.3", zen4Like, { shstk: false });
    expect(noCet.maxFeatures).toBe(0x2e7n);
    expect(areaLayout({ components }, noCet.maxFeatures, "compacted").size).toBe(2440);
    const alder = maskFamilies("7.3", alderLike);
    expect(alder.maxFeatures).toBe(0x1a07n);
    expect(areaLayout({ components }, alder.maxFeatures, "compacted").size).toBe(880);
    const zen4 = maskFamilies("7.3", zen4Like);
    expect(zen4.maxFeatures).toBe(0x1ae7n);
    expect(areaLayout({ components }, zen4.maxFeatures, "compacted").size).toBe(2480);
  });
  test("Sapphire Rapids on the three kernels", () => {
    expect(maskFamilies("7.3", sapphireLike)).toMatchObject({
      maxFeatures: 0x61ee7n,
      userFeatures: 0x602e7n,
      hostDefault: 0x20ee7n,
      guestDefault: 0x21ee7n,
      allTask: 0x61ee7n,
      independent: 0x8000n,
      ia32XssWritten: 0x9c00n,
      ia32Xss: 0x9c00n,
      enabled: 0x69ee7n,
    });
    expect(maskFamilies("6.12", sapphireLike)).toMatchObject({
      maxFeatures: 0x60ee7n,
      hostDefault: 0x20ee7n,
      guestDefault: 0x20ee7n,
      ia32Xss: 0x8c00n,
    });
    expect(maskFamilies("5.14", sapphireLike)).toMatchObject({ maxFeatures: 0x6e7n, hostDefault: 0x6e7n, ia32Xss: 0x8400n });
  });
  test("PT and LBR never belong to a task", () => {
    expect(maskFamilies("7.3", alderLike).allTask & 0x8100n).toBe(0n);
  });
  test("no XSAVES: user features only, no IA32_XSS", () => {
    const families = maskFamilies("7.3", { ...sapphireLike, instructions: { xsaves: false, xfd: true } });
    expect(families).toMatchObject({ maxFeatures: 0x602e7n, ia32Xss: 0n, xsaves: false });
  });
  test("no XFD: no TILEDATA", () => {
    const families = maskFamilies("7.3", { ...sapphireLike, instructions: { xsaves: true, xfd: false } });
    expect(families.maxFeatures).toBe(0x21ee7n);
  });
  test("features that leaf 0DH does not show", () => {
    const absent = { ospke: false, shstk: false, enqcmd: false, amxTile: false };
    expect(maskFamilies("7.3", sapphireLike, absent).maxFeatures).toBe(0xe7n);
    expect(maskFamilies("5.14", sapphireLike, { ospke: false }).maxFeatures).toBe(0x6e7n);
    expect(maskFamilies("5.14", sapphireLike, { pku: false }).maxFeatures).toBe(0x4e7n);
  });
  test("APX with a component of MPX: 7.3 disables XSAVE, one alone does not", () => {
    const both = { xcr0Supported: 0x80017n, xssSupported: 0x8000n, instructions: modern };
    const families = maskFamilies("7.3", both);
    expect(families.xsaveDisabled).toContain("0x88017");
    expect(families).toMatchObject({ maxFeatures: 0n, independent: 0n, enabled: 0n, xsaves: false });
    expect(maskFamilies("6.12", both)).toMatchObject({ maxFeatures: 0x17n });
    expect(maskFamilies("6.12", both).xsaveDisabled).toBeUndefined();
    expect(maskFamilies("7.3", { ...both, xcr0Supported: 0x80007n }).maxFeatures).toBe(0x80007n);
  });
  test("FP and SSE are required", () => {
    expect(maskFamilies("7.3", { ...alderLike, xcr0Supported: 5n }).xsaveDisabled).toMatch(/FP\/SSE/);
  });
});

describe("the independent set", () => {
  const enumerated = alderLike;
  const notEnumerated = { ...alderLike, xssSupported: 0x1800n };
  test("LBR needs ARCH_LBR always, enumeration since 2848ff28d180", () => {
    expect(maskFamilies("5.14", enumerated, { archLbr: false }).independent).toBe(0n);
    expect(maskFamilies("7.3", enumerated, { archLbr: false }).independent).toBe(0n);
    expect(maskFamilies("5.14", notEnumerated, { archLbr: true }).independent).toBe(0x8000n);
    expect(maskFamilies("7.3", notEnumerated, { archLbr: true })).toMatchObject({
      independent: 0n,
      independentByArchLbr: 0x8000n,
      ia32Xss: 0x1800n,
    });
    expect(maskFamilies("7.3", notEnumerated).independentByArchLbr).toBe(0n);
  });
  test("the bug it repaired: the write to IA32_XSS faults and nothing is enabled", () => {
    const cpu = { xcr0Supported: 0x207n, xssSupported: 0x400n, instructions: modern };
    expect(maskFamilies("5.14", cpu, { archLbr: true })).toMatchObject({ ia32XssWritten: 0x8400n, ia32Xss: 0n });
  });
});
