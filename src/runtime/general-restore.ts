/**
 * XRSTOR and XRSTORS by the general path: every check with its cause, then the registers. It serves every mask,
 * XCOMP_BV, operand size and mode. A refused restore changes nothing.
 * Source: Intel SDM vol. 1, 13.8 and 13.12; confirmed against recorded executions (Zen 5 hardware, Bochs models).
 */

import { hasBit, maskWithNames, XCOMP_BV_COMPACTED } from "../isa/feature-mask.ts";
import { INITIAL_MXCSR, MXCSR_OFFSET, XCOMP_BV_OFFSET, XSTATE_BV_OFFSET } from "../isa/xsave-area.ts";
import type { AreaMemory } from "./arena.ts";
import { loadedInUse } from "./derive-xinuse.ts";
import { instructionFaults, type InstructionFault, type InstructionSetting, modeOf } from "./instruction-faults.ts";
import { initialiseX87, loadX87, x87Rule } from "./load-x87.ts";
import type { Processors } from "./processors.ts";
import { type AllowedBits, type FieldCheck, restoreChecks, type RestoreFamily, type RestoreRule } from "./restore-checks.ts";
import { type RestorePiece, type RestorePlan, restorePlan } from "./restore-plan.ts";

/** Why a restore raises an exception, or does not fit into the buffer (vector 14: its bytes are not there). */
export type RestoreFault = InstructionFault<RestoreRule>;

/** Components that are larger in 64-bit mode: outside it, what is left of them may still be in use. */
const WIDER_IN_64_BIT_MODE = 0xc6n;

/** What a restore is asked for. */
interface Asked {
  readonly processors: Processors;
  readonly processor: number;
  readonly areas: AreaMemory;
  readonly offset: number;
  readonly family: RestoreFamily;
  readonly mask: bigint;
  readonly setting: InstructionSetting;
}

/**
 * Restores registers of a processor from the area at `offset`. Returns all causes of an exception, empty when the
 * registers were loaded. The manual orders the causes of #GP nowhere; ours come as the instruction's own (see
 * `instructionFaults`), then XCOMP_BV, XSTATE_BV, reserved header bytes, MXCSR; #NM for IA32_XFD if there is nothing else,
 * its value being what IA32_XFD_ERR then holds; contents of supervisor components last. Control and status words of x87
 * are normalised as hardware does.
 */
export function restore(
  processors: Processors,
  processor: number,
  areas: AreaMemory,
  offset: number,
  family: RestoreFamily,
  mask: bigint,
  setting: InstructionSetting = {},
): RestoreFault[] {
  const asked = { processors, processor, areas, offset, family, mask, setting };
  const { faults, plan } = check(asked);
  if (plan) load(asked, plan);
  return faults;
}

/** What `restore` would return, without restoring. */
export function restoreFaults(...asked: Parameters<typeof restore>): RestoreFault[] {
  const [processors, processor, areas, offset, family, mask, setting = {}] = asked;
  return check({ processors, processor, areas, offset, family, mask, setting }).faults;
}

/** All faults; the plan where there is none. */
function check(asked: Asked): { faults: RestoreFault[]; plan?: RestorePlan } {
  const { processors, processor, areas, offset, family, mask, setting } = asked;
  const { cpu } = processors;
  const enabled = processors.xcr0(processor) | (family === "XRSTORS" ? processors.xss(processor) : 0n);
  const rfbm = mask & enabled;
  const faults = placeFaults(asked);
  if (faults.some(({ vector }) => vector === 14)) return { faults };

  const view = new DataView(areas.buffer, offset);
  const field = ({ bytes, offset: at }: Pick<FieldCheck, "bytes" | "offset">): bigint =>
    bytes === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
  const xstateBv = field({ bytes: 8, offset: XSTATE_BV_OFFSET });
  const xcompBv = field({ bytes: 8, offset: XCOMP_BV_OFFSET });
  const compacted = hasBit(xcompBv, 63);
  if (family === "XRSTORS" && !compacted)
    faults.push(fault(13, "xcomp-bv-not-compacted", XCOMP_BV_OFFSET, xcompBv, "XRSTORS wants XCOMP_BV[63] = 1"));
  const loads = rfbm & xstateBv;
  const registers: Readonly<Record<Exclude<AllowedBits, bigint>, bigint>> = {
    XCR0: processors.xcr0(processor),
    enabled: enabled | XCOMP_BV_COMPACTED,
    "laid-out": xcompBv & ~XCOMP_BV_COMPACTED,
    "not-disabled": ~processors.xfd(processor),
    "mxcsr-mask": BigInt(cpu.quirks.mxcsrMask),
  };
  const applied: Readonly<Record<FieldCheck["applies"], bigint>> = {
    always: ~0n,
    "sse-or-avx": (rfbm & 6n) === 0n ? 0n : ~0n,
    "sse-loaded": hasBit(loads, 1) ? ~0n : 0n,
    loaded: rfbm,
  };
  for (const each of restoreChecks(cpu, compacted || family === "XRSTORS" ? "compacted" : "standard")) {
    const allowed = typeof each.allowed === "bigint" ? each.allowed : registers[each.allowed];
    const wrong = field(each) & ~allowed & applied[each.applies];
    if (wrong !== 0n && (each.applies !== "loaded" || faults.length === 0))
      faults.push(fault(each.vector, each.rule, each.offset, wrong, `${each.message} ${shown(each, wrong)}`));
  }
  if (faults.length > 0) return { faults };

  const plan = restorePlan(cpu, rfbm, xcompBv, modeOf(setting));
  for (const { component, area, length } of plan.pieces) {
    if (area === undefined || !hasBit(loads, component) || offset + area + length <= areas.end) continue;
    const message = `component ${component} needs ${length} bytes at ${area}, the buffer ends before`;
    faults.push(fault(14, "out-of-range", area, xstateBv, message));
  }
  if (faults.length > 0) return { faults };
  for (const { component, where, at, bits, evenInitial, message } of plan.contents) {
    const byte = where === "area" ? areas.u8[offset + at]! : processors.u8[processor * processors.blockSize + at]!;
    if ((evenInitial || hasBit(loads, component)) && (byte & bits) !== 0)
      faults.push(fault(13, "supervisor-contents", where === "area" ? at : undefined, BigInt(byte & bits), message));
  }
  return faults.length > 0 ? { faults } : { faults, plan };
}

/** Faults of the instruction and the area's place, before a byte of the area is read. */
function placeFaults({ processors: { cpu }, areas, offset, family, setting }: Asked): RestoreFault[] {
  const faults: RestoreFault[] = instructionFaults(cpu, family, offset, setting);
  const detached = areas.u8.length === 0;
  if (detached || !Number.isInteger(offset) || offset < areas.start || offset + 576 > areas.end) {
    const value = BigInt(Number.isFinite(offset) ? Math.trunc(offset) : 0);
    const message = detached
      ? "the areas' buffer was detached after binding"
      : `576 bytes at ${offset} are not in [${areas.start}, ${areas.end})`;
    faults.push(fault(14, "out-of-range", 0, value, message));
  }
  return faults;
}

function fault(
  vector: RestoreFault["vector"],
  rule: RestoreRule,
  offset: number | undefined,
  value: bigint,
  message: string,
): RestoreFault {
  return { vector, rule, offset, value, message };
}

/** Masks of components by name, everything else as a number. */
function shown({ offset }: FieldCheck, bits: bigint): string {
  return offset === XSTATE_BV_OFFSET || offset === XCOMP_BV_OFFSET ? maskWithNames(bits) : `0x${bits.toString(16)}`;
}

function load({ processors, processor, areas, offset, setting }: Asked, plan: RestorePlan): void {
  const { u8, i32, blockSize, count } = processors;
  const base = processor * blockSize;
  const initialBase = count * blockSize;
  const { rfbm, mode } = plan;
  const loads = rfbm & new DataView(areas.buffer, offset).getBigUint64(XSTATE_BV_OFFSET, true);
  const initial = (registers: number, length: number): void =>
    void u8.copyWithin(base + registers, initialBase + registers, initialBase + registers + length);
  const loadPiece = ({ area = 0, registers, length, registerBytes }: RestorePiece): void => {
    u8.set(areas.u8.subarray(offset + area, offset + area + registerBytes), base + registers);
    u8.fill(0, base + registers + registerBytes, base + registers + length);
  };
  for (const piece of plan.pieces) {
    const isLoaded = hasBit(loads, piece.component);
    if (piece.rule === "copy") {
      if (isLoaded) loadPiece(piece);
      else initial(piece.registers, piece.length);
    } else if (isLoaded) loadX87(processors, processor, areas, offset, x87Rule(processors, mode.operandSize));
    else initialiseX87(processors, processor);
  }
  const word = (base + MXCSR_OFFSET) >> 2;
  if (plan.mxcsr === "area" || (plan.mxcsr === "area-or-initial" && hasBit(loads, 1)))
    i32[word] = new DataView(areas.buffer, offset).getInt32(MXCSR_OFFSET, true);
  else if (plan.mxcsr === "area-or-initial") i32[word] = INITIAL_MXCSR;
  const left = mode.mode64 ? 0n : processors.xinuse(processor) & WIDER_IN_64_BIT_MODE;
  processors.setXinuse(processor, (processors.xinuse(processor) & ~rfbm) | loadedInUse(processors, processor, loads) | left);
  processors.modifiedOptimisation?.restored(processor, rfbm, plan.xcompBv, { buffer: areas.buffer, offset, context: setting });
}
