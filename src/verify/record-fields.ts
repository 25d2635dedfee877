/** Members of JSON objects in recorded executions, each read with its type and named in errors by its path. */

/** A line is not a record; the message starts with `file:line:` and names the field. */
export class VectorError extends Error {
  override readonly name = "VectorError";
  readonly file: string;
  readonly line: number;
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
    this.file = file;
    this.line = line;
  }
}

/** Members of one JSON object, each read with its type and named in errors by its path. */
export class Fields {
  readonly #file: string;
  readonly #line: number;
  readonly #path: string;
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(file: string, line: number, path: string, value: unknown) {
    this.#file = file;
    this.#line = line;
    this.#path = path;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new VectorError(file, line, `${path === "" ? "the line" : `"${path}"`} expected an object, got ${shown(value)}`);
    }
    this.#members = value as Readonly<Record<string, unknown>>;
  }

  wrong(key: string, expected: string, got: string): VectorError {
    const path = this.#path === "" ? key : `${this.#path}.${key}`;
    return new VectorError(this.#file, this.#line, `"${path}" expected ${expected}, got ${got}`);
  }
  has(key: string): boolean {
    return this.#value(key) !== undefined;
  }
  keys(): string[] {
    return Object.keys(this.#members);
  }
  /** Undefined where the member is null or absent. */
  optional<T>(key: string, read: () => T): T | undefined {
    return this.#value(key) === undefined || this.#value(key) === null ? undefined : read();
  }
  object(key: string): Fields {
    return new Fields(this.#file, this.#line, this.#path === "" ? key : `${this.#path}.${key}`, this.#value(key));
  }
  text(key: string): string {
    const value = this.#value(key);
    if (typeof value !== "string") throw this.wrong(key, "a string", shown(value));
    return value;
  }
  texts(key: string): string[] {
    const value = this.#value(key);
    if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
      throw this.wrong(key, "an array of strings", shown(value));
    return value;
  }
  flag(key: string): boolean {
    const value = this.#value(key);
    if (typeof value !== "boolean") throw this.wrong(key, "true or false", shown(value));
    return value;
  }
  number(key: string): number {
    const value = this.#value(key);
    if (typeof value !== "number" || !Number.isInteger(value)) throw this.wrong(key, "an integer", shown(value));
    return value;
  }
  mask(key: string): bigint {
    const value = this.#value(key);
    if (typeof value !== "string" || !/^0x[0-9a-f]{1,16}$/i.test(value))
      throw this.wrong(key, '"0x" and up to 16 hexadecimal digits', shown(value));
    return BigInt(value);
  }
  /** A member that is one of a few words; `where` follows the list in the error. */
  oneOf<Word extends string>(key: string, words: readonly Word[], where?: string): Word {
    const text = this.text(key);
    const found = words.find((each) => each === text);
    if (found === undefined) throw this.wrong(key, `one of ${[words.join(", "), ...(where ? [where] : [])].join(" ")}`, text);
    return found;
  }
  word(key: string): number {
    const value = this.mask(key);
    if (value > 0xffff_ffffn) throw this.wrong(key, "32 bits", `0x${value.toString(16)}`);
    return Number(value);
  }
  bytes(key: string): Uint8Array {
    const value = this.#value(key);
    if (typeof value !== "string") throw this.wrong(key, "a string of hexadecimal bytes", shown(value));
    const bytes = Buffer.from(value, "hex");
    // Buffer stops at the first character that is no digit, and drops an odd last one.
    if (bytes.length * 2 !== value.length) {
      const place = value.search(/[^0-9a-f]/i);
      throw this.wrong(
        key,
        "hexadecimal bytes",
        place < 0 ? "an odd number of digits" : `${shown(value[place])} at character ${place}`,
      );
    }
    return bytes;
  }

  #value(key: string): unknown {
    return Object.hasOwn(this.#members, key) ? this.#members[key] : undefined;
  }
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
