/** VMware's log: `vmx| hostCPUID level 0000000d, 0: 0x00000003 0x00000240 0x00000240 0x00000000`. */

import { lineFormat } from "./line-format.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Reader of vmware.log: the host's rows. */
export const VMWARE_LOG: DumpReader = lineFormat({
  format: "vmware-log",
  title: "VMware log",
  row: /\bhostCPUID level (?<leaf>[0-9a-f]{8}), (?<subleaf>[0-9a-f]{1,8}): 0x(?<eax>[0-9a-f]{8}) 0x(?<ebx>[0-9a-f]{8}) 0x(?<ecx>[0-9a-f]{8}) 0x(?<edx>[0-9a-f]{8})$/i,
  meant: /\bhostCPUID level\b/i,
});
