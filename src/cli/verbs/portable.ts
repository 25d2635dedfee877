import type { Command } from "commander";
import { Option } from "commander";
import { resolveModel, resolveModels } from "../../host/load-models.ts";
import type { SavedImages } from "../../host/load-saved-images.ts";
import { openImages, savedImages } from "../../host/load-saved-images.ts";
import { standardInputSource } from "../../host/file-source.ts";
import type { ByteSource } from "../../formats/byte-source.ts";
import { CONTAINER_KINDS, type ContainerKind } from "../../formats/container.ts";
import { maskHex } from "../../isa/feature-mask.ts";
import type { Carrier, CarrierName } from "../../model/carriers.ts";
import { CARRIER_NAMES, carrierNamed } from "../../model/carriers.ts";
import { defaultXcr0, portability, savedBy } from "../../model/portability.ts";
import type { RestoreTarget, SavedState } from "../../model/portability-rules.ts";
import { portabilityData, portabilityText } from "../../report/portability-report.ts";
import { acceptedXcr0, xssViolations } from "../../runtime/control-registers.ts";
import { maskArgument, mxcsrArgument, threadArgument } from "../parse-arguments.ts";
import { print, printJson } from "../print.ts";
import { threadsOf } from "../threads-of.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly carrier?: CarrierName;
  readonly xcr0?: bigint;
  readonly xss?: bigint;
  readonly toXcr0?: bigint;
  readonly toXss?: bigint;
  readonly xfd?: bigint;
  readonly mxcsr?: number;
  readonly model?: string;
  readonly thread?: number;
  readonly as?: ContainerKind;
  readonly json?: true;
}

export function declare(command: Command): void {
  command
    .argument(
      "<from>",
      "where the state was saved: id, YAML file, CPUID dump, or an image (core, KVM blob, minidump, area), or -",
    )
    .argument("<to...>", "where it shall be restored; several form a fleet")
    .addOption(
      new Option("--carrier <carrier>", "what takes it there (default: standard, or the image's own)").choices(CARRIER_NAMES),
    )
    .option("--xcr0 <mask>", "XCR0 where it was saved: 0xe7, or names (default: all, or what Linux enables)", maskArgument)
    .option("--xss <mask>", "IA32_XSS where it was saved (default: 0)", maskArgument)
    .option("--to-xcr0 <mask>", "XCR0 on the targets, cut to each (default: as for --xcr0)", maskArgument)
    .option("--to-xss <mask>", "IA32_XSS on the targets, cut to each (default: all)", maskArgument)
    .option("--xfd <mask>", "IA32_XFD on the targets (default: 0)", maskArgument)
    .option("--mxcsr <bits>", "MXCSR bits that software sets: 0xffff (default: all that <from> has)", mxcsrArgument)
    .option("--model <model>", "the CPU that an image comes from (default: from its evidence)")
    .option("--thread <tid>", "this thread of an image only", threadArgument)
    .addOption(new Option("--as <kind>", "what the image is (default: by content)").choices(CONTAINER_KINDS))
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Carriers: standard and compacted, an XSAVE area between the instructions; kvm, KVM_SET_XSAVE;
ptrace, a core's or debugger's register set; criu; qemu, its migration stream.
The last four are Linux's: XCR0 then defaults to what Linux 7.3 enables.`,
    )
    .action(async (fromName: string, toNames: string[], options: Options) => {
      if ([fromName, ...toNames, options.model].filter((name) => name === "-").length > 1)
        throw new UsageError("standard input can be read once; name it once, as -");
      const chosen = options.model === undefined ? undefined : await resolveModel(options.model);
      const input = fromName === "-" ? await standardInputSource() : undefined;
      const container = await openImages(fromName, options.as, input);
      const images = container && savedImages(fromName, threadsOf(fromName, container, options.thread), chosen, options.xcr0);
      const carrier = carrierNamed(options.carrier ?? images?.carrier ?? "standard");
      const saved: SavedStates = images
        ? imageStates(fromName, images, carrier, options)
        : [await modelState(fromName, input, carrier, options)];
      const targets: RestoreTarget[] = [];
      for (const name of toNames) {
        // A dump can hold several CPUs that differ: each is a target.
        for (const model of await resolveModels(name)) {
          const xcr0 =
            options.toXcr0 === undefined ? defaultXcr0(model, carrier) : acceptedXcr0(options.toXcr0 & model.xcr0Supported);
          targets.push({ model, xcr0, xss: model.xssSupported & (options.toXss ?? ~0n), xfd: options.xfd ?? 0n });
        }
      }
      const result = portability(saved, targets, carrier);
      if (options.json) printJson(portabilityData(result, images));
      else print(portabilityText(result, images));
      process.exitCode = result.verdict === "as-is" ? 0 : 1;
    });
}

type SavedStates = readonly [SavedState, ...SavedState[]];

function imageStates(file: string, images: SavedImages, carrier: Carrier, { xss, mxcsr }: Options): SavedStates {
  const wrong = xss === undefined ? (mxcsr === undefined ? undefined : "--mxcsr") : "--xss";
  if (wrong) throw new UsageError(`${wrong}: ${file} is an image and says so itself; leave the option out`);
  const format = images.states[0].source.instructions.xsavec ? "compacted" : "standard";
  if (carrier.format !== "registers" && carrier.format !== format) {
    const fitting = CARRIER_NAMES.filter((name) => ["registers", format].includes(carrierNamed(name).format));
    throw new UsageError(`--carrier ${carrier.name}: the image is in the ${format} format; take ${fitting.join(", ")}`);
  }
  return images.states;
}

async function modelState(
  name: string,
  input: ByteSource | undefined,
  carrier: Carrier,
  { xcr0: given, xss = 0n, mxcsr, ...options }: Options,
): Promise<SavedState> {
  const ofImages = (["model", "thread", "as"] as const).find((option) => options[option] !== undefined);
  const model = await resolveModel(name, input);
  if (ofImages) throw new UsageError(`--${ofImages}: ${name} is a CPU, not an image; leave the option out`);
  const xcr0 = given ?? defaultXcr0(model, carrier);
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
