/** libvirt's cpu data: `<cpuid eax_in='0x0000000d' ecx_in='0x02' eax='0x00000100' .../>`. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of libvirt's XML. */
export const LIBVIRT_XML: DumpReader = lineFormat({
  format: "libvirt-xml",
  title: "libvirt <cpudata> XML",
  row: /^<cpuid eax_in=['"]0x(?<leaf>[0-9a-f]{1,8})['"](?: ecx_in=['"]0x(?<subleaf>[0-9a-f]{1,8})['"])? eax=['"]0x(?<eax>[0-9a-f]{8})['"] ebx=['"]0x(?<ebx>[0-9a-f]{8})['"] ecx=['"]0x(?<ecx>[0-9a-f]{8})['"] edx=['"]0x(?<edx>[0-9a-f]{8})['"]\s?\/>$/i,
  meant: /^<cpuid\b/i,
});
