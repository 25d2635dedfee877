import { expect, test } from "vitest";
import { bitsOf } from "../../src/isa/feature-mask.ts";
import { componentName } from "../../src/isa/state-component.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { modelJsonSchema } from "../../src/model/model-schema.ts";
import { readModel } from "../../src/model/read-model.ts";
import { writeModel } from "../../src/model/write-model.ts";
import { loadModel, modelFiles, modelText } from "./model-files.ts";

test("cpu-models/schema.json is what the schema gives", () => {
  expect(modelText("schema.json")).toBe(modelJsonSchema());
});

test.each(modelFiles)("%s reads without a diagnostic and is in the written form", (file) => {
  const text = modelText(file);
  expect(readModel(text, file).diagnostics).toEqual([]);
  expect(writeModel(loadModel(file.replace(".yaml", "")))).toBe(text);
});

/** The 40 full layouts of 454 public dumps: user components, where AVX-512 begins, supervisor rows. */
const MPX = "BNDREGS BNDCSR";
const ZMM = "opmask ZMM_Hi256 Hi16_ZMM";
const AMX = "TILECFG TILEDATA";
const CET = "CET_U:16 CET_S:24";
const LAYOUTS: readonly (readonly [user: string, zmmAt: number | undefined, supervisor: string])[] = [
  ["AVX", undefined, ""],
  [`AVX ${MPX}`, undefined, ""],
  ["AVX LWP", undefined, ""],
  ["AVX PKRU", undefined, `PT:128 ${CET} LBR:808 HWP:8`],
  [`AVX ${ZMM} PKRU`, 832, CET],
  ["AVX PKRU/64", undefined, ""],
  ["", undefined, ""],
  [`AVX ${MPX} ${ZMM}`, 1088, ""],
  [`AVX ${MPX} ${ZMM} PKRU`, 1088, "PT:128"],
  ["AVX PKRU", undefined, CET],
  [`AVX ${MPX}`, undefined, "PT:128"],
  [MPX, undefined, "PT:128"],
  ["AVX PKRU", undefined, `PT:128 ${CET} UINTR:48 LBR:808 HWP:8`],
  [`AVX ${MPX} ${ZMM} PKRU`, 1088, ""],
  [`AVX ${ZMM} PKRU`, 1088, ""],
  ["", undefined, "PT:128"],
  [`AVX ${MPX} ${ZMM}`, 1088, "PT:128"],
  [`AVX ${ZMM} PKRU`, 1088, `PT:128 ${CET} HDC:8`],
  [MPX, undefined, ""],
  [`AVX ${ZMM}`, 1088, ""],
  [`AVX ${ZMM} PKRU`, 1088, "PT:128 HDC:8"],
  ["AVX PKRU@2688", undefined, ""],
  [`AVX ${MPX} ${ZMM} PKRU`, 1088, "PT:128 HDC:8"],
  [`AVX ${ZMM} PKRU ${AMX}`, 1088, `PT:128 PASID:8 ${CET} UINTR:48 LBR:808`],
  [`AVX ${MPX} ${ZMM} ${AMX}`, 1088, ""],
  [`AVX ${ZMM} PKRU`, 832, ""],
  ["AVX PKRU@2432", undefined, ""],
  [`AVX ${ZMM} PKRU ${AMX}`, 1088, ""],
  [`AVX ${ZMM} PKRU ${AMX}`, 1088, CET],
  [`AVX ${MPX} PKRU`, undefined, "PT:128"],
  [`AVX ${ZMM} PKRU`, 1088, "PT:128"],
  ["AVX PKRU LWP", undefined, ""],
  ["AVX PKRU", undefined, `PT:128 ${CET} UINTR:48 LBR:808`],
  ["AVX PKRU", undefined, "HWP:8"],
  [`AVX ${ZMM} PKRU`, 1088, `PT:128 ${CET} LBR:808 HWP:8`],
  [`AVX ${ZMM} PKRU ${AMX}`, 1088, `PT:128 PASID:8 ${CET} UINTR:48 LBR:808 HWP:8`],
  [`AVX ${ZMM} ${AMX}`, 1088, ""],
  [`AVX ${ZMM} PKRU`, 1088, `PT:128 ${CET} LBR:808`],
  ["AVX PKRU", undefined, "PT:128"],
  ["AVX PKRU", undefined, `PT:128 ${CET} LBR:808`],
];

function hasLayout(model: CpuModel, [user, zmmAt, supervisor]: (typeof LAYOUTS)[number]): boolean {
  const pkru = model.components.find((row) => row.index === 9);
  const size = /PKRU\/(\d+)/.exec(user)?.[1];
  const offset = /PKRU@(\d+)/.exec(user)?.[1];
  const userNames = model.components
    .filter((row) => !row.supervisor)
    .map((row) => componentName(row.index))
    .join(" ");
  const supervisorNames = model.components
    .filter((row) => row.supervisor)
    .map((row) => `${componentName(row.index)}:${row.size}`)
    .join(" ");
  return (
    userNames === user.replace(/[/@]\d+/, "") &&
    supervisorNames === supervisor &&
    model.components.find((row) => row.index === 5)?.standardOffset === zmmAt &&
    (size === undefined || pkru?.size === Number(size)) &&
    (offset === undefined || pkru?.standardOffset === Number(offset))
  );
}

test("every one of the 40 full layouts seen in public dumps has a model", () => {
  const models = modelFiles.map((file) => loadModel(file.replace(".yaml", "")));
  const covered = LAYOUTS.map((layout) => models.filter((model) => hasLayout(model, layout)).map((model) => model.id));
  expect(LAYOUTS).toHaveLength(40);
  expect(covered.flatMap((ids, at) => (ids.length === 0 ? [`row ${at + 1}`] : []))).toEqual([]);
});

test("supported masks and rows are the dumps' values", () => {
  const figures = (id: string): unknown[] => {
    const { xcr0Supported, xssSupported, sizeMax, components } = loadModel(id);
    return [xcr0Supported, xssSupported, sizeMax, components.length];
  };
  expect(figures("intel-sapphire-rapids")).toEqual([0x602e7n, 0xdd00n, 0x2b00, 13]);
  expect(figures("intel-tiger-lake")).toEqual([0x2e7n, 0x3900n, 0xa88, 9]);
  expect(figures("amd-zen-2")).toEqual([0x207n, 0n, 0x380, 2]);
  expect(figures("amd-zen-3")).toEqual([0x207n, 0x1800n, 0x988, 4]);
  expect(figures("intel-skylake-client")).toEqual([0x1fn, 0x100n, 0x440, 4]);
  expect(figures("intel-kaby-lake-pentium")).toEqual([0x1bn, 0x100n, 0x440, 3]);
  expect(figures("intel-sandy-bridge")).toEqual([7n, 0n, 0x340, 1]);
  expect(figures("amd-zen-5-kvm-guest")).toEqual([0xe7n, 0x1800n, 0x980, 6]);
  expect(figures("amd-zen-2-4700s")).toEqual([0x4000000000000207n, 0n, 0x400, 3]);
  expect(bitsOf(loadModel("intel-diamond-rapids").xcr0Supported)).toEqual([0, 1, 2, 5, 6, 7, 9, 17, 18, 19]);
});
