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

/* What this CPU and operating system have, for the assembly: bits of context.caps. */
enum { CAP_AVX = 1, CAP_AVX512 = 2, CAP_AVX512BW = 4, CAP_PKRU = 8, CAP_XGETBV1 = 16 };

/* Register block: fixed places, then the components that only an XSAVE64 can read. */
enum {
  REG_LEGACY = 0, REG_AVX = 512, REG_OPMASK = 768, REG_PKRU = 832, REG_ENV = 840, REG_BASE_END = 896,
  REG_ZMM_HI256 = 896, REG_HI16_ZMM = 1408, REG_FIXED_END = 2432,
};

struct hello {
  uint32_t magic, version, bytes, area_bytes;
  uint32_t register_bytes, family, model, stepping;
  uint64_t xcr0, permitted, features;
  uint32_t leaf1[4], leaf7[4], leaf7_1[4], leaf80000008[4];
  char vendor[16], brand[48];
  int32_t component_offset[64]; /* in the register block, -1: not there */
  uint32_t leaf_d[64][4];
};

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

/* Offsets are spelt out in the assembly below. */
struct context {
  const void *load;      /* 0   image for the preparing XRSTOR64 */
  uint64_t load_mask;    /* 8 */
  void *area;            /* 16 */
  uint64_t mask;         /* 24 */
  uint64_t instruction;  /* 32 */
  uint64_t caps;         /* 40 */
  void *before, *after;  /* 48, 56 register blocks */
  void *probe;           /* 64  scratch area */
  uint64_t probe_mask;   /* 72 */
  const void *clean;     /* 80  this program's own state */
  uint64_t moves;        /* 88 */
  const void *vectors;   /* 96  32 x 64 bytes */
  const void *opmasks;   /* 104 8 x 8 bytes */
  const void *stack;     /* 112 8 x 16 bytes */
  uint64_t stack_count;  /* 120 */
  const void *control;   /* 128 FCW at 0, MXCSR at 4 */
  const void *refill;    /* 136 copied to the area after the load, or 0 */
  uint64_t refill_bytes; /* 144 */
  uint64_t xinuse_before, xinuse_after, probe_before, probe_after; /* 152 160 168 176 */
  uint64_t other_mask;   /* 184 components read by a separate XSAVE64 */
  void *other_before, *other_after; /* 192, 200 */
};

__asm__(
    ".text\n"
    ".p2align 4\n"
    /* r12: register block, rsi: scratch for the others. Stores only: changes no register state. */
    "o_capture:\n"
    "  fxsave64 (%r12)\n"
    "  testl $1, 40(%rbx)\n"
    "  jz 1f\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "  vextractf128 $1, %ymm\\n, 512+16*\\n(%r12)\n"
    ".endr\n"
    "1: testl $2, 40(%rbx)\n"
    "  jz 3f\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "  vextractf64x4 $1, %zmm\\n, 896+32*\\n(%r12)\n"
    ".endr\n"
    ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "  vmovups %zmm\\n, 1408+64*(\\n-16)(%r12)\n"
    ".endr\n"
    "  testl $4, 40(%rbx)\n"
    "  jz 2f\n"
    ".irp n,0,1,2,3,4,5,6,7\n"
    "  kmovq %k\\n, 768+8*\\n(%r12)\n"
    ".endr\n"
    "  jmp 3f\n"
    "2:\n"
    ".irp n,0,1,2,3,4,5,6,7\n"
    "  kmovw %k\\n, 768+8*\\n(%r12)\n"
    ".endr\n"
    "3: testl $8, 40(%rbx)\n"
    "  jz 4f\n"
    "  xorl %ecx, %ecx\n"
    "  rdpkru\n"
    "  movl %eax, 832(%r12)\n"
    "4: movl 184(%rbx), %eax\n"
    "  movl 188(%rbx), %edx\n"
    "  movl %eax, %ecx\n"
    "  orl %edx, %ecx\n"
    "  jz 5f\n"
    "  xsave64 (%rsi)\n"
    "5: ret\n"

    /* XSTATE_BV of an XSAVE64 with the probe mask, in rax. */
    "o_probe:\n"
    "  movq 64(%rbx), %rdi\n"
    "  movq $0, 512(%rdi)\n"
    "  movl 72(%rbx), %eax\n"
    "  movl 76(%rbx), %edx\n"
    "  xsave64 (%rdi)\n"
    "  movq 512(%rdi), %rax\n"
    "  ret\n"

    /* XGETBV(1) in rax. */
    "o_xinuse:\n"
    "  xorl %eax, %eax\n"
    "  testl $16, 40(%rbx)\n"
    "  jz 1f\n"
    "  movl $1, %ecx\n"
    "  xgetbv\n"
    "  shlq $32, %rdx\n"
    "  orq %rdx, %rax\n"
    "1: ret\n"

    ".p2align 4\n"
    ".globl o_run\n"
    ".hidden o_run\n"
    ".type o_run, @function\n"
    "o_run:\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  movq %rdi, %rbx\n"
    "  cld\n"
    "  movq 0(%rbx), %rdi\n"
    "  movl 8(%rbx), %eax\n"
    "  movl 12(%rbx), %edx\n"
    ".globl o_load\n"
    ".hidden o_load\n"
    "o_load:\n"
    "  xrstor64 (%rdi)\n"
    ".globl o_load_end\n"
    ".hidden o_load_end\n"
    "o_load_end:\n"

    /* The menu of moves, loads first. */
    "  movq 88(%rbx), %r13\n"
    "  testq %r13, %r13\n"
    "  jz o_loaded\n"
    "  movq 96(%rbx), %rsi\n"
    "  testl $1, %r13d\n"
    "  jz 2f\n"
    "  fninit\n"
    "  movq 128(%rbx), %rax\n"
    "  fldcw (%rax)\n"
    "  movq 120(%rbx), %rcx\n"
    "  testq %rcx, %rcx\n"
    "  jz 2f\n"
    "  leaq -1(%rcx), %rax\n"
    "  shlq $4, %rax\n"
    "  addq 112(%rbx), %rax\n"
    "1: fldt (%rax)\n"
    "  subq $16, %rax\n"
    "  decq %rcx\n"
    "  jnz 1b\n"
    "2: testl $2, %r13d\n"
    "  jz 1f\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "  movups 64*\\n(%rsi), %xmm\\n\n"
    ".endr\n"
    "1: testl $4, %r13d\n"
    "  jz 1f\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "  vmovups 64*\\n(%rsi), %ymm\\n\n"
    ".endr\n"
    "1: testl $0x40, %r13d\n"
    "  jz 1f\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "  vmovups 64*\\n(%rsi), %zmm\\n\n"
    ".endr\n"
    "1: testl $0x80, %r13d\n"
    "  jz 1f\n"
    ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "  vmovups 64*\\n(%rsi), %zmm\\n\n"
    ".endr\n"
    "1: testl $0x20, %r13d\n"
    "  jz 1f\n"
    "  movq 104(%rbx), %rdi\n"
    "  testl $4, 40(%rbx)\n"
    "  jz 2f\n"
    ".irp n,0,1,2,3,4,5,6,7\n"
    "  kmovq 8*\\n(%rdi), %k\\n\n"
    ".endr\n"
    "  jmp 1f\n"
    "2:\n"
    ".irp n,0,1,2,3,4,5,6,7\n"
    "  kmovw 8*\\n(%rdi), %k\\n\n"
    ".endr\n"
    "1: testl $8, %r13d\n"
    "  jz 1f\n"
    "  movq 128(%rbx), %rax\n"
    "  ldmxcsr 4(%rax)\n"
    "1: testl $0x100, %r13d\n"
    "  jz 1f\n"
    "  vzeroupper\n"
    "1: testl $0x200, %r13d\n"
    "  jz 1f\n"
    "  vzeroall\n"
    "1: testl $0x400, %r13d\n"
    "  jz 1f\n"
    ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "  vpxord %zmm\\n, %zmm\\n, %zmm\\n\n"
    ".endr\n"
    "1: testl $0x800, %r13d\n"
    "  jz 1f\n"
    ".irp n,0,1,2,3,4,5,6,7\n"
    "  kxorw %k\\n, %k\\n, %k\\n\n"
    ".endr\n"
    "1: testl $0x1000, %r13d\n"
    "  jz 1f\n"
    "  fninit\n"
    "1: testl $0x2000, %r13d\n"
    "  jz 1f\n"
    "  emms\n"
    "1: testl $0x4000, %r13d\n"
    "  jz 1f\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
    "  xorps %xmm\\n, %xmm\\n\n"
    ".endr\n"
    "1: testl $0x8000, %r13d\n"
    "  jz 1f\n"
    ".irp n,0,1,2,3,4,5,6,7\n"
    "  ffree %st(\\n)\n"
    ".endr\n"
    /* 1/0 with the zero-divide exception unmasked: stays pending, nothing below waits for it. */
    "1: testl $0x10, %r13d\n"
    "  jz o_loaded\n"
    "  fninit\n"
    "  fldcw o_fcw_zm(%rip)\n"
    "  fld1\n"
    "  fdivs o_zero(%rip)\n"

    "o_loaded:\n"
    "  movq 136(%rbx), %rsi\n"
    "  testq %rsi, %rsi\n"
    "  jz 1f\n"
    "  movq 16(%rbx), %rdi\n"
    "  movq 144(%rbx), %rcx\n"
    "  shrq $3, %rcx\n"
    "2: movq (%rsi), %rax\n"
    "  movq %rax, (%rdi)\n"
    "  addq $8, %rsi\n"
    "  addq $8, %rdi\n"
    "  decq %rcx\n"
    "  jnz 2b\n"
    "1: movq 48(%rbx), %r12\n"
    "  movq 192(%rbx), %rsi\n"
    "  call o_capture\n"
    "  call o_probe\n"
    "  movq %rax, 168(%rbx)\n"
    "  call o_xinuse\n"
    "  movq %rax, 152(%rbx)\n"
    "  movq 16(%rbx), %rdi\n"
    "  movl 24(%rbx), %eax\n"
    "  movl 28(%rbx), %edx\n"
    "  movq 32(%rbx), %rcx\n"
    "  shlq $4, %rcx\n"
    "  leaq o_test(%rip), %rsi\n"
    "  addq %rcx, %rsi\n"
    "  jmp *%rsi\n"
    ".p2align 4\n"
    ".globl o_test\n"
    ".hidden o_test\n"
    "o_test:\n"
    ".irp i,xsave64,xsavec64,xsaveopt64,xsave,xsavec,xsaveopt,xsaves64,xrstor64,xrstor,xrstors64\n"
    "  .p2align 4\n"
    "  \\i (%rdi)\n"
    "  jmp o_test_end\n"
    ".endr\n"
    "  .p2align 4\n"
    ".globl o_test_end\n"
    ".hidden o_test_end\n"
    "o_test_end:\n"
    "  call o_xinuse\n"
    "  movq %rax, 160(%rbx)\n"
    "  call o_probe\n"
    "  movq %rax, 176(%rbx)\n"
    "  movq 56(%rbx), %r12\n"
    "  movq 200(%rbx), %rsi\n"
    "  call o_capture\n"
    "  fnstenv 840(%r12)\n"
    ".globl o_exit\n"
    ".hidden o_exit\n"
    "o_exit:\n"
    "  movq 80(%rbx), %rdi\n"
    "  movl 8(%rbx), %eax\n"
    "  movl 12(%rbx), %edx\n"
    "  xrstor64 (%rdi)\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  ret\n"
    ".size o_run, .-o_run\n"
    ".section .rodata\n"
    ".p2align 3\n"
    "o_zero: .long 0\n"
    "o_fcw_zm: .long 0x37b\n"
    ".text\n");

void o_run(struct context *context) __attribute__((visibility("hidden")));
extern const char o_load[] __attribute__((visibility("hidden")));
extern const char o_load_end[] __attribute__((visibility("hidden")));
extern const char o_test[] __attribute__((visibility("hidden")));
extern const char o_test_end[] __attribute__((visibility("hidden")));
extern const char o_exit[] __attribute__((visibility("hidden")));

enum { INSTRUCTIONS = 10, FIRST_RESTORE = 7 };

static struct hello hello;
static struct context ctx;
static uint64_t image_mask; /* what the preparing XRSTOR64 loads: all permitted components */
static uint32_t mxcsr_mask;

/* Filled by the signal handler. */
static volatile struct { int signal, code; uint32_t vector, error_code; uint64_t address; int load; } fault;

static void on_fault(int signal, siginfo_t *info, void *data) {
  ucontext_t *uc = data;
  greg_t *regs = uc->uc_mcontext.gregs;
  uintptr_t rip = (uintptr_t)regs[REG_RIP];
  int load = rip >= (uintptr_t)o_load && rip < (uintptr_t)o_load_end;
  if (!load && !(rip >= (uintptr_t)o_test && rip < (uintptr_t)o_test_end)) {
    static const char text[] = "oracle: fault outside the instruction under test\n";
    ssize_t ignored = write(2, text, sizeof text - 1);
    (void)ignored;
    _exit(70);
  }
  fault.signal = signal;
  fault.code = info->si_code;
  fault.vector = (uint32_t)regs[REG_TRAPNO];
  fault.error_code = (uint32_t)regs[REG_ERR];
  fault.address = (uint64_t)(uintptr_t)info->si_addr;
  fault.load = load;
  regs[REG_RIP] = (greg_t)(load ? (uintptr_t)o_exit : (uintptr_t)o_test_end);
}

static uint64_t xgetbv(uint32_t which) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(which));
  return (uint64_t)high << 32 | low;
}

static void refuse(const char *reason) {
  fprintf(stderr, "%s\n", reason);
  exit(3);
}

static void die(const char *reason) {
  fprintf(stderr, "oracle: %s\n", reason);
  exit(1);
}

static void *aligned(size_t bytes) {
  void *p = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
  if (!p) die("out of memory");
  memset(p, 0, (bytes + 4095) & ~(size_t)4095);
  return p;
}

static int has(uint64_t mask, int bit) { return (int)(mask >> bit & 1); }

/* Offset of a component in an area: standard if xcomp is 0, else compacted by its bits 62:0. */
static uint32_t place(int component, uint64_t xcomp) {
  if (!xcomp) return hello.leaf_d[component][1];
  uint32_t at = 576;
  for (int i = 2; i < 63; i++) {
    if (!has(xcomp, i)) continue;
    if (hello.leaf_d[i][2] & 2) at = (at + 63) & ~63u;
    if (i == component) return at;
    at += hello.leaf_d[i][0];
  }
  return 0;
}

static void setup(void) {
  uint32_t a, b, c, d;
  if (__get_cpuid_max(0, 0) < 0xd) refuse("this CPU has no CPUID leaf 0DH");
  __cpuid(1, a, b, c, d);
  if (!(c >> 26 & 1)) refuse("this CPU has no XSAVE (CPUID.1:ECX[26])");
  if (!(c >> 27 & 1)) refuse("the operating system has not enabled XSAVE (CPUID.1:ECX[27])");
  hello.magic = HELLO_MAGIC;
  hello.version = VERSION;
  hello.bytes = sizeof hello;
  __cpuid(1, hello.leaf1[0], hello.leaf1[1], hello.leaf1[2], hello.leaf1[3]);
  __cpuid_count(7, 0, hello.leaf7[0], hello.leaf7[1], hello.leaf7[2], hello.leaf7[3]);
  if (hello.leaf7[0] >= 1) __cpuid_count(7, 1, hello.leaf7_1[0], hello.leaf7_1[1], hello.leaf7_1[2], hello.leaf7_1[3]);
  uint32_t base = a >> 8 & 15, extended = a >> 20 & 255;
  hello.family = base == 15 ? base + extended : base;
  hello.model = (a >> 4 & 15) | (base == 15 || base == 6 ? (a >> 16 & 15) << 4 : 0);
  hello.stepping = a & 15;
  uint32_t max_extended;
  __cpuid(0x80000000u, max_extended, b, c, d);
  if (max_extended >= 0x80000008u)
    __cpuid(0x80000008u, hello.leaf80000008[0], hello.leaf80000008[1], hello.leaf80000008[2], hello.leaf80000008[3]);
  if (max_extended >= 0x80000004u)
    for (uint32_t i = 0; i < 3; i++) {
      uint32_t r[4];
      __cpuid(0x80000002u + i, r[0], r[1], r[2], r[3]);
      memcpy(hello.brand + 16 * i, r, 16);
    }
  __cpuid(0, a, b, c, d);
  memcpy(hello.vendor, &b, 4);
  memcpy(hello.vendor + 4, &d, 4);
  memcpy(hello.vendor + 8, &c, 4);
  hello.xcr0 = xgetbv(0);

  /* TILEDATA needs the kernel's permission, and its first use enlarges this thread's state. */
  hello.permitted = hello.xcr0;
  if (has(hello.xcr0, 18)) {
    uint64_t granted = 0;
    syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18UL);
    if (syscall(SYS_arch_prctl, 0x1022 /* ARCH_GET_XCOMP_PERM */, &granted) != 0 || !has(granted, 18))
      hello.permitted &= ~(1ull << 18);
  }
  for (uint32_t i = 0; i < 64; i++)
    __cpuid_count(0xd, i, hello.leaf_d[i][0], hello.leaf_d[i][1], hello.leaf_d[i][2], hello.leaf_d[i][3]);
  hello.features = hello.leaf_d[1][0]; /* [0] XSAVEOPT [1] XSAVEC [2] XGETBV(1) [3] XSAVES [4] XFD */

  uint32_t end = 576, compacted = 576;
  for (int i = 2; i < 63; i++) {
    if (!has(hello.xcr0, i)) continue;
    uint32_t size = hello.leaf_d[i][0], at = hello.leaf_d[i][1];
    if (at + size > end) end = at + size;
    if (hello.leaf_d[i][2] & 2) compacted = (compacted + 63) & ~63u;
    compacted += size;
  }
  if (compacted > end) end = compacted;
  end = (end + 63) & ~63u;
  hello.area_bytes = end + 64 > 4096 ? end + 64 : 4096;

  uint64_t x = hello.permitted;
  if (has(x, 2)) ctx.caps |= CAP_AVX;
  if (has(x, 5) && has(x, 6) && has(x, 7)) ctx.caps |= CAP_AVX512;
  if (hello.leaf7[1] >> 30 & 1) ctx.caps |= CAP_AVX512BW;
  if (has(x, 9)) ctx.caps |= CAP_PKRU;
  if (has(hello.features, 2)) ctx.caps |= CAP_XGETBV1;

  for (int i = 0; i < 64; i++) hello.component_offset[i] = -1;
  hello.component_offset[0] = hello.component_offset[1] = REG_LEGACY;
  uint64_t direct = 3;
  hello.register_bytes = REG_BASE_END;
  if (ctx.caps & CAP_AVX) hello.component_offset[2] = REG_AVX, direct |= 4;
  if (ctx.caps & CAP_PKRU) hello.component_offset[9] = REG_PKRU, direct |= 1u << 9;
  if (ctx.caps & CAP_AVX512) {
    hello.component_offset[5] = REG_OPMASK;
    hello.component_offset[6] = REG_ZMM_HI256;
    hello.component_offset[7] = REG_HI16_ZMM;
    direct |= 0xe0;
    hello.register_bytes = REG_FIXED_END;
  }
  ctx.other_mask = x & ~direct;
  if (ctx.other_mask) hello.register_bytes = REG_FIXED_END;
  for (int i = 2; i < 63; i++)
    if (has(ctx.other_mask, i)) {
      hello.component_offset[i] = (int32_t)hello.register_bytes;
      hello.register_bytes += (hello.leaf_d[i][0] + 63) & ~63u;
    }
  image_mask = x;
}

static void prepare(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);

  size_t area = hello.area_bytes + 4096, block = hello.register_bytes + 4096;
  void *clean = aligned(area);
  ctx.clean = clean;
  ctx.probe = aligned(area);
  ctx.other_before = aligned(area);
  ctx.other_after = aligned(area);
  ctx.before = aligned(block > 4096 + REG_FIXED_END ? block : 4096 + REG_FIXED_END);
  ctx.after = aligned(block > 4096 + REG_FIXED_END ? block : 4096 + REG_FIXED_END);
  ctx.load_mask = image_mask;
  /* XINUSE[1] proper; without XGETBV(1) the probe stands in for it. */
  ctx.probe_mask = ctx.caps & CAP_XGETBV1 ? 2 : image_mask;

  if (has(image_mask, 18)) { /* first use of TILEDATA: XFD is lifted by the kernel */
    uint8_t *first = aligned(area);
    uint64_t bits = 1ull << 18;
    uint32_t mxcsr = 0x1f80;
    memcpy(first + 24, &mxcsr, 4);
    memcpy(first + 512, &bits, 8);
    __asm__ volatile("xrstor64 (%0)" : : "r"(first), "a"((uint32_t)bits), "d"(0) : "memory");
    free(first);
  }
  __asm__ volatile("xsave64 (%0)" : : "r"(clean), "a"((uint32_t)image_mask), "d"((uint32_t)(image_mask >> 32)) : "memory");
  memcpy(&mxcsr_mask, (uint8_t *)clean + 28, 4);
  if (!mxcsr_mask) mxcsr_mask = 0xffbf;
}

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
