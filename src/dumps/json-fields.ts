/** The `"name": value` pairs of a JSON text in order, with their lines: enough for dumps, and no depth to run out of. */

/** A pair whose value is a number or a short string. */
export interface JsonField {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

const FIELD = /"([a-z_]{1,32})"\s{0,64}:\s{0,64}(?:"([^"\\\n]{0,80})"|(\d{1,20})(?![\d.]))/g;

/** Visits every pair; false stops. Linear in the text's length. */
export function forEachField(text: string, visit: (field: JsonField) => boolean): void {
  let line = 1;
  let counted = 0;
  for (const match of text.matchAll(FIELD)) {
    for (let at = text.indexOf("\n", counted); at >= 0 && at < match.index; at = text.indexOf("\n", at + 1)) {
      line++;
      counted = at + 1;
    }
    const [, name = "", word, digits] = match;
    if (!visit({ name, value: word ?? digits ?? "", line })) return;
  }
}
