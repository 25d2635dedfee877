/** Option values as typed values. */

import { InvalidArgumentError } from "commander";
import { parseMask } from "../isa/feature-mask.ts";
import { MAX_COMPONENT_INDEX, STATE_COMPONENTS, componentIndex } from "../isa/state-component.ts";
import { suggestion } from "../model/nearest-name.ts";

/** `0xe7`, `e7h`, `231`, or names: `x87,SSE,AVX`. */
export function maskArgument(text: string): bigint {
  const mask = parseMask(text);
  if (mask !== undefined) return mask;
  if (/^(0x[0-9a-f_]+|[0-9][0-9a-f_]*h|[0-9]+)$/i.test(text.trim())) throw new InvalidArgumentError("Write at most 64 bits.");
  let named = 0n;
  for (const name of text.split(/[,+|]/).map((part) => part.trim())) {
    const index = componentIndex(name);
    if (index === undefined) {
      throw new InvalidArgumentError(
        `Write 0xe7 or names (x87,SSE,AVX); \`${name}\` is none: ${suggestion(
          name,
          STATE_COMPONENTS.map((each) => each.name),
        )}.`,
      );
    }
    named |= 1n << BigInt(index);
  }
  return named;
}

/** Largest size that an XSAVE area or anything around it can have. */
const MAX_SIZE = 1 << 20;

/** A size in bytes. */
export function sizeArgument(text: string): number {
  const size = parseMask(text);
  if (size === undefined || size < 1n || size > BigInt(MAX_SIZE))
    throw new InvalidArgumentError(`Write a number of bytes, 1 to ${MAX_SIZE}: 2440 or 0x988.`);
  return Number(size);
}

/** Bits of MXCSR: 32. */
export function mxcsrArgument(text: string): number {
  const bits = parseMask(text);
  if (bits === undefined || bits > 0xffff_ffffn) throw new InvalidArgumentError("Write up to 32 bits: 0xffff.");
  return Number(bits);
}

/** A number of a logical CPU. */
export function cpuArgument(text: string): number {
  if (!/^[0-9]{1,6}$/.test(text)) throw new InvalidArgumentError("Write a number: 0 is the first logical CPU.");
  return Number(text);
}

/** The id that YAML allows. */
export function idArgument(text: string): string {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(text) || text.length > 64)
    throw new InvalidArgumentError("Write lower-case words joined by -, such as intel-sapphire-rapids.");
  return text;
}

/** A number of executions. */
export function countArgument(text: string): number {
  if (!/^[1-9][0-9]{0,7}$/.test(text)) throw new InvalidArgumentError("Write a number from 1 to 99999999.");
  return Number(text);
}

/** A seed of random numbers. */
export function seedArgument(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("Write a number from 0 to 999999999.");
  return Number(text);
}

/** A thread's id. */
export function threadArgument(text: string): number {
  if (!/^[0-9]{1,10}$/.test(text))
    throw new InvalidArgumentError("Write the id of a thread, a number; without --thread all are shown.");
  return Number(text);
}

/** Components by name or number, divided by commas or by repeating the option. */
export function componentsArgument(text: string, before: ReadonlySet<number> = new Set()): ReadonlySet<number> {
  const found = new Set(before);
  for (const name of text.split(",").map((part) => part.trim())) {
    const index = /^[0-9]{1,2}$/.test(name) ? Number(name) : componentIndex(name);
    if (index === undefined || index > MAX_COMPONENT_INDEX)
      throw new InvalidArgumentError(
        `Write names such as TILEDATA,PKRU; \`${name}\` is none: ${suggestion(
          name,
          STATE_COMPONENTS.map((each) => each.name),
        )}.`,
      );
    found.add(index);
  }
  return found;
}
