import type { Command } from "commander";
import { Option } from "commander";
import { resolveModel, resolveModels } from "../../host/load-models.ts";
import { maskHex } from "../../isa/feature-mask.ts";
import type { CarrierName } from "../../model/carriers.ts";
import { CARRIER_NAMES, carrierNamed } from "../../model/carriers.ts";
import type { CpuModel } from "../../model/cpu-model.ts";
import { defaultXcr0, portability, savedBy } from "../../model/portability.ts";
import type { SavedState } from "../../model/portability-rules.ts";
import { portabilityData, portabilityText } from "../../report/portability-report.ts";
import { acceptedXcr0, xssViolations } from "../../runtime/control-registers.ts";
import { maskArgument, mxcsrArgument } from "../parse-arguments.ts";
import { print, printJson } from "../print.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly carrier: CarrierName;
  readonly xcr0?: bigint;
  readonly xss?: bigint;
  readonly toXcr0?: bigint;
  readonly toXss?: bigint;
  readonly xfd?: bigint;
  readonly mxcsr?: number;
  readonly json?: true;
}

export function declare(command: Command): void {
  command
    .argument("<from>", "where the state was saved: id, YAML file, CPUID dump, or -")
    .argument("<to...>", "where it shall be restored; several form a fleet")
    .addOption(new Option("--carrier <carrier>", "what takes it there").choices(CARRIER_NAMES).default("standard"))
    .option("--xcr0 <mask>", "XCR0 where it was saved: 0xe7, or names (default: all, or what Linux enables)", maskArgument)
    .option("--xss <mask>", "IA32_XSS where it was saved (default: 0)", maskArgument)
    .option("--to-xcr0 <mask>", "XCR0 on the targets, cut to each (default: as for --xcr0)", maskArgument)
    .option("--to-xss <mask>", "IA32_XSS on the targets, cut to each (default: all)", maskArgument)
    .option("--xfd <mask>", "IA32_XFD on the targets (default: 0)", maskArgument)
    .option("--mxcsr <bits>", "MXCSR bits that software sets: 0xffff (default: all that <from> has)", mxcsrArgument)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Carriers: standard and compacted, an XSAVE area between the instructions; kvm, KVM_SET_XSAVE;
ptrace, a core's or debugger's register set; criu; qemu, its migration stream.
The last four are Linux's: XCR0 then defaults to what Linux 7.3 enables.
Exit codes: 0 moves as it is; 1 after conversion only, or not at all; 2 bad usage or unreadable input.`,
    )
    .action(async (fromName: string, toNames: string[], options: Options) => {
      const carrier = carrierNamed(options.carrier);
      const from = await resolveModel(fromName);
      const saved = savedState(from, options.xcr0 ?? defaultXcr0(from, carrier), options);
      const targets = [];
      for (const name of toNames) {
        // A dump can hold several CPUs that differ: each is a target.
        for (const model of await resolveModels(name)) {
          const xcr0 =
            options.toXcr0 === undefined ? defaultXcr0(model, carrier) : acceptedXcr0(options.toXcr0 & model.xcr0Supported);
          targets.push({ model, xcr0, xss: model.xssSupported & (options.toXss ?? ~0n), xfd: options.xfd ?? 0n });
        }
      }
      const result = portability([saved], targets, carrier);
      if (options.json) printJson(portabilityData(result));
      else print(portabilityText(result));
      process.exitCode = result.verdict === "as-is" ? 0 : 1;
    });
}

function savedState(model: CpuModel, xcr0: bigint, { xss = 0n, mxcsr }: Options): SavedState {
  const violations = xssViolations(model, xss);
  if (violations.length > 0)
    throw new UsageError(
      `--xss ${maskHex(xss)}: ${violations.map(({ message }) => message).join("; ")}; take bits of ${maskHex(model.xssSupported)}`,
    );
  try {
    return savedBy(model, xcr0, xss, mxcsr);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--xcr0 ${maskHex(xcr0)}: ${error.message}; take bits of ${maskHex(model.xcr0Supported)}`);
  }
}
