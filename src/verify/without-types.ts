/** Generated modules as JavaScript. */

/**
 * Leaves the types of a generated module out. The generator writes them in three places only: `type` names in an import, the type
 * of an exported constant, and `!` behind an element. The compiler does the same a hundred times slower; what was missed
 * would not load.
 */
export function withoutTypes(text: string): string {
  return text
    .replaceAll(/^import .*$/gm, (line) => line.replaceAll(/, type \w+/g, ""))
    .replaceAll(/^(export const \w+): \w+(?= = )/gm, "$1")
    .replaceAll("]!", "]");
}
