/** Writes Windows minidumps for tests, after minidumpapiset.h and winnt.h. */

/** What CONTEXT_EX leads to: an XSAVE header and what follows it. */
export interface WrittenContext {
  readonly legacy: Uint8Array;
  readonly rip?: bigint;
  readonly xstate?: Uint8Array;
  /** Bytes between CONTEXT_EX and the chunk. */
  readonly gap?: number;
}

export interface WrittenDumpThread {
  readonly tid: number;
  readonly name?: string;
  readonly context: WrittenContext;
}

export interface WrittenDump {
  readonly architecture: "x86" | "amd64";
  readonly pid?: number;
  readonly threads: readonly WrittenDumpThread[];
  /** Bytes between the number of threads and the first: 4 in dumps of Breakpad on 64-bit systems. */
  readonly listPadding?: number;
  readonly exception?: { readonly tid: number; readonly code: number; readonly context: WrittenContext };
  /** EnabledFeatures, then offset and size by component; `size` is SizeOfInfo. */
  readonly table?: { readonly enabled: bigint; readonly rows: readonly (readonly number[])[]; readonly size?: number };
}

const CONTEXT = {
  amd64: { size: 1232, flagsAt: 48, flags: 0x10000f, legacyAt: 256, ripAt: 248 },
  x86: { size: 716, flagsAt: 0, flags: 0x1003f, legacyAt: 204, ripAt: 184 },
} as const;

/** A CONTEXT, with CONTEXT_EX and its chunk if there is one. */
export function contextBytes(architecture: "x86" | "amd64", { legacy, rip = 0n, xstate, gap = 56 }: WrittenContext): Uint8Array {
  const { size, flagsAt, flags, legacyAt, ripAt } = CONTEXT[architecture];
  const bytes = new Uint8Array(size + (xstate ? 24 + gap + xstate.length : 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(flagsAt, flags | (xstate ? 0x40 : 0), true);
  bytes.set(legacy, legacyAt);
  if (architecture === "amd64") view.setBigUint64(ripAt, rip, true);
  else view.setUint32(ripAt, Number(rip), true);
  if (xstate) {
    const chunks = [-size, bytes.length, -size, size, 24 + gap, xstate.length];
    chunks.forEach((value, i) => view.setInt32(size + 4 * i, value, true));
    bytes.set(xstate, size + 24 + gap);
  }
  return bytes;
}

/** The whole file. */
export function minidumpBytes({ architecture, pid, threads, listPadding = 0, exception, table }: WrittenDump): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 32 + 5 * 12;
  const put = (bytes: Uint8Array): { size: number; offset: number } => {
    const place = { size: bytes.length, offset: at };
    parts.push(bytes);
    at += bytes.length;
    return place;
  };
  const fixed = (size: number, fill: (view: DataView) => void): Uint8Array => {
    const view = new DataView(new ArrayBuffer(size));
    fill(view);
    return new Uint8Array(view.buffer);
  };
  const streams: { type: number; size: number; offset: number }[] = [];
  const stream = (type: number, bytes: Uint8Array): void => void streams.push({ type, ...put(bytes) });

  stream(
    7,
    fixed(56, (view) => {
      view.setUint16(0, architecture === "amd64" ? 9 : 0, true);
      if (architecture === "x86") new Uint8Array(view.buffer).set(new TextEncoder().encode("GenuineIntel"), 32);
    }),
  );
  stream(
    15,
    fixed(1364, (view) => {
      view.setUint32(0, 1364, true);
      view.setUint32(4, pid === undefined ? 0 : 1, true);
      view.setUint32(8, pid ?? 0, true);
      if (!table) return;
      view.setUint32(832, table.size ?? 0x210, true);
      view.setBigUint64(840, table.enabled, true);
      for (const [index = 0, offset = 0, size = 0] of table.rows) {
        view.setUint32(848 + 8 * index, offset, true);
        view.setUint32(852 + 8 * index, size, true);
      }
    }),
  );
  const contexts = threads.map(({ context }) => put(contextBytes(architecture, context)));
  stream(
    3,
    fixed(4 + listPadding + 48 * threads.length, (view) => {
      view.setUint32(0, threads.length, true);
      threads.forEach(({ tid }, i) => {
        const at = 4 + listPadding + 48 * i;
        view.setUint32(at, tid, true);
        view.setUint32(at + 40, contexts[i]?.size ?? 0, true);
        view.setUint32(at + 44, contexts[i]?.offset ?? 0, true);
      });
    }),
  );
  const named = threads.filter(({ name }) => name !== undefined);
  const names = named.map(({ name = "" }) =>
    put(
      fixed(4 + 2 * name.length, (view) => {
        view.setUint32(0, 2 * name.length, true);
        for (let i = 0; i < name.length; i++) view.setUint16(4 + 2 * i, name.charCodeAt(i), true);
      }),
    ),
  );
  stream(
    24,
    fixed(4 + 12 * named.length, (view) => {
      view.setUint32(0, named.length, true);
      named.forEach(({ tid }, i) => {
        view.setUint32(4 + 12 * i, tid, true);
        view.setBigUint64(8 + 12 * i, BigInt(names[i]?.offset ?? 0), true);
      });
    }),
  );
  if (exception) {
    const context = put(contextBytes(architecture, exception.context));
    stream(
      6,
      fixed(168, (view) => {
        view.setUint32(0, exception.tid, true);
        view.setUint32(8, exception.code, true);
        view.setUint32(160, context.size, true);
        view.setUint32(164, context.offset, true);
      }),
    );
  }
  const head = fixed(32 + 5 * 12, (view) => {
    view.setUint32(0, 0x504d444d, true);
    view.setUint32(4, 0xa793, true);
    view.setUint32(8, streams.length, true);
    view.setUint32(12, 32, true);
    streams.forEach(({ type, size, offset }, i) => {
      view.setUint32(32 + 12 * i, type, true);
      view.setUint32(36 + 12 * i, size, true);
      view.setUint32(40 + 12 * i, offset, true);
    });
  });
  return new Uint8Array(Buffer.concat([head, ...parts]));
}
