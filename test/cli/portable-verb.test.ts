import { expect, test } from "vitest";
import { AIDA_DUMP, xsavekit, xsavekitJson } from "./run-cli.ts";

test("portable --json: the documented shape, exit 1 for a conversion", () => {
  const { code, value } = xsavekitJson(["portable", "intel-tiger-lake", "amd-zen-4", "--xcr0", "0x2e7"]);
  expect(code).toBe(1);
  expect(value).toMatchObject({
    from: "intel-tiger-lake",
    to: ["amd-zen-4"],
    carrier: "standard",
    verdict: "after-conversion",
    enabledXcr0: "0x2e7",
    enabledXss: "0x0",
    commonSupportedXcr0: "0x2e7",
    commonSupportedXss: "0x1800",
    portableXcr0: { asIs: "0x7", afterConversion: "0x2e7" },
    shortfalls: [{ id: "amd-zen-4", xcr0: "0x0", xss: "0x2100" }],
  });
  expect(value.reasons).toHaveLength(4);
  expect(value.reasons[0]).toEqual({
    to: "amd-zen-4",
    component: 5,
    name: "opmask",
    rule: "offset",
    effect: "convert",
    message: "at 1088 on intel-tiger-lake, at 832 on amd-zen-4",
    remedy: "convert the area to the target's layout",
  });
});

test("portable: as it is exits 0, several targets take the worst verdict, a dump is a model", () => {
  const compacted = xsavekit(["portable", "intel-tiger-lake", "amd-zen-4", "--xcr0", "0x2e7", "--carrier", "compacted"]);
  expect([compacted.code, compacted.err]).toEqual([0, ""]);
  expect(compacted.out).toContain("to amd-zen-4, XCR0 0x2e7, IA32_XSS 0x1800: as it is\n");
  const fleet = xsavekit(["portable", "intel-tiger-lake", "amd-zen-2", "amd-zen-4", "--carrier", "kvm"]);
  expect(fleet.code).toBe(1);
  expect(fleet.out).toMatch(/^9 +PKRU +not-enabled +amd-zen-2 has it, but its XCR0 has not enabled it$/m);
  expect(fleet.out).toContain("moves after conversion with XCR0 0x207 (x87, SSE, AVX, PKRU) enabled on both sides");
  expect(fleet.out).toMatch(/^ {2}amd-zen-2 lacks 0x/m);
  const cpus = xsavekitJson(["import", AIDA_DUMP]).value.cpus.length;
  expect(cpus).toBeGreaterThan(1);
  expect(xsavekitJson(["portable", "amd-zen-4", AIDA_DUMP]).value.to.length).toBeGreaterThan(0);
});

test("portable: what makes no sense ends in one line with the remedy", () => {
  for (const [args, message] of [
    [["amd-zen-4"], "missing required argument 'to'"],
    [["amd-zen-4", "amd-zen-5", "--xcr0", "0x4"], "--xcr0 0x4: bit 0 (x87) must be 1; AVX needs SSE; take bits of 0x2e7"],
    [["amd-zen-4", "amd-zen-5", "--xcr0", "0x602e7"], "amd-zen-4 does not support 0x60000 (TILECFG, TILEDATA)"],
    [["amd-zen-4", "amd-zen-5", "--xss", "PT"], "--xss 0x100: amd-zen-4 does not support 0x100 (PT); take bits of 0x1800"],
    [["amd-zen-4", "amd-zen-5", "--mxcsr", "0x100000000"], "Write up to 32 bits"],
    [["amd-zen-4", "amd-zen-5", "--carrier", "floppy"], "Allowed choices are standard, compacted, kvm, ptrace, criu, qemu"],
    [["amd-zen-4", "amd-zen5"], "did you mean amd-zen-5?"],
  ] as const) {
    const { code, out, err } = xsavekit(["portable", ...args]);
    expect([code, out], args.join(" ")).toEqual([2, ""]);
    expect(err).toMatch(/^xsavekit: [^\n]*\n$/);
    expect(err).toContain(message);
  }
  expect(xsavekit(["portable", "--help"])).toMatchObject({ code: 0, err: "" });
});
