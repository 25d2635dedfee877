/** Keys of components in YAML: the manuals' name, or `component-21` where they have none. */

import { MAX_COMPONENT_INDEX, STATE_COMPONENTS, componentIndex, stateComponent } from "../isa/state-component.ts";

/** All names of the component table, for suggestions. */
export const COMPONENT_NAMES: readonly string[] = STATE_COMPONENTS.map((component) => component.name);

/** `AVX`, `component-21`. */
export function componentKey(index: number): string {
  return stateComponent(index)?.name ?? `component-${index}`;
}

/** Index of a key as YAML spells it (case counts), or undefined if it names nothing. */
export function keyIndex(key: string): number | undefined {
  const known = componentIndex(key);
  if (known !== undefined) return stateComponent(known)?.name === key ? known : undefined;
  const digits = /^component-([1-9][0-9]?)$/.exec(key)?.[1];
  const index = digits === undefined ? undefined : Number(digits);
  return index !== undefined && index <= MAX_COMPONENT_INDEX && stateComponent(index) === undefined ? index : undefined;
}
