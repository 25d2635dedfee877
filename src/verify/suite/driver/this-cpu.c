/*
 * The CPU that the driver runs on as implementation (Linux on x86-64, user mode). For an emulator or a hypervisor write
 * another file with applies() and execute() and link that one; nothing else has to change.
 */
#define _GNU_SOURCE
#include "suite.h"
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Offsets are spelt out in the assembly: only general-purpose registers are touched between load and store. */
struct run {
  const void *load;                   /* 0 */
  uint64_t load_mask;                 /* 8 */
  void *area;                         /* 16 */
  uint64_t mask, instruction;         /* 24, 32 */
  void *after;                        /* 40 */
  const void *clean;                  /* 48 */
  uint64_t has_xgetbv1, xinuse;       /* 56, 64 */
};

__asm__(".text\n"
        ".globl d_run\n.hidden d_run\n"
        "d_run:\n"
        "  pushq %rbx\n"
        "  movq %rdi, %rbx\n"
        "  movq 0(%rbx), %rdi\n  movl 8(%rbx), %eax\n  movl 12(%rbx), %edx\n"
        "  xrstor64 (%rdi)\n"
        "  cmpq $0, 56(%rbx)\n  je 1f\n"
        "  movl $1, %ecx\n  xgetbv\n  shlq $32, %rdx\n  orq %rdx, %rax\n  movq %rax, 64(%rbx)\n"
        "1: movq 16(%rbx), %rdi\n  movl 24(%rbx), %eax\n  movl 28(%rbx), %edx\n"
        "  movq 32(%rbx), %rcx\n  shlq $4, %rcx\n  leaq d_test(%rip), %rsi\n  addq %rcx, %rsi\n  jmp *%rsi\n"
        ".p2align 4\n.globl d_test\n.hidden d_test\n"
        "d_test:\n"
        ".irp i,xsave64,xsavec64,xsaveopt64,xsave,xrstor64,xrstor\n"
        "  .p2align 4\n  \\i (%rdi)\n  jmp d_end\n"
        ".endr\n"
        "  .p2align 4\n.globl d_end\n.hidden d_end\n"
        "d_end:\n"
        "  movq 40(%rbx), %rdi\n  movl 8(%rbx), %eax\n  movl 12(%rbx), %edx\n  xsave64 (%rdi)\n"
        "  movq 48(%rbx), %rdi\n  xrstor64 (%rdi)\n"
        "  popq %rbx\n  ret\n");
void d_run(struct run *run);
extern const char d_test[], d_end[];
static const char *const INSTRUCTIONS[] = {"XSAVE64", "XSAVEC64", "XSAVEOPT64", "XSAVE", "XRSTOR64", "XRSTOR"};
enum { INSTRUCTION_COUNT = 6, BUFFER = 65536 };

static volatile unsigned cpu_fault;

static void on_fault(int number, siginfo_t *info, void *data) {
  greg_t *registers = ((ucontext_t *)data)->uc_mcontext.gregs;
  uintptr_t rip = (uintptr_t)registers[REG_RIP];
  (void)info;
  if (rip < (uintptr_t)d_test || rip >= (uintptr_t)d_end) {
    signal(number, SIG_DFL); /* not the instruction under test: die of it */
    return;
  }
  cpu_fault = (unsigned)registers[REG_TRAPNO];
  registers[REG_RIP] = (greg_t)(uintptr_t)d_end;
}

static struct { int ready; uint64_t xcr0, loadable; uint32_t features, mxcsr_mask; const char *x87_pointers; int pkru_upper_kept; } cpu;

static void *buffer(void) {
  void *p = aligned_alloc(4096, BUFFER);
  if (!p) abort();
  return memset(p, 0, BUFFER);
}

/* Loads an image, executes one instruction over an area; registers afterwards as a standard-format area. */
static void run_on_cpu(int instruction, uint64_t mask, const void *load, void *area, void *after, uint64_t *xinuse) {
  static void *clean;
  if (!clean) {
    clean = buffer();
    const uint32_t mxcsr = 0x1f80;
    memcpy((uint8_t *)clean + 24, &mxcsr, 4);
  }
  struct run run = {load, cpu.loadable, area, mask, (uint64_t)instruction, after, clean, cpu.features >> 2 & 1, 0};
  memset((uint8_t *)after + 512, 0, 64);
  cpu_fault = 0;
  d_run(&run);
  *xinuse = run.xinuse;
}

/* Measures the vendor's rules: they are what the cases differ in, not the vendor's name. */
static void look_at_cpu(void) {
  uint32_t a, b, c, d;
  cpu.ready = -1;
  if (__get_cpuid_max(0, 0) < 0xd) return;
  __cpuid(1, a, b, c, d);
  if (!(c >> 27 & 1)) return; /* OSXSAVE */
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  cpu.xcr0 = cpu.loadable = (uint64_t)d << 32 | a;
  if (has(cpu.xcr0, 18)) { /* TILEDATA: with the kernel's permission only */
    uint64_t granted = 0;
    syscall(SYS_arch_prctl, 0x1023, 18UL);
    if (syscall(SYS_arch_prctl, 0x1022, &granted) != 0 || !has(granted, 18)) cpu.loadable &= ~(UINT64_C(1) << 18);
  }
  __cpuid_count(0xd, 1, cpu.features, b, c, d);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGILL, &action, NULL);
  uint8_t *load = buffer(), *area = buffer(), *after = buffer();
  uint64_t xinuse;
  const uint32_t mxcsr = 0x1f80;
  memcpy(load + 24, &mxcsr, 4);
  load[0] = 0x7f, load[1] = 0x03, load[4] = 1, load[512] = 1, load[8] = 0x11; /* FIP 11H, a register not empty */
  memset(area, 0xa5, 512);
  run_on_cpu(0, cpu.xcr0, load, area, after, &xinuse);
  cpu.x87_pointers = area[8] == 0x11 ? "saved" : area[8] == 0xa5 ? "kept-unless-es" : "zero-unless-es";
  memcpy(&cpu.mxcsr_mask, area + 28, 4);
  if (!cpu.mxcsr_mask) cpu.mxcsr_mask = 0xffbf;
  if (has(cpu.xcr0, 9)) {
    __cpuid_count(0xd, 9, a, b, c, d);
    memset(area + b, 0xa5, 8);
    run_on_cpu(0, cpu.xcr0, load, area, after, &xinuse);
    cpu.pkru_upper_kept = area[b + 4] == 0xa5;
  }
  free(load), free(area), free(after);
  cpu.ready = 1;
}

static int instruction_of(const struct test_case *c) {
  for (int i = 0; i < INSTRUCTION_COUNT; i++) if (!strcmp(INSTRUCTIONS[i], c->instruction)) return i;
  return -1;
}

const char *applies(const struct test_case *c) {
  if (!cpu.ready) look_at_cpu();
  if (cpu.ready < 0) return "this CPU or system has no XSAVE";
  int instruction = instruction_of(c);
  if (instruction < 0) return "the instruction needs CPL 0, or this driver does not have it";
  if (c->xcr0 != cpu.xcr0) return "another XCR0 than this CPU's";
  if (c->xfd) return "IA32_XFD can be set at CPL 0 only";
  if (c->xinuse & c->xcr0 & ~cpu.loadable) return "TILEDATA without the system's permission";
  if (instruction == 1 && !(cpu.features & 2)) return "this CPU has no XSAVEC";
  if (instruction == 2 && !(cpu.features & 1)) return "this CPU has no XSAVEOPT";
  for (int i = 2; i < COMPONENTS; i++) {
    uint32_t size, offset, flags, edx;
    if (!has(c->xcr0, i)) continue;
    __cpuid_count(0xd, i, size, offset, flags, edx);
    if (size != c->row[i].size || offset != c->row[i].offset || flags != c->row[i].flags)
      return "another layout than this CPU's (CPUID leaf 0DH)";
  }
  if (strcmp(c->x87_pointers, cpu.x87_pointers)) return "another rule for FOP, FIP and FDP than this CPU's";
  if (c->mxcsr_mask != cpu.mxcsr_mask) return "another MXCSR_MASK than this CPU's";
  if (has(c->xcr0, 9) && c->pkru_upper_kept != cpu.pkru_upper_kept) return "another rule for bytes 4-7 of PKRU than this CPU's";
  return NULL;
}

void execute(const struct test_case *c, struct outcome *o) {
  static uint8_t *load, *place, *after;
  enum { ATTEMPTS = 16 };
  if (!load) load = buffer(), place = buffer(), after = buffer();
  if (c->area.length > BUFFER / 2) {
    o->skipped = "the area is larger than this driver's buffer";
    return;
  }
  const uint64_t in_use = c->xinuse & c->xcr0;
  memset(load, 0, BUFFER);
  memcpy(load, c->state[0].data, LEGACY_COMPARED);
  memcpy(load + 512, &in_use, 8);
  for (int i = 2; i < COMPONENTS; i++)
    if (has(in_use, i)) memcpy(load + c->row[i].offset, c->state[i].data, c->state[i].length);
  uint8_t *area = place + 64 + c->misalign;
  uint64_t seen;
  for (int attempt = 0;; attempt++) {
    memset(place, 0x5a, BUFFER);
    memcpy(area, c->area.data, c->area.length);
    run_on_cpu(instruction_of(c), c->mask, load, area, after, &seen);
    if (!(cpu.features & 4) || ((seen ^ in_use) & ~UINT64_C(2)) == 0) break;
    /* A context switch in between may have changed XINUSE. */
    if (attempt == ATTEMPTS) {
      o->skipped = "XINUSE cannot be set as the case has it";
      return;
    }
  }
  o->fault = cpu_fault;
  memcpy(o->area, area, c->area.length);
  for (const uint8_t *p = place; p < place + BUFFER; p++)
    if ((p < area || p >= area + c->area.length) && *p != 0x5a) o->fault = 0xffff; /* wrote outside the area */
  memcpy(o->state[0], after, LEGACY_COMPARED);
  for (int i = 2; i < COMPONENTS; i++)
    if (has(c->xcr0, i) && o->state[i]) memcpy(o->state[i], after + c->row[i].offset, c->state[i].length);
}
#else
const char *applies(const struct test_case *c) {
  (void)c;
  return "no implementation: write applies() and execute() for yours";
}
void execute(const struct test_case *c, struct outcome *o) { (void)c, (void)o; }
#endif
