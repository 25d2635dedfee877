/**
 * `npm run example:gate`: a stale sample with xsaves_nmi() as posted, and its absence with what its reviewers asked for.
 * An NMI saves; the registers change; a second save is refused, as it is not called from an NMI. The function as posted
 * is void, so its caller goes on to read the header, and XSTATE_BV is the first sample's.
 */

import { pathToFileURL } from "node:url";
import { generatedRegistry } from "../src/host/load-generated.ts";
import { XMM_OFFSET, XSTATE_BV_OFFSET } from "../src/isa/xsave-area.ts";
import { RegisterWriter } from "../src/perf/emulated-run.ts";
import { createArena, KernelContexts, NmiGate, Processors, SaverPath } from "../src/runtime/index.ts";
import { type Policy, STATUS_NAMES } from "../src/runtime/policies/policy.ts";
import { XSAVES_NMI_AS_POSTED } from "../src/runtime/policies/xsaves-nmi-as-posted.ts";
import { XSAVES_NMI_WITH_STATUS } from "../src/runtime/policies/xsaves-nmi-with-status.ts";

const MODEL = "intel-sapphire-rapids";
/** SSE and AVX. */
const MASK = 0x6;

/** What the caller of one policy sees, line by line. */
export async function staleSample(policy: Policy): Promise<string[]> {
  const { cpu, savers } = await (await generatedRegistry())[MODEL]!();
  const processors = new Processors(cpu);
  const contexts = new KernelContexts(1);
  const arena = createArena({ bytes: 16384, largestArea: 16384 });
  const gate = new NmiGate({ policy, cpu, contexts, path: new SaverPath(savers, processors, arena), areaSize: 4096 });
  const registers = new RegisterWriter(processors);
  const lines = [`${policy.name}:`];

  /** Saves, and reads xmm0 as a caller does that trusts XSTATE_BV. */
  const sample = (what: string): void => {
    const status = gate.save(0, 0, MASK, 0);
    const told = policy.visibleToCaller === "status" ? `told "${STATUS_NAMES[status]}"` : "told nothing";
    const xstateBv = arena.i32[XSTATE_BV_OFFSET >> 2]!;
    const read = xstateBv & 2 ? `reads xmm0 = ${arena.b64[XMM_OFFSET >> 3]!.toString(16)}` : "reads no xmm0";
    lines.push(`  ${what}: ${told}, XSTATE_BV ${xstateBv.toString(16)}, ${read}`);
  };

  registers.vector(0, 0, 4, 0x1111n);
  contexts.enterNmi(0);
  sample("xmm0 = 1111, in an NMI    ");
  contexts.leaveNmi(0);
  registers.vector(0, 0, 4, 0x2222n);
  sample("xmm0 = 2222, not in an NMI");
  return lines;
}

/** The example, as it prints. */
export async function gateExample(): Promise<string> {
  const shown = [await staleSample(XSAVES_NMI_AS_POSTED), await staleSample(XSAVES_NMI_WITH_STATUS)];
  return shown.flat().join("\n");
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) console.log(await gateExample());
