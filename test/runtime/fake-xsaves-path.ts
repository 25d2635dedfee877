import { guarded, type GatedRun, type RunGuard } from "../../src/runtime/run-guard.ts";
import type { XsavesPath } from "../../src/runtime/xsaves-path.ts";

/** Records calls, keeps one XSTATE_BV per offset, faults with #GP where the area is misaligned. */
export class FakeXsavesPath implements XsavesPath {
  readonly calls: string[] = [];
  readonly xstateBv = new Map<number, bigint>();
  /** Vector for every call, instead of 0. */
  fault = 0;

  bindSave(maskLow: number, maskHigh: number, guard: RunGuard): GatedRun {
    return guarded(guard, (processor, offset) => {
      const vector = this.#run("save", processor, offset, maskLow, maskHigh);
      if (vector === 0) this.xstateBv.set(offset, (BigInt(maskHigh) << 32n) | BigInt(maskLow));
      return vector;
    });
  }
  bindRestore(maskLow: number, maskHigh: number, guard: RunGuard): GatedRun {
    return guarded(guard, (processor, offset) => this.#run("restore", processor, offset, maskLow, maskHigh));
  }
  clearXstateBv(offset: number): void {
    this.xstateBv.set(offset, 0n);
  }

  #run(what: string, processor: number, offset: number, maskLow: number, maskHigh: number): number {
    if (maskLow < 0 || maskHigh < 0) throw new Error("words must be unsigned");
    this.calls.push(`${what} ${processor} ${offset} ${((BigInt(maskHigh) << 32n) | BigInt(maskLow)).toString(16)}`);
    return offset % 64 === 0 ? this.fault : 13;
  }
}
