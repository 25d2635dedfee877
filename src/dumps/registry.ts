/** All text formats. A new one is a file with a DumpReader and a line here. */

import { CPUID_R } from "./cpuid-r.ts";
import { INSTLATX64_AIDA } from "./instlatx64-aida.ts";
import { LIBCPUID_TEST } from "./libcpuid-test.ts";
import type { DumpReader } from "./raw-dump.ts";

/** Readers in order of preference where two are equally certain. */
export const DUMP_READERS: readonly DumpReader[] = [CPUID_R, INSTLATX64_AIDA, LIBCPUID_TEST];
