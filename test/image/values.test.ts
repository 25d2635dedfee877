/** Register values as text, by name and in selections. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  configuredTiles,
  decodeImage,
  encodeImage,
  formatLanes,
  formatX87,
  readRegister,
  readRegisters,
  registerNamed,
  selectRegisters,
  stateOfRegisters,
} from "../../src/image/index.ts";
import { loadModel } from "../model/model-files.ts";

const x87 = (significand: bigint, signAndExponent: number): string => {
  const view = new DataView(new ArrayBuffer(10));
  view.setBigUint64(0, significand, true);
  view.setUint16(8, signAndExponent, true);
  return formatX87(new Uint8Array(view.buffer));
};

describe("x87 numbers", () => {
  // What printf("%.21Lg") prints on x86, cut to the digits that tell the number from its neighbours.
  test.each([
    [0x8000000000000000n, 0x3fff, "1"],
    [0xc90fdaa22168c235n, 0x4000, "3.1415926535897932385"],
    [0xcccccccccccccccdn, 0x3ffb, "0.1"],
    [0xcccccccccccccccdn, 0xbffb, "-0.1"],
    [0xffffffffffffffffn, 0x7ffe, "1.189731495357231765e+4932"],
    [0x8000000000000000n, 0x0001, "3.3621031431120935063e-4932"],
    [0x0000000000000001n, 0x0000, "4e-4951"],
    [0x8000000000000000n, 0x0000, "3.3621031431120935063e-4932"],
    [0n, 0x0000, "0"],
    [0n, 0x8000, "-0"],
    [0x8000000000000000n, 0x7fff, "inf"],
    [0x8000000000000000n, 0xffff, "-inf"],
    [0xc000000000000000n, 0xffff, "-nan(0xc000000000000000)"],
    [0x4000000000000000n, 0x7fff, "unsupported(0x4000000000000000)"],
    [0x4000000000000000n, 0x3fff, "unsupported(0x4000000000000000)"],
    [0xf424000000000000n, 0x4012, "1000000"],
  ])("%s %s", (significand, exponent, text) => expect(x87(significand, exponent)).toBe(text));

  test("every number with 53 bits prints as JavaScript's shortest does, or with more digits where 64 bits tell more", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: 2 ** -1000, max: 2 ** 1000 }), (value) => {
        const bits = new DataView(new ArrayBuffer(8));
        bits.setFloat64(0, value);
        const exponent = Number((bits.getBigUint64(0) >> 52n) & 0x7ffn);
        const significand = (1n << 63n) | ((bits.getBigUint64(0) & 0xfffffffffffffn) << 11n);
        expect(Number(x87(significand, exponent - 1023 + 16383))).toBe(value);
      }),
      { numRuns: 300 },
    );
  });
});

describe("lanes", () => {
  const bytes = Uint8Array.from([0x00, 0x3c, 0x80, 0xbf, 0xcd, 0xcc, 0xcc, 0x3d, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80]);
  test.each([
    ["hex", ["003c80bfcdcccc3dffffffff00000080"]],
    ["int8", ["0", "60", "-128", "-65", "-51", "-52", "-52", "61", "-1", "-1", "-1", "-1", "0", "0", "0", "-128"]],
    ["uint16", ["15360", "49024", "52429", "15820", "65535", "65535", "0", "32768"]],
    ["int32", ["-1082115072", "1036831949", "-1", "-2147483648"]],
    ["uint64", ["4453159315615792128", "9223372041149743103"]],
    ["float16", ["1", "-1.875", "-19.2", "1.449", "nan(0xffff)", "nan(0xffff)", "0", "-0"]],
    ["bfloat16", ["0.0078", "-1", "-107500000", "0.0996", "nan(0xffff)", "nan(0xffff)", "0", "-0"]],
    ["float32", ["-1.001831", "0.1", "nan(0xffffffff)", "-0"]],
  ] as const)("%s", (format, lanes) => expect(formatLanes(bytes, format)).toEqual(lanes));

  test("half floats have few digits and give the same bits again", () => {
    for (let bits = 0; bits < 0x7c00; bits += 7) {
      const [text] = formatLanes(Uint8Array.of(bits & 255, bits >> 8), "float16");
      const exponent = bits >> 10;
      const value = exponent === 0 ? (bits & 1023) * 2 ** -24 : (1024 + (bits & 1023)) * 2 ** (exponent - 25);
      const unit = 2 ** (Math.max(exponent, 1) - 25);
      expect(Math.abs(Number(text) - value)).toBeLessThan(unit / 2);
    }
  });
});

describe("selections", () => {
  const names = (selection: string): string[] => selectRegisters(selection).map(({ name }) => name);
  test("groups, ranges and names, in the order of display", () => {
    expect(names("k,zmm16-18,mxcsr")).toEqual([
      "mxcsr",
      "zmm16",
      "zmm17",
      "zmm18",
      "k0",
      "k1",
      "k2",
      "k3",
      "k4",
      "k5",
      "k6",
      "k7",
    ]);
    expect(names("zmm16-zmm17")).toEqual(["zmm16", "zmm17"]);
    expect(names("lbr_from0-1, r31")).toEqual(["lbr_from0", "lbr_from1", "r31"]);
    expect(names("pl0_ssp")).toEqual(["pl0_ssp"]);
    expect(new Set(names("all")).size).toBe(names("all").length);
  });
  test.each(["", "zmm", "zmm32", "zmm40-50", "k,", "constructor", "zmm5-3"])("`%s`", (selection) => {
    if (selection === "zmm") expect(names(selection)).toHaveLength(32);
    else expect(() => names(selection)).toThrow(/no register/);
  });
});

describe("registers by name", () => {
  const { components: rows } = loadModel("intel-sapphire-rapids");
  const encode = (registers: Parameters<typeof stateOfRegisters>[0]) =>
    decodeImage(encodeImage(stateOfRegisters(registers, rows), { form: "compacted", rows }));
  const value = (decoded: ReturnType<typeof encode>, name: string) => {
    const register = registerNamed(name);
    return register && readRegister(decoded.state, register);
  };

  test("ymm0 with AVX in init is xmm0 and zeros, and says so", () => {
    const decoded = encode({ xmm0: "00112233445566778899aabbccddeeff" });
    expect(decoded.layout.xstateBv).toBe(2n);
    expect(value(decoded, "xmm0")?.init).toBe("none");
    expect(value(decoded, "ymm0")?.init).toBe("part");
    expect(value(decoded, "zmm0")?.bytes).toEqual(
      Uint8Array.from([...Array(16).keys()].map((n) => n * 17).concat(Array(48).fill(0))),
    );
    expect(value(decoded, "k0")?.init).toBe("all");
  });

  test("mm registers follow TOP, the tag word the contents", () => {
    const decoded = encode({ fsw: 5 << 11, ftw: 0b1010_0000, st0: "0100000000000080ff3f", st2: "00000000000000000000" });
    // TOP = 5: ST0 is physical register 5, ST2 is 7.
    expect(value(decoded, "mm5")?.bytes).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0x80));
    expect(value(decoded, "ftag")?.bytes).toEqual(Uint8Array.of(0xff, 0b01_11_00_11));
  });

  test("MXCSR alone leaves SSE in init in the standard form and is kept in the compacted one", () => {
    const decoded = encode({ mxcsr: 0x1fa0 });
    expect(decoded.layout.xstateBv).toBe(2n);
    const standard = encodeImage(stateOfRegisters({ mxcsr: 0x1fa0 }, []), { form: "standard", rows: [] });
    expect(decodeImage(standard).layout.xstateBv).toBe(0n);
    expect(value(decodeImage(standard), "mxcsr")?.bytes).toEqual(Uint8Array.of(0xa0, 0x1f, 0, 0));
  });

  test("tiles have their configured shape", () => {
    const config = new Uint8Array(64);
    config[0] = 1;
    config[16 + 2 * 3] = 12;
    config[48 + 3] = 2;
    const tile = Uint8Array.from({ length: 1024 }, (_, at) => at & 255);
    const [only, ...others] = configuredTiles(encode({ tilecfg: config, tmm3: tile }).state);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ number: 3, rows: 2, columnBytes: 12 });
    expect(only?.contents.map((row) => [...row])).toEqual([0, 64].map((from) => [...tile.subarray(from, from + 12)]));
  });

  test.each([
    [{ zmm0: "00" }, /zmm0 has 64 bytes, 1 are given/],
    [{ k0: 1n << 64n }, /64 bits/],
    [{ k0: -1 }, /64 bits/],
    [{ k0: 1.5 }, /no whole number/],
    [{ nothing: 1 }, /no register `nothing`/],
    [{ mm0: 1 }, /st0-st7/],
    [{ bnd0: new Uint8Array(16) }, /BNDREGS, for which the rows have no place/],
    [{ xmm0: new Uint8Array(16).fill(1), zmm0: new Uint8Array(64) }, /zmm0 and xmm0 hold the same bytes and differ at byte 0/],
    [{ xmm0: "zz".repeat(16) }, /neither 0x/],
  ])("%o is refused", (registers, message) => expect(() => encode(registers)).toThrow(message));

  test("every listed register of a model with everything can be written and read back", () => {
    const state = stateOfRegisters({}, rows);
    const all = readRegisters(state);
    expect(all.length).toBe(229);
    for (const { register } of all) {
      if (register.derived || register.name === "mxcsr_mask") continue;
      const bytes = Uint8Array.from({ length: register.size }, (_, at) =>
        register.name === "mxcsr" ? [0xbf, 0x1f, 0, 0][at]! : (at * 7 + 3) & 255,
      );
      expect([register.name, value(encode({ [register.name]: bytes }), register.name)?.bytes]).toEqual([register.name, bytes]);
    }
  });
});

test("APX lies over BNDREGS: the one in use is written, both are refused", () => {
  const place = { supervisor: false, align64: false, xfd: false };
  const rows = [
    { index: 3, size: 64, standardOffset: 960, ...place },
    { index: 19, size: 128, standardOffset: 960, ...place },
  ];
  const bnd0 = "00112233445566778899aabbccddeeff";
  const image = encodeImage(stateOfRegisters({ bnd0 }, rows), { form: "standard", rows });
  expect(Buffer.from(image.bytes.subarray(960, 976)).toString("hex")).toBe(bnd0);
  const r16 = encodeImage(stateOfRegisters({ r16: 1n }, rows), { form: "standard", rows });
  expect(r16.bytes[960]).toBe(1);
  expect(() => encodeImage(stateOfRegisters({ bnd0, r16: 1n }, rows), { form: "standard", rows })).toThrow(
    /BNDREGS and APX are in use and overlap at 960/,
  );
});
