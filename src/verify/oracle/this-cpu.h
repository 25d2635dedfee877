/* Part of oracle.c: what CPUID and XGETBV say of this machine, the signal handler, and the memory that runs need. */
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
