/*
 * oracle: executes XSAVE-family instructions on this CPU and reports what they did.
 *
 *   cc -std=c11 -O2 -o oracle oracle.c
 *
 * Everything between loading a register state and reading it back is one assembly routine that touches
 * general-purpose registers only, so compiler flags do not matter: no SSE, AVX or x87 instruction of the
 * compiler's or the C library's runs in between.
 *
 *   oracle            hello record, then batches from stdin, replies on stdout, until end of input
 *   oracle --hello    hello record only
 * Exit status 3: this CPU or system cannot do it, reason on stderr.
 *
 * Little-endian records; offsets are those of the structs below.
 *   stdin:  batch = u32 magic "XSKB", u32 count, count requests = struct request, state image, area
 *   stdout: batch = u32 magic "XSKR", u32 count, u64 bytes that follow, count replies =
 *           struct reply, area afterwards, registers [, registers before: restores only]
 * Images and areas are `areaBytes` long (hello), register blocks `registerBytes`.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if !defined(__x86_64__) || !defined(__linux__)
#error "needs Linux on x86-64"
#endif

#define HELLO_MAGIC 0x484b5358u /* XSKH */
#define BATCH_MAGIC 0x424b5358u /* XSKB */
#define REPLY_MAGIC 0x524b5358u /* XSKR */
#define VERSION 1u
#define MAX_BATCH 65536u
#define MAX_ATTEMPTS 32u
#define GUARD 128

#include "run-instruction.h"
#include "this-cpu.h"

struct request {
  uint32_t instruction, loader; /* loader: 0 XRSTOR64, 1 moves, 2 XRSTOR64 from the very area */
  uint64_t mask;
  uint32_t misalign, moves;
  uint64_t reserved[5];
};

enum {
  FLAG_XINUSE = 1, FLAG_CHANGED = 2, FLAG_GUARD = 4, FLAG_UNSTABLE = 8, FLAG_STATE_PKRU = 16,
  FLAG_IMAGE_PKRU = 32, FLAG_LOAD_FAULT = 64, FLAG_BEFORE = 128,
};

struct reply {
  uint32_t bytes, flags;
  int32_t signal, code;
  uint32_t vector, error_code;
  uint64_t address;
  uint64_t xinuse_before, xinuse_after, probe_before, probe_after;
  uint32_t attempts, moves;
  uint64_t reserved[3];
};

static void read_all(void *to, size_t bytes, int at_start) {
  uint8_t *p = to;
  size_t left = bytes;
  while (left) {
    ssize_t n = read(0, p, left);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) die("read failed");
    if (n == 0) {
      if (at_start && left == bytes) exit(0);
      die("input ended inside a batch");
    }
    p += n;
    left -= (size_t)n;
  }
}

static void write_all(const void *from, size_t bytes) {
  const uint8_t *p = from;
  while (bytes) {
    ssize_t n = write(1, p, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) exit(errno == EPIPE ? 0 : 1);
    p += n;
    bytes -= (size_t)n;
  }
}

static uint8_t *out, *out_end;
static size_t out_size;

static void put(const void *from, size_t bytes) {
  if ((size_t)(out + out_size - out_end) < bytes) {
    write_all(out, (size_t)(out_end - out));
    out_end = out;
  }
  memcpy(out_end, from, bytes);
  out_end += bytes;
}

/* Access to the memory of protection key 0 has to stay allowed: AD0 and WD0 of an image are cleared. */
static int allow_key0(uint8_t *image, uint64_t rfbm) {
  uint64_t bv, xcomp;
  memcpy(&bv, image + 512, 8);
  memcpy(&xcomp, image + 520, 8);
  if (!has(rfbm & bv, 9)) return 0;
  if (xcomp && !has(xcomp, 9)) return 0;
  uint32_t at = place(9, xcomp);
  if (at + 4 > hello.area_bytes || !(image[at] & 3)) return 0;
  image[at] &= 0xfc;
  return 1;
}

static uint8_t *state_buffer, *area_base, *init_image;
static uint8_t vectors[32][64] __attribute__((aligned(64)));
static uint64_t opmasks[8];
static uint8_t control[8];

static uint32_t possible_moves(uint32_t moves) {
  uint32_t can = 0x1 | 0x2 | 0x8 | 0x10 | 0x1000 | 0x2000 | 0x4000 | 0x8000;
  if (ctx.caps & CAP_AVX) can |= 0x4 | 0x100 | 0x200;
  if (ctx.caps & CAP_AVX512) can |= 0x20 | 0x40 | 0x80 | 0x400 | 0x800;
  return moves & can;
}

static void prepare_moves(const uint8_t *image, uint32_t moves) {
  for (int i = 0; i < 16; i++) {
    memcpy(vectors[i], image + 160 + 16 * i, 16);
    if (ctx.caps & CAP_AVX) memcpy(vectors[i] + 16, image + place(2, 0) + 16 * i, 16);
    if (ctx.caps & CAP_AVX512) {
      memcpy(vectors[i] + 32, image + place(6, 0) + 32 * i, 32);
      memcpy(vectors[16 + i], image + place(7, 0) + 64 * i, 64);
    }
  }
  if (ctx.caps & CAP_AVX512) memcpy(opmasks, image + place(5, 0), 64);
  memcpy(control, image, 2);
  uint32_t mxcsr;
  memcpy(&mxcsr, image + 24, 4);
  mxcsr &= mxcsr_mask;
  memcpy(control + 4, &mxcsr, 4);
  ctx.moves = moves;
  ctx.vectors = vectors;
  ctx.opmasks = opmasks;
  ctx.stack = image + 32;
  ctx.stack_count = (uint64_t)__builtin_popcount(image[4]);
  ctx.control = control;
}

static void gather_others(uint8_t *block, const uint8_t *scratch) {
  for (int i = 2; i < 63; i++)
    if (has(ctx.other_mask, i)) memcpy(block + hello.component_offset[i], scratch + hello.leaf_d[i][1], hello.leaf_d[i][0]);
}

static void run_one(const struct request *q, const uint8_t *state, const uint8_t *area_in) {
  const size_t n = hello.area_bytes;
  const int restore = q->instruction >= FIRST_RESTORE;
  struct reply r;
  uint8_t *area = area_base + GUARD + q->misalign;
  uint32_t flags = 0, attempt = 0;

  memcpy(state_buffer, state, n);
  if (allow_key0(state_buffer, image_mask)) flags |= FLAG_STATE_PKRU;

  ctx.area = area;
  ctx.mask = q->mask;
  ctx.instruction = q->instruction;
  for (;;) {
    struct rusage first, last;
    ctx.moves = 0;
    ctx.refill = NULL;
    fault.signal = 0;
    memset(area_base, 0x5a, GUARD + q->misalign);
    memset(area + n, 0x5a, GUARD);
    memcpy(area, q->loader == 2 ? state_buffer : area_in, n);
    if (restore && allow_key0(area, q->mask & hello.xcr0)) flags |= FLAG_IMAGE_PKRU;
    ctx.load = q->loader == 2 ? area : state_buffer;
    if (q->loader == 1) {
      ctx.load = init_image;
      prepare_moves(state_buffer, possible_moves(q->moves));
    } else if (q->loader == 2) {
      ctx.refill = area_in;
      ctx.refill_bytes = n;
    }
    attempt++;
    getrusage(RUSAGE_THREAD, &first);
    o_run(&ctx);
    getrusage(RUSAGE_THREAD, &last);
    /* A context switch in between may change XINUSE and forgets what XRSTOR recorded: run again. */
    int switched = first.ru_nvcsw != last.ru_nvcsw || first.ru_nivcsw != last.ru_nivcsw;
    int moved = !restore && !fault.signal &&
                (ctx.xinuse_before != ctx.xinuse_after || ctx.probe_before != ctx.probe_after);
    if (!switched && !moved) break;
    if (attempt == MAX_ATTEMPTS) {
      flags |= FLAG_UNSTABLE;
      break;
    }
  }

  for (size_t i = 0; i < GUARD + q->misalign; i++) if (area_base[i] != 0x5a) flags |= FLAG_GUARD;
  for (size_t i = 0; i < GUARD; i++) if (area[n + i] != 0x5a) flags |= FLAG_GUARD;
  gather_others(ctx.before, ctx.other_before);
  gather_others(ctx.after, ctx.other_after);
  uint8_t *before = ctx.before, *after = ctx.after;
  memcpy(before + REG_ENV, after + REG_ENV, 28); /* FNSTENV alters FCW, so it ran once, last */
  if (!restore && !fault.signal && memcmp(before, after, hello.register_bytes) != 0) flags |= FLAG_CHANGED;
  if (fault.signal && fault.load) flags |= FLAG_LOAD_FAULT;
  flags |= FLAG_XINUSE * (ctx.caps & CAP_XGETBV1 ? 1u : 0u);
  if (restore) flags |= FLAG_BEFORE;

  memset(&r, 0, sizeof r);
  r.bytes = (uint32_t)(sizeof r + n + hello.register_bytes * (restore ? 2u : 1u));
  r.flags = flags;
  r.signal = fault.signal;
  if (fault.signal) {
    r.code = fault.code;
    r.vector = fault.vector;
    r.error_code = fault.error_code;
    r.address = fault.address;
  }
  int probed = !(ctx.caps & CAP_XGETBV1);
  r.xinuse_before = probed ? ctx.probe_before : ctx.xinuse_before;
  r.xinuse_after = probed ? ctx.probe_after : ctx.xinuse_after;
  r.probe_before = ctx.probe_before & 2;
  r.probe_after = ctx.probe_after & 2;
  r.attempts = attempt;
  r.moves = (uint32_t)ctx.moves;
  put(&r, sizeof r);
  put(area, n);
  put(restore ? after : before, hello.register_bytes);
  if (restore) put(before, hello.register_bytes);
}

int main(int argc, char **argv) {
  setup();
  write_all(&hello, sizeof hello);
  if (argc > 1 && strcmp(argv[1], "--hello") == 0) return 0;
  signal(SIGPIPE, SIG_IGN);
  prepare();
  const size_t n = hello.area_bytes, record = sizeof(struct request) + 2 * n;
  state_buffer = aligned(n);
  area_base = aligned(n + 2 * GUARD + 64);
  init_image = aligned(n);
  const uint32_t mxcsr = 0x1f80;
  memcpy(init_image + 24, &mxcsr, 4);
  out_size = 1u << 20;
  out = out_end = malloc(out_size);
  uint8_t *batch = NULL;
  size_t batch_size = 0;
  for (;;) {
    uint32_t head[2];
    read_all(head, sizeof head, 1);
    if (head[0] != BATCH_MAGIC || head[1] > MAX_BATCH) die("bad batch header");
    size_t bytes = head[1] * record;
    if (bytes > batch_size) {
      free(batch);
      batch = malloc(batch_size = bytes);
    }
    if (!out || (bytes && !batch)) die("out of memory");
    read_all(batch, bytes, 0);
    uint64_t total = 0;
    for (uint32_t i = 0; i < head[1]; i++) {
      struct request q;
      memcpy(&q, batch + i * record, sizeof q);
      if (q.instruction >= INSTRUCTIONS || q.loader > 2 || q.misalign > 63) die("bad request");
      total += sizeof(struct reply) + n + hello.register_bytes * (q.instruction >= FIRST_RESTORE ? 2u : 1u);
    }
    uint32_t reply_head[2] = {REPLY_MAGIC, head[1]};
    put(reply_head, sizeof reply_head);
    put(&total, sizeof total);
    for (uint32_t i = 0; i < head[1]; i++) {
      struct request q;
      const uint8_t *p = batch + i * record;
      memcpy(&q, p, sizeof q);
      run_one(&q, p + sizeof q, p + sizeof q + n);
    }
    write_all(out, (size_t)(out_end - out));
    out_end = out;
  }
}
