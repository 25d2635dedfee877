/** Areas with mutated headers and contents: layout chosen, decoded, written back, compared, converted; an ImageError or sound results. */

import {
  chooseLayout,
  compareImages,
  convertImage,
  decodeImage,
  encodeImage,
  formOf,
  ImageError,
  kvmBuffer,
  normaliseImage,
  readRegisters,
  REGISTERS,
  signalFrame,
} from "../../src/image/index.ts";
import type { DecodedImage, ImageForm, LayoutEvidence, XsaveImage } from "../../src/image/index.ts";
import { loadBundledModels } from "../../src/host/load-models.ts";
import { areaLayout } from "../../src/layout/area-layout.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import { acceptedXcr0 } from "../../src/runtime/control-registers.ts";
import type { Prng } from "../../src/verify/random/prng.ts";
import type { FuzzOutcome, FuzzTarget } from "./fuzz-target.ts";

const COMPACTED = 1n << 63n;

/** An area of a model with a header that is mostly right, then a few bytes changed and the end sometimes cut. */
function mutatedArea(prng: Prng, model: CpuModel, form: ImageForm): Uint8Array {
  const mask = acceptedXcr0(model.xcr0Supported) | (form === "standard" ? 0n : model.xssSupported);
  const { size } = areaLayout(model, mask, form === "standard" ? "standard" : "compacted");
  const area = new Uint8Array(size);
  prng.fill(area);
  area.fill(0, 416, 576);
  const view = new DataView(area.buffer);
  const bits = (): bigint => (prng.chance(0.2) ? 1n << BigInt(prng.below(64)) : 0n);
  view.setUint32(24, prng.chance(0.8) ? 0x1f80 : prng.u32(), true);
  view.setBigUint64(464, (mask & 0xe02ffn) ^ bits(), true);
  view.setBigUint64(512, (prng.u64() & mask) ^ bits(), true);
  if (form !== "standard") view.setBigUint64(520, (COMPACTED | mask) ^ bits(), true);
  for (let left = prng.below(4); left > 0; left--) area[512 + prng.below(64)]! ^= prng.chance(0.3) ? 1 << prng.below(8) : 0;
  const bytes = form === "compacted-without-legacy" ? area.subarray(512) : area;
  return prng.below(8) === 0 ? bytes.subarray(0, prng.below(bytes.length + 1)) : bytes;
}

function expectSame(a: DecodedImage, b: DecodedImage, what: string): void {
  const [first] = compareImages(a, b);
  if (first) throw new Error(`${what}: ${first.message}`);
}

function exercise(prng: Prng, image: XsaveImage, models: readonly CpuModel[]): FuzzOutcome {
  const decoded = decodeImage(image);
  const values = readRegisters(decoded.state, REGISTERS);
  if (values.some(({ register, bytes }) => bytes.length !== register.size)) throw new Error("a register of another size");
  expectSame(decoded, decodeImage(normaliseImage(image)), "normalised");
  const target = prng.pick(models);
  const form = prng.pick(["standard", "compacted"] as const);
  const conversion = convertImage(image, { cpu: target, form }, { dropInit: prng.chance(0.5) });
  if (!conversion.image) return { name: "not converted", deep: true };
  const after = decodeImage(conversion.image);
  if (after.warnings.length > 0) throw new Error(`the result has ${after.warnings[0]?.message}`);
  expectSame(decoded, after, `converted to ${target.id}`);
  if (form === "standard") {
    for (const bytes of [kvmBuffer(conversion.image), signalFrame(conversion.image)])
      expectSame(after, decodeImage({ ...conversion.image, bytes }), "carrier");
  }
  expectSame(after, decodeImage(encodeImage(after.state, { form: after.image.form, rows: target.components })), "encoded");
  return { name: "converted", deep: true };
}

export const target: FuzzTarget = {
  summary: "areas of every model with damaged headers: layout, registers, writing back, comparing, converting",
  leastDeep: 0.7,
  prepare: () => {
    const models = loadBundledModels();
    return (prng) => {
      const model = prng.pick(models);
      const form = prng.pick(["standard", "compacted", "compacted-without-legacy"] as const);
      const bytes = mutatedArea(prng, model, form);
      try {
        if (form !== "compacted-without-legacy" && bytes.length >= 576) formOf(bytes);
        const evidence: LayoutEvidence = {
          size: bytes.length,
          bytes,
          form,
          ...(bytes.length >= 576 && {
            userFeatures: { mask: new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(464, true), where: "byte 464" },
          }),
          xcompBv:
            prng.chance(0.9) && bytes.length >= 576
              ? new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(form === "compacted-without-legacy" ? 8 : 520, true)
              : prng.u64(),
        };
        const { rows } = chooseLayout(evidence, models, prng.chance(0.3) ? model : undefined);
        return exercise(prng, { bytes, form, rows }, models);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        if (error.message === "") throw new Error("an error without a message", { cause: error });
        return { name: `refused: ${error.code}`, deep: false };
      }
    };
  },
};
