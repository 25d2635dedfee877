/** All text formats. A new one is a file with a DumpReader and a line here. */

import { CPUID_R } from "./cpuid-r.ts";
import { CPUZ_REPORT } from "./cpuz-report.ts";
import { FIRECRACKER_JSON } from "./firecracker-json.ts";
import { FUCHSIA_JSON } from "./fuchsia-json.ts";
import { INSTLATX64_AIDA } from "./instlatx64-aida.ts";
import { INTEL_SDE_DEF } from "./intel-sde-def.ts";
import { JCPUID_HEXDUMP } from "./jcpuid-hexdump.ts";
import { JCPUID_REPORT } from "./jcpuid-report.ts";
import { KCPUID_R } from "./kcpuid-r.ts";
import { LIBCPUID_TEST } from "./libcpuid-test.ts";
import { LIBVIRT_XML } from "./libvirt-xml.ts";
import { LINUX_BOOT_LOG } from "./linux-boot-log.ts";
import type { DumpReader } from "./raw-dump.ts";
import { RJCP_XML } from "./rjcp-xml.ts";
import { TYCHO_CPUID } from "./tycho-cpuid.ts";
import { UMIO_DUMP } from "./umio-dump.ts";
import { VBOX_LOG } from "./vbox-log.ts";
import { VMWARE_LOG } from "./vmware-log.ts";
import { X86INFO_A } from "./x86info-a.ts";
import { XEN_CPUID_P } from "./xen-cpuid-p.ts";

/** Readers in order of preference where two are equally certain. */
export const DUMP_READERS: readonly DumpReader[] = [
  CPUID_R,
  INSTLATX64_AIDA,
  LIBCPUID_TEST,
  LIBVIRT_XML,
  RJCP_XML,
  INTEL_SDE_DEF,
  TYCHO_CPUID,
  FIRECRACKER_JSON,
  JCPUID_REPORT,
  JCPUID_HEXDUMP,
  CPUZ_REPORT,
  FUCHSIA_JSON,
  UMIO_DUMP,
  KCPUID_R,
  LINUX_BOOT_LOG,
  VBOX_LOG,
  XEN_CPUID_P,
  VMWARE_LOG,
  X86INFO_A,
];
