/** Every format, one line each, in the order in which they are tried: magic numbers first, guesses last. */

import type { ContainerFormat } from "./container.ts";
import { ELF_CORE } from "./elf-core/index.ts";
import { KVM_XSAVE } from "./kvm-xsave.ts";
import { MINIDUMP } from "./minidump/index.ts";
import { RAW_AREA } from "./raw-area.ts";
import { SIGNAL_FRAME } from "./signal-frame.ts";

export const CONTAINER_FORMATS: readonly ContainerFormat[] = [ELF_CORE, MINIDUMP, SIGNAL_FRAME, KVM_XSAVE, RAW_AREA];
