/** Good containers, small ones, with the places of the fields that readers believe. */

import { CoreWriter } from "../formats/core-writer.ts";
import { rawFrame } from "../formats/zstd-frames.ts";
import { minidumpBytes } from "../formats/minidump-writer.ts";

/** A file to mutate. */
export interface FuzzFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Offset and width of counts, sizes, offsets, types and masks. */
  readonly fields: readonly (readonly [offset: number, width: 2 | 4 | 8])[];
}

type Field = FuzzFile["fields"][number];

function area(size: number, { xcompBv = 0n, features = 7n } = {}): Uint8Array {
  const bytes = new Uint8Array(size).fill(0x5a);
  bytes.fill(0, 416, 576);
  const view = new DataView(bytes.buffer);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0xffff, true);
  view.setBigUint64(464, features, true);
  view.setBigUint64(512, features & 7n, true);
  view.setBigUint64(520, xcompBv, true);
  return bytes;
}

/** The fields of an area that begins at `at`. */
const areaFields = (at: number): Field[] => [
  [at + 24, 4],
  [at + 28, 4],
  ...([464, 472, 480, 512, 520, 528] as const).map((field) => [at + field, 8] as const),
  [at + 468, 4],
];

function coreFile(name: string, writer: CoreWriter, options = {}): FuzzFile {
  const bytes = writer.bytes(options);
  const view = new DataView(bytes.buffer);
  const wide = bytes[4] === 2;
  const fields: Field[] = [
    [4, 2],
    [16, 2],
    [18, 2],
    [wide ? 32 : 28, wide ? 8 : 4],
    [wide ? 40 : 32, wide ? 8 : 4],
    [wide ? 54 : 42, 2],
    [wide ? 56 : 44, 2],
  ];
  const [headers, size] = wide ? [64, 56] : [52, 32];
  const last = wide ? 120 : 84;
  for (let at = headers; at < last; at += size)
    fields.push([at, 4], [at + (wide ? 8 : 4), wide ? 8 : 4], [at + (wide ? 32 : 16), wide ? 8 : 4]);
  const word = (at: number): number => (wide ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
  const notes = word(headers + (wide ? 8 : 4));
  const end = notes + word(headers + (wide ? 32 : 16));
  for (let at = notes; at < end;) {
    const [nameSize, contents] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    fields.push([at, 4], [at + 4, 4], [at + 8, 4], [at + 12, 4]);
    const start = at + 12 + Math.ceil(nameSize / 4) * 4;
    if (view.getUint32(at + 8, true) === 0x202) fields.push(...areaFields(start));
    else for (let word = 0; word < Math.min(contents, 64); word += 8) fields.push([start + word, 4]);
    at = start + Math.ceil(contents / 4) * 4;
  }
  return { name, bytes, fields };
}

function dumpFile(): FuzzFile {
  const xstate = area(1088).slice(512);
  new DataView(xstate.buffer).setBigUint64(8, (1n << 63n) | 7n, true);
  const context = { legacy: area(576).slice(0, 512), xstate };
  const bytes = minidumpBytes({
    architecture: "amd64",
    pid: 1,
    threads: [1, 2, 3].map((tid) => ({ tid, name: `t${tid}`, context })),
    exception: { tid: 2, code: 5, context },
    table: { enabled: 7n, rows: [[2, 576, 256]] },
  });
  const view = new DataView(bytes.buffer);
  const fields: Field[] = [
    [8, 4],
    [12, 4],
  ];
  for (let i = 0; i < 5; i++) {
    const at = 32 + 12 * i;
    fields.push([at, 4], [at + 4, 4], [at + 8, 4]);
    const [size, offset] = [view.getUint32(at + 4, true), view.getUint32(at + 8, true)];
    for (let word = 0; word + 4 <= Math.min(size, 256); word += 4) fields.push([offset + word, 4]);
  }
  const misc = view.getUint32(32 + 12 + 8, true);
  fields.push([misc + 832, 4], [misc + 840, 8], [misc + 864, 4], [misc + 868, 4]);
  // The first context: flags, CONTEXT_EX, the chunk's header.
  const first = view.getUint32(view.getUint32(32 + 24 + 8, true) + 4 + 44, true);
  fields.push([first + 48, 4], [first + 1248, 4], [first + 1252, 4], [first + 1312, 8], [first + 1320, 8]);
  return { name: "minidump", bytes, fields };
}

function frameFile(): FuzzFile {
  const bytes = new Uint8Array(6000).fill(0x11);
  const at = 1000;
  bytes.set(area(832), at);
  const view = new DataView(bytes.buffer);
  [0x46505853, 836, 7, 0, 832].forEach((value, i) => view.setUint32(at + 464 + 4 * i, value, true));
  view.setUint32(at + 832, 0x46505845, true);
  return { name: "signal frame", bytes, fields: [...areaFields(at), [at + 480, 4], [at + 832, 4]] };
}

/** Two frames with the halves of a core, a skippable one between them. */
function zstdFile({ bytes: core }: FuzzFile): FuzzFile {
  const half = core.length >> 1;
  const [first, second] = [rawFrame(core.subarray(0, half)), rawFrame(core.subarray(half))];
  const skippable = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4);
  const bytes = new Uint8Array([...first, ...skippable, ...second]);
  const starts = [0, first.length, first.length + skippable.length];
  const fields = starts.flatMap((at): Field[] => [
    [at, 4],
    [at + 4, 2],
    [at + 4, 4],
    [at + 6, 2],
    [at + 6, 4],
  ]);
  return { name: "core in zstd", bytes, fields };
}

/** One of every kind. */
export function fuzzFiles(): FuzzFile[] {
  const threads = (writer: CoreWriter): CoreWriter => {
    for (const tid of [1, 2]) writer.thread(tid, { signal: 6, area: area(832), fpregs: new Uint8Array(512), ssp: 1n });
    return writer
      .note("CORE", 3, new Uint8Array(136))
      .layout([[2, 256, 576]])
      .memory(256);
  };
  const netbsd = new CoreWriter("x86-64")
    .note("NetBSD-CORE", 1, new Uint8Array(160).fill(1))
    .note("NetBSD-CORE@1", 33, new Uint8Array(208))
    .note("NetBSD-CORE@1", 41, new Uint8Array(2384).fill(3));
  const status = new Uint8Array(224);
  status[0] = 1;
  const freebsd = new CoreWriter("x86-64").note("FreeBSD", 1, status).note("FreeBSD", 0x202, area(832));
  const kvm = area(4096);
  const raw = area(1088, { xcompBv: (1n << 63n) | 7n });
  const plain = coreFile("core of x86-64", threads(new CoreWriter("x86-64")));
  return [
    plain,
    zstdFile(plain),
    coreFile("core of i386", threads(new CoreWriter("i386"))),
    coreFile("core with PN_XNUM", threads(new CoreWriter("x86-64")), { extended: true }),
    coreFile("core of NetBSD", netbsd),
    coreFile("core of FreeBSD", freebsd),
    dumpFile(),
    frameFile(),
    { name: "KVM blob", bytes: kvm, fields: areaFields(0) },
    { name: "raw area", bytes: raw, fields: areaFields(0) },
  ];
}
