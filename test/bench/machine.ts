/** The machine that is measured: its CPU as CPUID shows it, and its instructions and C copies as yardstick. */

import { loadBundledModel } from "../../src/host/load-models.ts";
import type { ProcessorDescription } from "../../src/runtime/index.ts";
import { describeThisCpu } from "../../src/verify/hardware/this-cpu.ts";
import { buildOracle } from "../../src/verify/oracle/build-oracle.ts";
import { buildNativeBench, type CopyPlan, type NativeBench } from "../oracle/build-native-bench.ts";

/** What sections of the benchmark stand on. */
export interface Machine {
  /** This CPU where it can be asked, else a bundled model. */
  readonly cpu: ProcessorDescription;
  /** CPUID's words, not the brand string, which a hypervisor may set. */
  readonly title: string;
  readonly native: NativeBench | undefined;
  readonly withoutNative: string;
  /** Times a fixed piece of work, to tell when the machine is not ours alone. */
  readonly probe: () => number;
}

/** Without a way to ask this CPU. */
const STOCK = "amd-zen-5";

/** The machine, with copy plans compiled into the yardstick. */
export function thisMachine(plans: readonly CopyPlan[] = []): Machine {
  const oracle = buildOracle();
  const built = buildNativeBench(plans);
  const native = built.available ? built.bench : undefined;
  const probe = native ? nativeProbe(native) : ownProbe;
  const withoutNative = built.available ? "" : built.reason;
  if (!oracle.available) {
    return {
      cpu: loadBundledModel(STOCK),
      title: `unknown (${oracle.reason}); layout of ${STOCK}`,
      native,
      withoutNative,
      probe,
    };
  }
  const { hello } = oracle;
  const { cpu, model } = describeThisCpu(hello);
  const hex = (value: number): string => `${value.toString(16).toUpperCase()}H`;
  const title = `${hello.vendor}, family ${hex(hello.family)} model ${hex(hello.model)} stepping ${hello.stepping} (${model ?? "no bundled model"}), XCR0 ${hello.xcr0.toString(16).toUpperCase()}H`;
  return { cpu, title, native, withoutNative, probe };
}

function nativeProbe(native: NativeBench): () => number {
  const [source, area] = [new Uint8Array(4096), new Uint8Array(4096)];
  return () => native.timeMemcpy(1024, "vector", { source, area, iterations: 3000 });
}

const words = new Int32Array(512);
function ownProbe(): number {
  const start = performance.now();
  for (let i = 0; i < 40_000; i++) words[i & 511] = (words[(i + 7) & 511]! + i) | 0;
  return performance.now() - start;
}
