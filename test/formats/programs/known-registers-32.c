/* The same for a 32-bit program without a C library: XMM0-XMM7 (YMM0-YMM7 with -DAVX) from byte 64n of a block whose
 * byte j is 7j + 13 mod 256, ST0-ST7 from byte 16n, MXCSR 3F80H, then UD2. */
static unsigned char block[512] __attribute__((aligned(64)));
static unsigned mxcsr = 0x3f80;

#ifdef AVX
#define LOAD(n) "vmovdqu 64*" #n "(%0), %%ymm" #n "\n"
#else
#define LOAD(n) "movdqu 64*" #n "(%0), %%xmm" #n "\n"
#endif

void _start(void) {
  for (int j = 0; j < 512; j++) block[j] = (unsigned char)(7 * j + 13);
  __asm__ volatile("fninit\nfldt 112(%0)\nfldt 96(%0)\nfldt 80(%0)\nfldt 64(%0)\nfldt 48(%0)\nfldt 32(%0)\nfldt 16(%0)\nfldt 0(%0)\n"
                   "ldmxcsr (%1)\n" LOAD(0) LOAD(1) LOAD(2) LOAD(3) LOAD(4) LOAD(5) LOAD(6) LOAD(7) "ud2\n"
                   : : "r"(block), "r"(&mxcsr) : "memory");
  for (;;) ;
}
