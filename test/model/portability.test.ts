/**
 * Verdicts against what a restore really does: for every ordered pair of models, an image of the one with everything in
 * use is restored on the other. `as-is` must give the same registers, every other verdict must not.
 */

import { expect, test, vi } from "vitest";

import { loadBundledModels } from "../../src/host/load-models.ts";
import { convertImage } from "../../src/image/convert-image.ts";
import { decodeImage } from "../../src/image/decode-image.ts";
import { savedStateOf } from "../../src/image/saved-state.ts";
import { bitsOf } from "../../src/isa/feature-mask.ts";
import type { CarrierName } from "../../src/model/carriers.ts";
import { carrierNamed } from "../../src/model/carriers.ts";
import type { CpuModel } from "../../src/model/cpu-model.ts";
import type { Portability } from "../../src/model/portability.ts";
import { defaultXcr0, portability, savedBy } from "../../src/model/portability.ts";
import { acceptedXcr0 } from "../../src/runtime/control-registers.ts";
import { areasIn, bindGeneralSave, Processors, restore, savePlan } from "../../src/runtime/index.ts";
import { makeLegal } from "../reference/legal-supervisor.ts";
import { Prng, randomSubset, randomXcr0 } from "../reference/random-processors.ts";
import { setXfd } from "../../src/runtime/set-control-registers.ts";
import { initialise, loadLegacy } from "../../src/runtime/write-registers.ts";

vi.setConfig({ testTimeout: 120_000 });

const models = loadBundledModels();
const rounds = process.env["XSAVEKIT_FULL"] === "1" ? 12 : 1;
const model = (id: string): CpuModel => models.find((each) => each.id === id)!;

/** Bytes of a component that are registers, written down anew from the SDM's and AMD's descriptions (13.5). */
const REGISTER_BYTES: Readonly<Record<number, number>> = { 4: 16, 8: 72, 9: 4 };

/** Registers that any save stores and any restore loads unchanged: no pointers, no pending exception, all LBR entries. */
function fillRegisters(prng: Prng, processors: Processors): void {
  const image = new Uint8Array(512);
  prng.fill(image);
  image.set([0x7f, 0x03], 0);
  image[3] = image[3]! & 0x7f;
  image[2] = image[2]! & 0x7f;
  image.fill(0, 5, 24);
  const view = new DataView(image.buffer);
  view.setUint32(24, processors.cpu.quirks.mxcsrMask, true);
  view.setUint32(28, processors.cpu.quirks.mxcsrMask, true);
  loadLegacy(processors, 0, image);
  for (const { index, size } of processors.cpu.components) {
    const bytes = processors.component(0, index);
    prng.fill(bytes);
    bytes.fill(0, REGISTER_BYTES[index] ?? size);
    makeLegal(index, bytes);
    if (index === 15) bytes.set([32, 0, 0, 0, 0, 0, 0, 0], 8);
  }
}

interface Move {
  readonly from: CpuModel;
  readonly to: CpuModel;
  readonly xcr0: bigint;
  readonly xss: bigint;
  readonly toXcr0: bigint;
  readonly toXss: bigint;
  readonly xfd: bigint;
}

/** The area as the sender writes it with everything in use; undefined where it has no such instruction. */
function savedArea({ from, xcr0, xss }: Move, format: "standard" | "compacted", sender: Processors): Uint8Array | undefined {
  const instruction = format === "standard" ? "XSAVE" : xss === 0n ? "XSAVEC" : "XSAVES";
  if (instruction === "XSAVEC" && !from.instructions.xsavec) return undefined;
  const rfbm = format === "standard" ? xcr0 : xcr0 | xss;
  const plan = savePlan(from, instruction, rfbm);
  const areas = areasIn(new ArrayBuffer(Math.ceil(plan.size / 64) * 64));
  bindGeneralSave(plan, sender, areas)(0, 0);
  return areas.u8.slice(0, plan.size);
}

function sameRegisters(mask: bigint, sender: Processors, receiver: Processors): boolean {
  const bytes = (processors: Processors, index: number): Buffer => {
    const all = processors.component(0, index);
    if (index === 0) return Buffer.concat([all.slice(0, 24), all.slice(32, 160)]);
    if (index === 1) return Buffer.concat([all.slice(24, 28), all.slice(160, 416)]);
    return Buffer.from(all.slice(0, REGISTER_BYTES[index] ?? all.length));
  };
  const has = ({ cpu }: Processors, index: number): boolean => index < 2 || cpu.components.some((row) => row.index === index);
  return bitsOf(mask).every(
    (index) => has(receiver, index) && Buffer.compare(bytes(sender, index), bytes(receiver, index)) === 0,
  );
}

function processorsOf(cpu: CpuModel, xcr0: bigint, xss: bigint): Processors {
  return new Processors(cpu, { xcr0, xss });
}

/** A processor with registers of which those outside `inUse` are initial. */
function filledSender(move: Move, inUse: bigint, seed: number): Processors {
  const sender = processorsOf(move.from, move.xcr0, move.xss);
  fillRegisters(new Prng(seed), sender);
  initialise(sender, 0, ~inUse);
  sender.setXinuse(0, inUse);
  return sender;
}

/** XRSTOR or XRSTORS of an image in memory that ends where the image does: the same registers as the sender's. */
function restoresAs(sender: Processors, move: Move, area: Uint8Array): boolean {
  const receiver = processorsOf(move.to, move.toXcr0, move.toXss);
  setXfd(receiver, 0, move.xfd);
  const memory = areasIn(area.slice().buffer);
  const xcompBv = new DataView(memory.buffer).getBigUint64(520, true);
  const supervisor = (xcompBv & (move.from.xssSupported | move.to.xssSupported)) !== 0n;
  const faults = restore(receiver, 0, memory, 0, supervisor ? "XRSTORS" : "XRSTOR", move.xcr0 | move.xss);
  return faults.length === 0 && sameRegisters(move.xcr0 | move.xss, sender, receiver);
}

function restores(move: Move, format: "standard" | "compacted", seed: number): boolean {
  const inUse = move.xcr0 | move.xss;
  const area = savedArea(move, format, filledSender(move, inUse, seed));
  return area !== undefined && restoresAs(filledSender(move, inUse, seed), move, area);
}

/** KVM_SET_XSAVE or PTRACE_SETREGSET as the kernel's source has it: lengths, header, MXCSR, then each feature at its own offset. */
function kernelTakes(move: Move, carrier: CarrierName, seed: number): boolean {
  const sender = processorsOf(move.from, move.xcr0, move.xss);
  fillRegisters(new Prng(seed), sender);
  sender.setXinuse(0, move.xcr0);
  const saved = savedArea({ ...move, xss: 0n }, "standard", sender)!;
  const userSize = bitsOf(move.toXcr0).reduce((size, index) => {
    const row = move.to.components.find((each) => each.index === index);
    return row ? Math.max(size, row.standardOffset! + row.size) : size;
  }, 576);
  const blob = carrier === "kvm" ? new Uint8Array(Math.max(4096, saved.length)) : new Uint8Array(saved.length);
  blob.set(saved);
  if (carrier === "kvm" ? blob.length < Math.max(4096, userSize) : blob.length !== userSize) return false;
  const view = new DataView(blob.buffer);
  const xfeatures = view.getBigUint64(512, true);
  if (xfeatures & ~(move.toXcr0 & 0xe02ffn)) return false;
  // A disabled feature is not among those that the task or the guest has permission for.
  if (xfeatures & move.xfd) return false;
  if (xfeatures & 7n && view.getUint32(24, true) & ~move.to.quirks.mxcsrMask) return false;
  const receiver = processorsOf(move.to, move.toXcr0, 0n);
  loadLegacy(receiver, 0, blob);
  for (const index of bitsOf(xfeatures).filter((each) => each >= 2)) {
    const row = move.to.components.find((each) => each.index === index)!;
    receiver.component(0, index).set(blob.subarray(row.standardOffset, row.standardOffset! + row.size));
  }
  return move.xss === 0n && sameRegisters(move.xcr0, sender, receiver);
}

function randomMove(prng: Prng, from: CpuModel, to: CpuModel, withXss: boolean): Move {
  const toXss = prng.chance(0.7) ? to.xssSupported : randomSubset(prng, to.xssSupported);
  const disableable = to.components.reduce((mask, row) => (row.xfd ? mask | (1n << BigInt(row.index)) : mask), 0n);
  return {
    from,
    to,
    xcr0: randomXcr0(prng, from) | 2n,
    xss: withXss && prng.chance(0.4) ? randomSubset(prng, from.xssSupported) : 0n,
    toXcr0: prng.chance(0.7) ? acceptedXcr0(to.xcr0Supported) : randomXcr0(prng, to) | 2n,
    toXss,
    xfd: to.instructions.xfd && prng.chance(0.2) ? disableable : 0n,
  };
}

function verdictFor(move: Move, carrier: CarrierName): string {
  const target = { model: move.to, xcr0: move.toXcr0, xss: move.toXss, xfd: move.xfd };
  return portability([savedBy(move.from, move.xcr0, move.xss)], [target], carrierNamed(carrier)).verdict;
}

const describeMove = ({ from, to, xcr0, xss, toXcr0, toXss, xfd }: Move): string =>
  `${from.id} ${xcr0.toString(16)}/${xss.toString(16)} -> ${to.id} ${toXcr0.toString(16)}/${toXss.toString(16)} xfd ${xfd.toString(16)}`;

/** All ordered pairs; what does not agree with the restore, and how often which verdict came. */
function checkPairs(carrier: CarrierName, agrees: (move: Move, seed: number) => boolean): { wrong: string[]; seen: Set<string> } {
  const prng = new Prng(20_261_125);
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const from of models) {
      for (const to of models) {
        const move = randomMove(prng, from, to, carrier === "compacted");
        const verdict = verdictFor(move, carrier);
        seen.add(verdict);
        if ((verdict === "as-is") !== agrees(move, prng.u32())) wrong.push(`${verdict}: ${describeMove(move)}`);
      }
    }
  }
  return { wrong, seen };
}

const ALL_VERDICTS = new Set(["as-is", "after-conversion", "no"]);

test.each(["standard", "compacted"] as const)(
  "%s: the verdict is as-is exactly where the restore gives the same registers",
  (format) => {
    const { wrong, seen } = checkPairs(format, (move, seed) => restores(move, format, seed));
    expect(wrong).toEqual([]);
    expect(seen).toEqual(ALL_VERDICTS);
  },
);

test.each(["kvm", "ptrace"] as const)("%s: the verdict is as-is exactly where the kernel takes the same registers", (carrier) => {
  const { wrong, seen } = checkPairs(carrier, (move, seed) => kernelTakes(move, carrier, seed));
  expect(wrong).toEqual([]);
  expect(seen).toEqual(ALL_VERDICTS);
});

test("images: what is in use decides, conversion helps where the verdict says so and nowhere else", () => {
  const prng = new Prng(4);
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (let count = 0; count < 1500 * rounds; count++) {
    const [from, to] = [prng.pick(models), prng.pick(models)];
    const format = prng.pick(["standard", "compacted"] as const);
    const move = randomMove(prng, from, to, format === "compacted");
    const inUse = randomSubset(prng, move.xcr0 | move.xss);
    const seed = prng.u32();
    const area = savedArea(move, format, filledSender(move, inUse, seed));
    if (!area) continue;
    const sender = filledSender(move, inUse, seed);
    const image = { bytes: area, form: format, rows: from.components };
    const target = { model: to, xcr0: move.toXcr0, xss: move.toXss, xfd: move.xfd };
    const saved = savedStateOf("image", decodeImage(image), format === "standard" ? move.xcr0 : 0n);
    expect([saved.xcr0, saved.xss]).toEqual([move.xcr0, move.xss]);
    const { verdict } = portability([saved], [target], carrierNamed(format));
    seen.add(verdict);
    const form =
      format === "compacted" && (move.xss === 0n ? to.instructions.xsavec : to.instructions.xsaves) ? format : "standard";
    const { toXcr0: xcr0, toXss: xss } = move;
    const converted = convertImage(image, { cpu: to, form, xcr0, xss: form === "standard" ? 0n : xss }, { dropInit: true });
    // What the target has no register for is initial (HDC has one other value only), or the verdict is no.
    const needed = inUse & ~(saved.initial ?? 0n);
    const kept = { ...move, xcr0: move.xcr0 & (xcr0 | needed), xss: move.xss & (xss | needed) };
    const helped = converted.image !== undefined && restoresAs(sender, kept, converted.image.bytes);
    const asIs = restoresAs(sender, kept, area);
    const expected = asIs ? "as-is" : helped ? "after-conversion" : "no";
    if (verdict !== expected) wrong.push(`${format} ${verdict}, not ${expected}, ${inUse.toString(16)}: ${describeMove(move)}`);
  }
  expect(wrong).toEqual([]);
  expect(seen).toEqual(ALL_VERDICTS);
});

function verdict(from: string, to: string, xcr0: bigint, carrier: CarrierName, mxcsr?: number): [string, string[]] {
  const target = { model: model(to), xcr0: defaultXcr0(model(to), carrierNamed(carrier)), xss: 0n, xfd: 0n };
  const result = portability([savedBy(model(from), xcr0, 0n, mxcsr)], [target], carrierNamed(carrier));
  return [result.verdict, result.targets[0]!.reasons.map(({ component, rule }) => `${component} ${rule}`)];
}

test("Tiger Lake to Zen 4 with 2E7H: the standard form must be converted, the compacted one restores as it is", () => {
  const offsets = ["5 offset", "6 offset", "7 offset", "9 offset"];
  expect(verdict("intel-tiger-lake", "amd-zen-4", 0x2e7n, "standard")).toEqual(["after-conversion", offsets]);
  expect(verdict("intel-tiger-lake", "amd-zen-4", 0x2e7n, "compacted")).toEqual(["as-is", []]);
  expect(verdict("intel-tiger-lake", "amd-zen-4", 0x2e7n, "kvm")).toEqual(["after-conversion", offsets]);
  expect(verdict("intel-tiger-lake", "amd-zen-4", 0x2e7n, "qemu")).toEqual(["as-is", []]);
  // 2696 bytes at one, 2440 at the other
  expect(verdict("intel-tiger-lake", "amd-zen-4", 0x2e7n, "ptrace")[1]).toEqual([...offsets, "null length"]);
  expect(verdict("intel-tiger-lake", "amd-zen-4", 0x2e7n, "criu")[1]).toContain("null length");
});

test("the way back needs the word that MXCSR.MM is never set", () => {
  expect(verdict("amd-zen-4", "intel-tiger-lake", 0x2e7n, "compacted")).toEqual(["no", ["1 mxcsr-bits"]]);
  expect(verdict("amd-zen-4", "intel-tiger-lake", 0x2e7n, "compacted", 0xffff)).toEqual(["as-is", []]);
});

test("supported is not enabled: Linux leaves Zen 2's PKRU out", () => {
  const criu = carrierNamed("criu");
  expect(defaultXcr0(model("amd-zen-2"), criu)).toBe(7n);
  expect(defaultXcr0(model("amd-zen-2"), carrierNamed("standard"))).toBe(0x207n);
  expect(defaultXcr0(model("amd-zen-3"), criu)).toBe(0x207n);
  expect(verdict("amd-zen-3", "amd-zen-2", 0x207n, "ptrace")).toEqual(["no", ["9 not-enabled", "null length"]]);
  // 64 bytes at 832 against 8 at 2432, and 8 at 832 in the compacted format, where only the larger side reads too far
  expect(verdict("amd-zen-2", "amd-zen-3", 0x207n, "standard")).toEqual(["after-conversion", ["9 offset"]]);
  expect(verdict("amd-zen-2", "amd-zen-3", 0x207n, "compacted")).toEqual(["as-is", []]);
  expect(verdict("amd-zen-3", "amd-zen-2", 0x207n, "compacted")).toEqual(["after-conversion", ["9 size"]]);
});

test("AMX, MPX and APX against CPUs without them", () => {
  expect(verdict("intel-sapphire-rapids", "intel-ice-lake-server", 0x602e7n, "standard")).toEqual([
    "no",
    ["17 missing", "18 missing"],
  ]);
  expect(verdict("intel-sapphire-rapids", "intel-ice-lake-server", 0x602e7n, "criu")[1]).toContain("18 not-carried");
  expect(verdict("intel-skylake-client", "intel-tiger-lake", 0x1fn, "standard")[1]).toEqual(["3 missing", "4 missing"]);
  expect(verdict("intel-diamond-rapids", "intel-skylake-sp", 0x8_0007n, "standard")[1]).toEqual(["19 missing"]);
  const target = { model: model("intel-sapphire-rapids"), xcr0: 0x602e7n, xss: 0n, xfd: 1n << 18n };
  const moved = portability([savedBy(model("intel-granite-rapids"), 0x602e7n, 0n)], [target], carrierNamed("kvm"));
  expect(moved.targets[0]!.reasons.map(({ rule }) => rule)).toEqual(["xfd"]);
});

test("an image in which a component is not in use can leave it behind", () => {
  const saved = { ...savedBy(model("intel-sapphire-rapids"), 0x602e7n, 0n), mayUse: 0x2e7n };
  const target = { model: model("intel-ice-lake-server"), xcr0: 0x2e7n, xss: 0n, xfd: 0n };
  expect(portability([saved], [target], carrierNamed("standard")).verdict).toBe("as-is");
  const compacted = portability([saved], [target], carrierNamed("compacted"));
  expect(compacted.verdict).toBe("after-conversion");
  expect(compacted.targets[0]!.reasons.map(({ message }) => message)[0]).toContain("XCOMP_BV names it");
});

test("an image that no XSAVES wrote: reserved bits of a supervisor component and of the header", () => {
  const from = model("intel-sapphire-rapids");
  const move = { from, to: from, xcr0: 7n, xss: 0x800n, toXcr0: 7n, toXss: 0x800n, xfd: 0n };
  const bytes = savedArea(move, "compacted", filledSender(move, 0x807n, 5))!;
  const judge = (): string[] => {
    const saved = savedStateOf("image", decodeImage({ bytes, form: "compacted", rows: from.components }));
    const target = { model: from, xcr0: 7n, xss: 0x800n, xfd: 0n };
    return portability([saved], [target], carrierNamed("compacted")).targets[0]!.reasons.map(
      ({ component, rule, effect }) => `${component} ${rule} ${effect}`,
    );
  };
  expect(judge()).toEqual([]);
  bytes[832] = bytes[832]! | 0xc0; // IA32_U_CET
  bytes[540] = 1;
  expect(judge()).toEqual(["11 supervisor-contents lost", "null header-reserved convert"]);
});

test("supervisor state travels in the compacted format only", () => {
  const saved = savedBy(model("amd-zen-4"), 0x2e7n, 0x1800n);
  const target = { model: model("amd-zen-5"), xcr0: 0x2e7n, xss: 0x1800n, xfd: 0n };
  expect(portability([saved], [target], carrierNamed("compacted")).verdict).toBe("as-is");
  const blob = portability([saved], [target], carrierNamed("kvm")).targets[0]!;
  expect(blob.reasons.map(({ component, rule }) => [component, rule])).toEqual([
    [11, "supervisor"],
    [12, "supervisor"],
  ]);
  const off = portability([saved], [{ ...target, xss: 0n }], carrierNamed("compacted")).targets[0]!;
  expect(off.reasons.map(({ rule }) => rule)).toEqual(["not-enabled", "not-enabled"]);
});

test("a fleet: common masks, who falls short, and the XCR0 that would move", () => {
  const fleet = ["amd-zen-2", "intel-sapphire-rapids", "amd-zen-4"].map(model);
  const carrier = carrierNamed("standard");
  const saved = savedBy(model("intel-tiger-lake"), 0x2e7n, 0n);
  const targets = fleet.map((each) => ({ model: each, xcr0: defaultXcr0(each, carrier), xss: 0n, xfd: 0n }));
  const result = portability([saved], targets, carrier);
  expect(result.verdict).toBe("no");
  expect(result.targets.map(({ verdict: one }) => one)).toEqual(["no", "as-is", "after-conversion"]);
  expect(result.commonSupportedXcr0).toBe(0x207n);
  expect(result.commonSupportedXss).toBe(0n);
  expect(result.portableXcr0).toEqual({ asIs: 7n, afterConversion: 0x207n });
  expect(result.shortfalls.find(({ id }) => id === "amd-zen-2")!.xcr0).toBe(0x600e0n);
  expect(result.shortfalls.map(({ id }) => id)).not.toContain("intel-sapphire-rapids-x");
});

test("the XCR0 that would move is a largest one: no other accepted mask has more components", () => {
  const prng = new Prng(7);
  const short: string[] = [];
  for (let count = 0; count < 4 * rounds; count++) {
    const from = prng.pick(models.filter(({ xcr0Supported }) => bitsOf(xcr0Supported).length > 4));
    const to = prng.pick(models);
    for (const name of ["standard", "compacted"] as const) {
      const judge = (mask: bigint, toMask: bigint): Portability =>
        portability([savedBy(from, mask, 0n, 0xffff)], [{ model: to, xcr0: toMask, xss: 0n, xfd: 0n }], carrierNamed(name));
      const extended = bitsOf(from.xcr0Supported).filter((bit) => bit >= 2);
      let most = -1;
      for (let choice = 0; choice < 2 ** extended.length; choice++) {
        const mask = extended.reduce((all, bit, at) => ((choice >> at) & 1 ? all | (1n << BigInt(bit)) : all), 3n);
        if (mask !== acceptedXcr0(mask) || mask & ~to.xcr0Supported) continue;
        if (judge(mask, mask).verdict === "as-is") most = Math.max(most, bitsOf(mask).length);
      }
      const found = judge(acceptedXcr0(from.xcr0Supported), acceptedXcr0(to.xcr0Supported)).portableXcr0!.asIs;
      if ((found === null ? -1 : bitsOf(found).length) !== most) short.push(`${from.id} -> ${to.id} ${name}: ${found} ${most}`);
    }
  }
  expect(short).toEqual([]);
});
