import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytesSource, FormatError, isPerfData, openPerfData, type PerfSample } from "../../src/formats/index.ts";
import { sampleRegisterName } from "../../src/perf/register-numbers.ts";
import type { Profile } from "../../src/report/profile-data.ts";
import { xsavekit, xsavekitJson, xsavekitProcess } from "../cli/run-cli.ts";
import { rig, simd } from "../perf/sampling-rig.ts";
import { rawFrame } from "./zstd-frames.ts";
import { attribute, bytesOf, comm, perfFile, perfPipe, record, sample, u64s } from "./perf-data-file.ts";

async function read(bytes: Uint8Array): Promise<{ samples: PerfSample[]; rules: string[] }> {
  const profile = await openPerfData(bytesSource(bytes));
  const samples: PerfSample[] = [];
  for await (const each of profile.samples()) samples.push(each);
  return { samples, rules: profile.problems.warnings("f").map(({ rule }) => rule) };
}

const TYPE = {
  IP: 1,
  TID: 2,
  TIME: 4,
  READ: 16,
  CALLCHAIN: 32,
  CPU: 128,
  RAW: 1024,
  BRANCH: 2048,
  USER: 4096,
  STACK: 8192,
  WEIGHT: 16384,
  SRC: 32768,
  ID: 65536,
  TX: 131072,
  INTR: 262144,
};
const tid = (pid: number, thread: number): Uint8Array => u64s((BigInt(thread) << 32n) | BigInt(pid));

describe.each([
  ["file", perfFile],
  ["pipe", perfPipe],
])("%s", (_, build) => {
  test("every field before the registers is passed by its own length", async () => {
    const sampleType = Object.values(TYPE).reduce((sum, bit) => sum | bit, 0);
    const fields = { sampleType, readFormat: 0b11111, branchSampleType: 1 << 17, regsUser: 0b101n, regsIntr: 1n << 8n };
    const raw = bytesOf(Uint8Array.of(12, 0, 0, 0), new Uint8Array(12).fill(7));
    const records = [
      comm(70, 71, "worker"),
      sample(
        u64s(5, 0xffffffff81000000n),
        tid(70, 71),
        u64s(123, 3),
        u64s(2, 10, 11, 100, 1, 0, 200, 2, 0),
        u64s(3, 1, 2, 3),
        raw,
        u64s(2, 9, 1, 2, 3, 4, 5, 6),
        u64s(2, 0xaaaa, 0xcccc),
        u64s(16, 1, 2, 16),
        u64s(1, 2, 3),
        u64s(2, 0x401000),
      ),
    ];
    const { samples, rules } = await read(build([{ attribute: attribute(fields), ids: [5] }], records));
    expect(rules).toEqual([]);
    expect(samples).toHaveLength(1);
    expect(samples[0]).toMatchObject({ ip: 0xffffffff81000000n, pid: 70, tid: 71, time: 123n, cpu: 3, name: "worker" });
    expect(samples[0]!.user!.registers).toEqual([
      [0, 0xaaaan],
      [2, 0xccccn],
    ]);
    expect(samples[0]!.intr!.registers).toEqual([[8, 0x401000n]]);
  });

  test("events are told apart by their ids, and XMM by the ABI", async () => {
    const events = [
      { attribute: attribute({ sampleType: TYPE.ID | TYPE.INTR, regsIntr: 3n << 32n }), ids: [1, 2] },
      {
        attribute: attribute({
          sampleType: TYPE.ID | TYPE.INTR,
          regsIntr: 3n << 32n,
          simd: { predicateQwords: 1, vectorQwords: 0 },
        }),
        ids: [3],
      },
    ];
    const { samples, rules } = await read(
      build(events, [
        sample(u64s(2), u64s(2, 0x11, 0x22)),
        sample(u64s(3), u64s(6, 0x33, 0x44, 0)),
        sample(u64s(9), u64s(0)),
        sample(u64s(0), u64s(0)),
      ]),
    );
    expect(rules).toEqual(["unknown-event"]);
    const named = samples.map(({ intr }) => intr!.registers.map(([bit, value]) => [sampleRegisterName(bit, intr!.abi), value]));
    expect(named).toEqual([
      [
        ["xmm0.low", 0x11n],
        ["xmm0.high", 0x22n],
      ],
      [
        ["r24", 0x33n],
        ["r25", 0x44n],
      ],
      // Id 0 is what perf makes up: the first event's.
      [],
    ]);
  });

  test("what a sampler writes is read back: vectors, predicates, r16-r31, ssp", async () => {
    const machine = rig();
    for (let n = 0; n < 32; n++) machine.writer.vector(0, n, 8, BigInt(0x1000 + n));
    machine.writer.predicate(0, 3, 0x77n);
    machine.writer.extendedGeneral(0, 20, 0x2020n);
    machine.writer.shadowStackPointer(0, 0x7ff0n);
    const regs = (1n << 28n) | (1n << 40n);
    const asked = { vectorQwords: 8, vectorsUser: 0x8000_0001n, predicatesUser: 8n };
    const written = machine.sample(machine.sampler({ regsUser: regs, simd: simd(asked) }))!;
    const fields = {
      sampleType: TYPE.USER,
      regsUser: regs,
      simd: { predicateQwords: 1, vectorQwords: 8, vectorsUser: 0x8000_0001n, predicatesUser: 8 },
    };
    const { samples } = await read(build([{ attribute: attribute(fields), ids: [] }], [sample(written)]));
    const user = samples[0]!.user!;
    expect(user.registers).toEqual([
      [28, 0x2020n],
      [40, 0x7ff0n],
    ]);
    expect(user.vectors.map(([n, bytes]) => [n, new BigUint64Array(bytes.buffer)[7]])).toEqual([
      [0, 0x1000n],
      [31, 0x101fn],
    ]);
    expect(user.predicates).toEqual([[3, 0x77n]]);
  });
});

describe("damage", () => {
  const good = perfFile(
    [{ attribute: attribute({ sampleType: TYPE.TID | TYPE.USER, regsUser: 3n }), ids: [1] }],
    [sample(tid(1, 1), u64s(2, 5, 6)), sample(tid(1, 2), u64s(2, 7, 8))],
  );

  test("the head", async () => {
    const error = async (bytes: Uint8Array): Promise<string> =>
      openPerfData(bytesSource(bytes)).then(
        () => "",
        (e: unknown) => (e as FormatError).problem.rule,
      );
    expect(isPerfData(good)).toBe(true);
    expect(await error(good.slice(0, 12))).toBe("truncated");
    expect(await error(good.slice().fill(0x20, 0, 8))).toBe("unknown-format");
    expect(await error(Uint8Array.from([...good.subarray(0, 8).toReversed(), ...good.subarray(8)]))).toBe("wrong-endianness");
    const lying = good.slice();
    new DataView(lying.buffer).setBigUint64(32, 1n << 62n, true);
    expect(await error(lying)).toBe("bad-header");
    const entries = good.slice();
    new DataView(entries.buffer).setBigUint64(16, 0n, true);
    expect(await error(entries)).toBe("bad-header");
  });

  test("a file cut in a record gives the samples before it", async () => {
    const { samples, rules } = await read(good.subarray(0, good.length - 8));
    expect(samples.map((each) => each.tid)).toEqual([1]);
    expect(rules).toEqual(["truncated", "truncated"]);
  });

  test("a record of size 0 ends the walk; a sample that does not fit is left out", async () => {
    const event = [{ attribute: attribute({ sampleType: TYPE.USER, regsUser: 3n }), ids: [] }];
    const zero = record(9, new Uint8Array(8)).fill(0, 6, 8);
    expect(await read(perfFile(event, [zero]))).toMatchObject({ samples: [], rules: ["bad-record"] });
    const { samples, rules } = await read(perfFile(event, [sample(u64s(2, 1)), sample(u64s(8)), sample(u64s(0))]));
    expect(rules).toEqual(["bad-sample", "bad-sample"]);
    expect(samples[0]!.user!.abi).toBe(0);
  });

  test("compressed records: what is no zstd, a piece that is cut, and the window that is asked for", async () => {
    const event = [{ attribute: attribute({ sampleType: TYPE.USER, regsUser: 3n }), ids: [] }];
    const compressed = async (...pieces: Uint8Array[]) =>
      read(
        perfFile(
          event,
          pieces.map((piece) => record(81, piece)),
        ),
      );
    expect(await compressed(new Uint8Array(16))).toEqual({ samples: [], rules: ["damaged-compression"] });
    const stream = rawFrame(bytesOf(sample(u64s(2, 1, 2)), sample(u64s(2, 3, 4))));
    // perf never ends its stream.
    stream[6]! &= 0xfe;
    const whole = await compressed(stream.subarray(0, 20), stream.subarray(20));
    expect(whole.samples.map(({ user }) => user!.registers[0]![1])).toEqual([1n, 3n]);
    expect(whole.rules).toEqual([]);
    const cut = await compressed(stream.subarray(0, stream.length - 8));
    expect(cut.rules).toContain("damaged-compression");
    const huge = stream.slice();
    huge[5] = 0xf8;
    expect(await compressed(huge)).toEqual({ samples: [], rules: ["damaged-compression"] });
  });

  test("mutations end in samples or a FormatError", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        async (changes) => {
          const bytes = good.slice();
          for (const [at, value] of changes) bytes[at] = value;
          try {
            await read(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

const perfWorks = (() => {
  const found = spawnSync("perf", ["--version"], { encoding: "utf8" });
  return found.status === 0 ? found.stdout.trim() : undefined;
})();

test.for<[string, readonly string[]]>([
  ["registers alone", []],
  ["with call graphs", ["--call-graph=fp"]],
  ["with the user's stack", ["--call-graph=dwarf,512"]],
  ["with addresses", ["-d"]],
  ["compressed", ["-z"]],
])("a profile recorded here, beside what perf script prints: %s", async ([, more], context) => {
  if (!perfWorks) {
    console.log("perf.data of this machine: skipped, there is no perf (Debian's package linux-perf)");
    return context.skip();
  }
  const folder = mkdtempSync(join(tmpdir(), "xsavekit-perf-"));
  try {
    const file = join(folder, "perf.data");
    const registers = "--user-regs=ax,bx,cx,ip,sp,r15";
    const loop = join(folder, "loop.sh");
    writeFileSync(loop, "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done\n");
    const recorded = spawnSync(
      "perf",
      ["record", "-o", file, "-e", "cpu-clock:u", registers, "--intr-regs=di,ip", "-c", "1000000", ...more, "sh", loop],
      { encoding: "utf8" },
    );
    if (recorded.status !== 0) {
      console.log(`perf.data of this machine: skipped, perf record failed: ${recorded.stderr.trim().split("\n").at(-1)}`);
      return context.skip();
    }
    const { samples, rules } = await read(new Uint8Array(readFileSync(file)));
    expect(rules).toEqual([]);
    // perf script prints in the order of time, whichever processor's buffer a sample came through.
    const byTime = samples.toSorted((a, b) => Number(a.time! - b.time!));
    const lines = byTime.map(({ tid: thread, ip, intr, user }) => {
      const shown = (set: typeof user): string =>
        `ABI:${set!.abi} ${set!.registers.map(([bit, value]) => `${sampleRegisterName(bit, set!.abi)!.toUpperCase()}:0x${value.toString(16)}`).join(" ")}`;
      return `${thread} ${ip!.toString(16)} ${shown(intr)} ${shown(user)}`;
    });
    const script = execFileSync("perf", ["script", "-i", file, "-G", "-F", "tid,ip,iregs,uregs"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const wanted = script
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    expect(samples.length).toBeGreaterThan(5);
    expect(lines.map((line) => line.split(" "))).toEqual(wanted);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("inspect shows the samples, for people and as data", async () => {
  const folder = mkdtempSync(join(tmpdir(), "xsavekit-profile-"));
  try {
    const file = join(folder, "perf.data");
    const fields = {
      sampleType: TYPE.TID | TYPE.USER,
      regsUser: 1n | (1n << 40n),
      simd: { predicateQwords: 1, vectorQwords: 4, vectorsUser: 4n },
    };
    const record = u64s(6, 0xabc, 0x7ff0, (4n << 16n) | 1n | (1n << 48n), 1, 2, 3, 4);
    writeFileSync(
      file,
      perfFile(
        [{ attribute: attribute(fields), ids: [1] }],
        [comm(8, 9, "w"), sample(tid(8, 9), record), sample(tid(8, 8), u64s(0))],
      ),
    );
    const data = xsavekitJson(["inspect", file]).value as Profile;
    expect(data).toMatchObject({ container: "perf-data", layout: null, threads: [], warnings: [] });
    expect(data.events).toEqual([{ sampleType: "0x1002", regsUser: "0x10000000001", regsIntr: null, vectorQwords: 4 }]);
    expect(data.samples.map(({ tid: thread, name }) => [thread, name])).toEqual([
      [9, "w"],
      [8, null],
    ]);
    const ymm2 = "0100000000000000020000000000000003000000000000000400000000000000";
    expect(data.samples[0]!.user).toEqual({ abi: 6, registers: { ax: "0xabc", ssp: "0x7ff0", ymm2 } });
    expect(data.samples[1]!.user).toEqual({ abi: 0, registers: {} });
    const one = xsavekitJson(["inspect", file, "--thread", "9", "--registers", "xmm2", "--format", "uint64"]).value as Profile;
    expect(one.samples).toHaveLength(1);
    expect(one.samples[0]!.user!.registers).toEqual({ ax: "0xabc", xmm2: ymm2.slice(0, 32) });
    expect(one.samples[0]!.user!.values).toEqual({ xmm2: ["1", "2"] });
    // The same through a pipe, and packed.
    for (const [name, input] of [
      ["-", readFileSync(file)],
      ["-", gzipSync(readFileSync(file))],
    ] as const) {
      const { out: piped } = xsavekitProcess(["inspect", name, "--json"], input);
      expect((JSON.parse(piped) as Profile).samples).toEqual(data.samples);
    }
    const { out } = xsavekit(["inspect", file]);
    expect(out).toContain('thread 9 "w"');
    expect(out).toContain("user: no registers were delivered");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
