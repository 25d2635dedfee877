/** perf.data files put together for the tests: what cannot be recorded on every machine. */

/** Fields of struct perf_event_attr that the tests set. */
export interface AttributeFields {
  readonly sampleType: number;
  readonly readFormat?: number;
  readonly branchSampleType?: number;
  readonly regsUser?: bigint;
  readonly regsIntr?: bigint;
  /** V4's fields, which make the attribute 176 bytes long. */
  readonly simd?: {
    readonly predicateQwords: number;
    readonly predicatesIntr?: number;
    readonly predicatesUser?: number;
    readonly vectorQwords: number;
    readonly vectorsIntr?: bigint;
    readonly vectorsUser?: bigint;
  };
  readonly size?: number;
}

export const u64s = (...values: readonly (number | bigint)[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, (value) => BigInt.asUintN(64, BigInt(value))).buffer);

export function bytesOf(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export function attribute(fields: AttributeFields): Uint8Array {
  const size = fields.size ?? (fields.simd ? 176 : 136);
  const view = new DataView(new ArrayBuffer(size));
  view.setUint32(0, 1, true);
  view.setUint32(4, size, true);
  view.setBigUint64(24, BigInt(fields.sampleType >>> 0), true);
  view.setBigUint64(32, BigInt(fields.readFormat ?? 0), true);
  view.setBigUint64(72, BigInt(fields.branchSampleType ?? 0), true);
  view.setBigUint64(80, fields.regsUser ?? 0n, true);
  view.setBigUint64(96, fields.regsIntr ?? 0n, true);
  if (fields.simd) {
    view.setUint16(136, fields.simd.predicateQwords, true);
    view.setUint32(140, fields.simd.predicatesIntr ?? 0, true);
    view.setUint32(144, fields.simd.predicatesUser ?? 0, true);
    view.setUint16(148, fields.simd.vectorQwords, true);
    view.setBigUint64(152, fields.simd.vectorsIntr ?? 0n, true);
    view.setBigUint64(160, fields.simd.vectorsUser ?? 0n, true);
  }
  return new Uint8Array(view.buffer);
}

/** A record with its header. */
export function record(type: number, body: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(8));
  header.setUint32(0, type, true);
  header.setUint16(6, body.length + 8, true);
  return bytesOf(new Uint8Array(header.buffer), body);
}

export const sample = (...parts: readonly Uint8Array[]): Uint8Array => record(9, bytesOf(...parts));

/** PERF_RECORD_COMM */
export function comm(pid: number, tid: number, name: string): Uint8Array {
  const body = new DataView(new ArrayBuffer(24));
  body.setInt32(0, pid, true);
  body.setInt32(4, tid, true);
  [...name].forEach((letter, i) => body.setUint8(8 + i, letter.charCodeAt(0)));
  return record(3, new Uint8Array(body.buffer));
}

/** A file: header, ids, attributes, records. All attributes are padded to the longest. */
export function perfFile(
  events: readonly { readonly attribute: Uint8Array; readonly ids: readonly number[] }[],
  records: readonly Uint8Array[],
): Uint8Array {
  const longest = Math.max(...events.map((event) => event.attribute.length));
  const idBytes = events.map(({ ids }) => u64s(...ids));
  let at = 104;
  const sections = idBytes.map((bytes) => {
    const section = [at, bytes.length] as const;
    at += bytes.length;
    return section;
  });
  const attributesAt = at;
  const entries = events.map(({ attribute: each }, i) =>
    bytesOf(each, new Uint8Array(longest - each.length), u64s(...sections[i]!)),
  );
  const data = bytesOf(...records);
  const attributesSize = entries.length * (longest + 16);
  const header = bytesOf(
    Uint8Array.from("PERFILE2", (letter) => letter.charCodeAt(0)),
    u64s(104, longest + 16, attributesAt, attributesSize, attributesAt + attributesSize, data.length, 0, 0, 0, 0, 0, 0),
  );
  return bytesOf(header, ...idBytes, ...entries, data);
}

/** The same as `perf record -o -` writes it: attributes are records. */
export function perfPipe(
  events: readonly { readonly attribute: Uint8Array; readonly ids: readonly number[] }[],
  records: readonly Uint8Array[],
): Uint8Array {
  return bytesOf(
    Uint8Array.from("PERFILE2", (letter) => letter.charCodeAt(0)),
    u64s(16),
    ...events.map((event) => record(64, bytesOf(event.attribute, u64s(...event.ids)))),
    ...records,
  );
}
