/** What the benchmark uses of the package, which has no types of its own. */
declare module "restructure" {
  export class EncodeStream {
    constructor(buffer: Uint8Array);
    pos: number;
  }
  export class Struct {
    constructor(fields: Readonly<Record<string, unknown>>);
    encode(stream: EncodeStream, value: object): void;
  }
  export class Buffer {
    constructor(length: number);
  }
  export class Reserved {
    constructor(type: unknown, count: number);
  }
  export const uint8: unknown;
  export const uint32le: unknown;
}
