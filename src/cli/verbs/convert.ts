import { basename, dirname } from "node:path";
import type { Command } from "commander";
import { Option } from "commander";
import { CONTAINER_KINDS, type ContainerKind } from "../../formats/container.ts";
import { type DecodedThread, decodeThreads } from "../../formats/decode-container.ts";
import { generatedCpus } from "../../host/load-generated.ts";
import { resolveModel } from "../../host/load-models.ts";
import { openContainerFile } from "../../host/open-container-file.ts";
import { convertImage } from "../../image/convert-image.ts";
import { LINUX_CARRIERS } from "../../image/linux-carriers.ts";
import { IMAGE_FORMS, type ImageForm, type XsaveImage } from "../../image/xsave-image.ts";
import { layoutTitle } from "../../layout/offset-maps.ts";
import { writeFilesAtomically } from "../../output/output-tree.ts";
import { conversionData, conversionText } from "../../report/conversion-report.ts";
import { componentsArgument, maskArgument, threadArgument } from "../parse-arguments.ts";
import { print, printJson } from "../print.ts";
import { threadsOf } from "../threads-of.ts";
import { UsageError } from "../usage-error.ts";

const FORMATS = [...IMAGE_FORMS, "kvm-xsave", "signal-frame"] as const;

interface Options {
  readonly from?: string;
  readonly to: string;
  readonly format: (typeof FORMATS)[number];
  readonly out?: string;
  readonly legacy?: string;
  readonly legacyOut?: string;
  readonly thread?: number;
  readonly xcr0?: bigint;
  readonly xss?: bigint;
  readonly dropInit?: true;
  readonly allowDrop?: ReadonlySet<number>;
  readonly as?: ContainerKind;
  readonly json?: true;
}

export function declare(command: Command): void {
  command
    .argument("<image>", "XSAVE area, KVM blob, signal frame, core or minidump, or -")
    .requiredOption("--to <model>", "the CPU it shall be restored on: id, YAML file or dump")
    .option("--from <model>", "the CPU it comes from (default: from the file's evidence)")
    .addOption(new Option("--format <format>", "form or Linux carrier to write").choices(FORMATS).default("standard"))
    .option("--out <file>", "write there (default: standard output)")
    .option("--legacy <file>", "the 512 bytes of x87 and SSE of an image without legacy region")
    .option("--legacy-out <file>", "with --format compacted-without-legacy: write x87 and SSE there, as CONTEXT.FltSave has them")
    .option("--thread <tid>", "which thread, where there are several", threadArgument)
    .option("--xcr0 <mask>", "XCR0 on the target, which gives the area its size (default: the image's components)", maskArgument)
    .option("--xss <mask>", "IA32_XSS on the target (default: the image's components)", maskArgument)
    .option("--drop-init", "leave out what is marked in use but holds its initial configuration")
    .option("--allow-drop <components>", "give up these, whatever they hold: TILEDATA,PKRU", componentsArgument)
    .addOption(new Option("--as <kind>", "what the file is (default: by content)").choices(CONTAINER_KINDS))
    .option("--json", "print what was done as JSON; the image goes to --out only")
    .action(async (file: string, options: Options) => {
      const to = await resolveModel(options.to);
      const { xcr0, xss, dropInit, allowDrop, format, legacyOut } = options;
      if (legacyOut !== undefined && format !== "compacted-without-legacy")
        throw new UsageError(`--legacy-out: ${format} has x87 and SSE in it; leave the option out`);
      const { image, from } = await sourceOf(file, options);
      const carrier = LINUX_CARRIERS[format];
      const target = {
        cpu: to,
        form: carrier ? "standard" : (format as ImageForm),
        ...(xcr0 !== undefined && { xcr0 }),
        ...(xss !== undefined && { xss }),
      } as const;
      const conversion = convertImage(image, target, {
        dropInit: dropInit === true,
        keepsLegacy: legacyOut !== undefined,
        ...(allowDrop && { allowDrop }),
      });
      const bytes = conversion.image && (carrier ? carrier(conversion.image, xcr0) : conversion.image.bytes);
      if (bytes && options.out === undefined && !options.json && process.stdout.isTTY)
        throw new UsageError("the image is binary: name a file with --out, or pipe it");
      if (bytes && options.out !== undefined)
        writeFilesAtomically(dirname(options.out), [{ path: basename(options.out), text: bytes }]);
      if (legacyOut !== undefined && conversion.image?.legacy)
        writeFilesAtomically(dirname(legacyOut), [{ path: basename(legacyOut), text: conversion.image.legacy }]);
      const route = { from, to: to.id, format };
      const named = options.from === undefined ? { ...route, from: layoutTitle(from) } : route;
      if (options.json) printJson(conversionData(route, conversion, bytes?.length ?? null));
      else if (!bytes) process.stderr.write(`${conversionText(named, conversion, null)}\n`);
      else if (options.out === undefined) process.stdout.write(bytes);
      else print(conversionText(named, conversion, bytes.length));
      process.exitCode = bytes ? 0 : 1;
    });
}

/** The one image that is meant, and which layout it has. A layout that is not sure is refused: a wrong one would move wrong registers. */
async function sourceOf(file: string, { from, as, thread, legacy }: Options): Promise<{ image: XsaveImage; from: string }> {
  const container = threadsOf(file, await openContainerFile(file, as === undefined ? {} : { as }), thread);
  const chosen = from === undefined ? undefined : await resolveModel(from);
  const threads: DecodedThread[] = [...decodeThreads(container, await generatedCpus(), chosen)];
  const [first, ...others] = threads;
  if (!first || others.length > 0)
    throw new UsageError(`${file}: ${threads.length} threads; name one with --thread (\`xsavekit inspect\` lists them)`);
  if (first.error) throw new UsageError(`${file}: ${first.error.message}; check what the file is, or name it with --as`);
  if (!first.decoded) throw new UsageError(`${file}: no XSAVE or FXSAVE area in it; name a file that has one`);
  const { layout, decoded } = first;
  if (layout && (layout.certainty === "weak" || layout.certainty === "unknown"))
    throw new UsageError(
      `${file}: which layout it has is not sure (${layout.warnings.map(({ message }) => message).join("; ")}); say so with --from`,
    );
  const { image } = decoded;
  const lacksLegacy = image.form === "compacted-without-legacy" && !image.legacy;
  if (legacy === undefined) {
    if (lacksLegacy)
      process.stderr.write(`${file}: no legacy region, so x87 and SSE are taken as initial; --legacy names a file\n`);
  } else if (!lacksLegacy) throw new UsageError(`--legacy: ${file} has x87 and SSE in it; leave the option out`);
  const whole = legacy === undefined ? image : { ...image, legacy: await legacyRegion(legacy) };
  return { image: whole, from: layout?.map ?? "FXSAVE" };
}

/** 512 bytes as FXSAVE64 stores them. */
async function legacyRegion(file: string): Promise<Uint8Array> {
  const { threads } = await openContainerFile(file, { as: "raw" });
  const bytes = threads[0]?.registers.fxsave?.bytes;
  if (!bytes) throw new UsageError(`--legacy: ${file} does not have the 512 bytes of FXSAVE`);
  return bytes;
}
