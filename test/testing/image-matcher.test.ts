import { expect, test } from "vitest";
import { encodeImage, stateOfRegisters, type RegisterInput } from "../../src/image/index.ts";
import { loadModel } from "../model/model-files.ts";
import "../../src/testing/vitest.ts";

const intel = loadModel("intel-ice-lake-server").components;
const amd = loadModel("amd-zen-4").components;
const image = (registers: Record<string, RegisterInput>, rows = amd, form: "standard" | "compacted" = "standard") =>
  encodeImage(stateOfRegisters(registers, rows), { form, rows });
const registers = { zmm3: new Uint8Array(64).fill(7), k1: 5n, mxcsr: 0x1fa0 };

function failure(check: () => void): string {
  try {
    check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("the check passed");
}

test("images of two models and forms hold the same registers, stale bytes aside", () => {
  const other = image(registers, intel, "compacted");
  other.bytes.fill(0xaa, 464, 512);
  expect(image(registers)).toHoldRegistersOf(other);
  expect(failure(() => expect(image(registers)).not.toHoldRegistersOf(other))).toBe("both images hold the same registers");
});

test("the message names registers, bytes and values of both sides", () => {
  const zmm3 = new Uint8Array(64).fill(7);
  zmm3[40] = 9;
  expect(failure(() => expect(image(registers)).toHoldRegistersOf(image({ ...registers, zmm3, k1: 6n })))).toBe(
    "2 registers differ, received and expected:\n  k1 (opmask): 0x5 and 0x6\n  zmm3 bytes 40-40 (ZMM_Hi256): 07 and 09",
  );
  expect(failure(() => expect(7).toHoldRegistersOf(image(registers)))).toBe("received is no image: { bytes, form, rows }");
});
