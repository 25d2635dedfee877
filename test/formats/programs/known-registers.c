/* Threads with known registers. Thread i (main is 0) fills a block of 2048 bytes, byte j being 7j + 31i + 13 mod 256,
 * and loads it: ZMMn, YMMn or XMMn from byte 64n, kn from byte 8n, STn from byte 16n; MXCSR is 1F80H + 2000H * i.
 *   known-registers crash      main runs into UD2 when all threads have loaded
 *   known-registers wait       main waits, so that a debugger can write a core
 *   known-registers frame F    main runs into UD2; its signal handler writes the stack, from ucontext to the end of the
 *                              floating-point part, to the file F
 * Prints "<index> <tid> <avx512|avx|sse>" for each thread, then "ready". */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define THREADS 3
enum { SSE, AVX, AVX512 };
static const char *const names[] = {"sse", "avx", "avx512"};
static int level;
static volatile int loaded;
static struct block { unsigned char bytes[2048]; } __attribute__((aligned(64))) blocks[THREADS];
static unsigned mxcsr[THREADS];

static int widest(void) {
  unsigned a, b, c, d, low, high;
  __cpuid(1, a, b, c, d);
  if (!(c & (1u << 27))) return SSE;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 0xe6) == 0xe6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 16)) && (b & (1u << 30))) return AVX512;
  return (low & 6) == 6 ? AVX : SSE;
}

#define LOAD(instruction, register, n) instruction " 64*" #n "(%0), %%" register #n "\n"
#define ALL16(instruction, r) LOAD(instruction, r, 0) LOAD(instruction, r, 1) LOAD(instruction, r, 2) LOAD(instruction, r, 3) \
  LOAD(instruction, r, 4) LOAD(instruction, r, 5) LOAD(instruction, r, 6) LOAD(instruction, r, 7) LOAD(instruction, r, 8) \
  LOAD(instruction, r, 9) LOAD(instruction, r, 10) LOAD(instruction, r, 11) LOAD(instruction, r, 12) LOAD(instruction, r, 13) \
  LOAD(instruction, r, 14) LOAD(instruction, r, 15)
#define HIGH16 LOAD("vmovdqu64", "zmm", 16) LOAD("vmovdqu64", "zmm", 17) LOAD("vmovdqu64", "zmm", 18) LOAD("vmovdqu64", "zmm", 19) \
  LOAD("vmovdqu64", "zmm", 20) LOAD("vmovdqu64", "zmm", 21) LOAD("vmovdqu64", "zmm", 22) LOAD("vmovdqu64", "zmm", 23) \
  LOAD("vmovdqu64", "zmm", 24) LOAD("vmovdqu64", "zmm", 25) LOAD("vmovdqu64", "zmm", 26) LOAD("vmovdqu64", "zmm", 27) \
  LOAD("vmovdqu64", "zmm", 28) LOAD("vmovdqu64", "zmm", 29) LOAD("vmovdqu64", "zmm", 30) LOAD("vmovdqu64", "zmm", 31)
#define MASKS "kmovq 0(%0), %%k0\nkmovq 8(%0), %%k1\nkmovq 16(%0), %%k2\nkmovq 24(%0), %%k3\n" \
  "kmovq 32(%0), %%k4\nkmovq 40(%0), %%k5\nkmovq 48(%0), %%k6\nkmovq 56(%0), %%k7\n"
/* FLD pushes, so the last one is ST0. */
#define X87 "fninit\nfldt 112(%0)\nfldt 96(%0)\nfldt 80(%0)\nfldt 64(%0)\nfldt 48(%0)\nfldt 32(%0)\nfldt 16(%0)\nfldt 0(%0)\nldmxcsr (%1)\n"
/* Counted when everything is loaded; main (%3 is 1) crashes, the others stay here. */
#define END "lock incl (%2)\ntest %3, %3\njnz 2f\n1: pause\njmp 1b\n2: ud2\n"
#define RUN(loads) __asm__ volatile(X87 loads END : : "r"(blocks[i].bytes), "r"(&mxcsr[i]), "r"(&loaded), "r"(crash) : "memory")

static void run(int i, int crash) {
  if (level == AVX512) RUN(ALL16("vmovdqu64", "zmm") HIGH16 MASKS);
  else if (level == AVX) RUN(ALL16("vmovdqu", "ymm"));
  else RUN(ALL16("movdqu", "xmm"));
}

static void announce(int i) {
  printf("%d %ld %s\n", i, syscall(SYS_gettid), names[level]);
  fflush(stdout);
}

static void *thread(void *argument) {
  int i = (int)(intptr_t)argument;
  announce(i);
  run(i, 0);
  return 0;
}

static const char *frame_file;

static void handler(int number, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  const unsigned char *fp = (const unsigned char *)uc->uc_mcontext.fpregs;
  unsigned extended;
  (void)number;
  (void)info;
  memcpy(&extended, fp + 468, 4);
  int file = open(frame_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  size_t size = (size_t)(fp + extended - (const unsigned char *)uc);
  _exit(write(file, uc, size) == (ssize_t)size ? 0 : 1);
}

int main(int count, char **arguments) {
  int crash = count > 1 && strcmp(arguments[1], "wait") != 0;
  if (count > 2) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    frame_file = arguments[2];
    sigaction(SIGILL, &action, 0);
  }
  level = widest();
  for (int i = 0; i < THREADS; i++) {
    mxcsr[i] = 0x1f80 + 0x2000 * i;
    for (int j = 0; j < 2048; j++) blocks[i].bytes[j] = (unsigned char)(7 * j + 31 * i + 13);
  }
  announce(0);
  for (int i = 1; i < THREADS; i++) {
    pthread_t id;
    if (pthread_create(&id, 0, thread, (void *)(intptr_t)i)) return 1;
  }
  while (loaded < THREADS - 1) usleep(1000);
  puts("ready");
  fflush(stdout);
  run(0, crash);
}
