/** What the README shows of `xsavekit/image`, by its public name. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compareImages, convertImage, decodeImage, readRegister, registerNamed } from "xsavekit/image";
import { loadBundledModel } from "xsavekit/models";

test("decode, read, convert, compare", () => {
  const { area, registers } = JSON.parse(readFileSync(new URL("fixtures/zen5-core-area.json", import.meta.url), "utf8")) as {
    area: string;
    registers: Record<string, string>;
  };
  const bytes = Uint8Array.from(Buffer.from(area, "hex"));
  const zen5 = loadBundledModel("amd-zen-5");
  const decoded = decodeImage({ bytes, form: "standard", rows: zen5.components });
  expect(Buffer.from(readRegister(decoded.state, registerNamed("zmm17")!)!.bytes).toString("hex")).toBe(registers["zmm17"]);
  const { image, reasons } = convertImage(decoded.image, { cpu: loadBundledModel("intel-tiger-lake"), form: "compacted" });
  expect(reasons).toEqual([]);
  expect(compareImages(decoded, decodeImage(image!))).toEqual([]);
});
