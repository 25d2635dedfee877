/** Every format, one line each, in the order in which they are tried. */

import type { ContainerFormat } from "./container.ts";
import { ELF_CORE } from "./elf-core/index.ts";

export const CONTAINER_FORMATS: readonly ContainerFormat[] = [ELF_CORE];
