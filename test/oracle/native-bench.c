/*
 * native-bench: an N-API addon that times this CPU's own XSAVE-family instructions, and C copies of the same
 * bytes, inside the process that measures the TypeScript savers.
 *
 *   cc -O3 -march=native -fno-tree-loop-distribute-patterns -shared -fPIC -I<node headers> \
 *     -o native-bench.node native-bench.c
 *
 * build-native-bench.ts puts one function per copy plan in the place marked below (-DWITH_PLANS), with all
 * offsets and lengths as constants, which is the best form that C has.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <cpuid.h>
#include <node_api.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void (*plan_function)(uint8_t *restrict to, const uint8_t *restrict from);

/*
 * 64 bytes at a time in the widest vectors that -march=native has; the tail overlaps. The compiler flag above keeps
 * GCC from turning the loop back into a memcpy call.
 */
typedef uint8_t block __attribute__((vector_size(64), aligned(1), may_alias));

static inline __attribute__((always_inline)) void vector_copy(uint8_t *restrict to, const uint8_t *restrict from, size_t n) {
  if (n < 64) {
    memcpy(to, from, n);
    return;
  }
  size_t i = 0;
  for (; i + 64 <= n; i += 64) *(block *)(to + i) = *(const block *)(from + i);
  if (i < n) *(block *)(to + n - 64) = *(const block *)(from + n - 64);
}

static inline __attribute__((always_inline)) void header_store(uint8_t *to, uint64_t keep, uint64_t value) {
  uint64_t word = value;
  if (keep) {
    memcpy(&word, to, 8);
    word = (word & keep) | value;
  }
  memcpy(to, &word, 8);
}

#ifdef WITH_PLANS
/* @plans: plan_memcpy[], plan_vector[], plan_end[], plan_source_end[] */
enum { PLAN_COUNT = sizeof plan_memcpy / sizeof *plan_memcpy };
#else
static const plan_function plan_memcpy[] = {0}, plan_vector[] = {0};
static const uint32_t plan_end[] = {0}, plan_source_end[] = {0};
enum { PLAN_COUNT = 0 };
#endif

enum { XSAVE64, XSAVEC64, XSAVEOPT64, XRSTOR64, FXSAVE64, FXRSTOR64, INSTRUCTIONS };

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

/* Argument helpers: each throws and returns 0 on a bad argument. */
static napi_value fail(napi_env env, const char *text) {
  napi_throw_range_error(env, NULL, text);
  return NULL;
}

static int number(napi_env env, napi_value value, double *to) {
  if (napi_get_value_double(env, value, to) == napi_ok && *to >= 0 && *to <= 9007199254740991.0) return 1;
  fail(env, "native-bench: a non-negative number expected");
  return 0;
}

static int bytes(napi_env env, napi_value value, uint8_t **data, size_t *length) {
  bool is = false;
  napi_typedarray_type type;
  void *p = NULL;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is &&
      napi_get_typedarray_info(env, value, &type, length, &p, NULL, NULL) == napi_ok && type == napi_uint8_array && (p || *length == 0)) {
    *data = p;
    return 1;
  }
  fail(env, "native-bench: a Uint8Array expected");
  return 0;
}

static napi_value result(napi_env env, double value) {
  napi_value v;
  napi_create_double(env, value, &v);
  return v;
}

/* Would XRSTOR64 of this image be harmless to the process? Text of the objection, or NULL. */
static const char *objection(const uint8_t *image, size_t length, uint64_t mask, uint64_t xcr) {
  uint64_t bv, xcomp, rest[6];
  uint32_t mxcsr, mxcsr_mask, eax, ebx, ecx, edx;
  uint8_t fx[512] __attribute__((aligned(16)));
  if ((uintptr_t)image & 63) return "native-bench: image is not 64-byte aligned";
  if (length < 576) return "native-bench: image is too short";
  memcpy(&bv, image + 512, 8);
  memcpy(&xcomp, image + 520, 8);
  memcpy(rest, image + 528, 48);
  const int compacted = (int)(xcomp >> 63);
  const uint64_t map = compacted ? xcomp & ~(1ull << 63) : xcr;
  if ((!compacted && xcomp) || map & ~xcr || bv & ~map || rest[0]) return "native-bench: illegal XSAVE header";
  for (int i = 1; compacted && i < 6; i++)
    if (rest[i]) return "native-bench: illegal XSAVE header";
  memset(fx, 0, sizeof fx);
  __asm__ volatile("fxsave64 %0" : "=m"(fx));
  memcpy(&mxcsr_mask, fx + 28, 4);
  memcpy(&mxcsr, image + 24, 4);
  if (mxcsr & ~(mxcsr_mask ? mxcsr_mask : 0xffbf)) return "native-bench: reserved MXCSR bits";
  uint32_t at = 576;
  for (uint32_t i = 2; i < 63; i++) {
    if (!(map >> i & 1)) continue;
    __cpuid_count(0xd, i, eax, ebx, ecx, edx);
    if (compacted && ecx & 2) at = (at + 63) & ~63u;
    const uint32_t place = compacted ? at : ebx;
    at += eax;
    if (!(mask >> i & 1)) continue;
    if (place + eax > length) return "native-bench: image is too short";
    if (i == 9 && bv >> 9 & 1 && image[place] & 3) return "native-bench: PKRU of the image denies protection key 0";
  }
  (void)edx;
  return NULL;
}

/* Bytes that an area needs for a mask. */
static uint32_t extent(int instruction, uint64_t rfbm) {
  uint32_t eax, ebx, ecx, edx, end = 576, packed = 576;
  if (instruction >= FXSAVE64) return 512;
  for (uint32_t i = 2; i < 63; i++) {
    if (!(rfbm >> i & 1)) continue;
    __cpuid_count(0xd, i, eax, ebx, ecx, edx);
    if (ecx & 2) packed = (packed + 63) & ~63u;
    packed += eax;
    if (ebx + eax > end) end = ebx + eax;
  }
  (void)edx;
  return instruction == XSAVEC64 ? packed : end;
}

/*
 * One timed loop per instruction: the state is loaded, n iterations run from slot to slot, the process's own
 * state comes back. General-purpose registers only in between. slots * stride bytes are walked cyclically.
 */
#define TIMED(name, text)                                                                                     \
  static __attribute__((noinline)) void loop_##name(const void *state, uint64_t state_mask, void *area,       \
                                                    uint64_t mask, uint64_t n, uint64_t stride, uint64_t end, \
                                                    const void *clean, uint64_t all) {                        \
    struct { const void *state; uint64_t smask; void *area; uint64_t mask, n, stride, end; const void *clean; uint64_t all; } \
    c = {state, state_mask, area, mask, n, stride, end, clean, all};                                          \
    __asm__ volatile(                                                                                         \
        "movq (%0), %%rdi\n movl 8(%0), %%eax\n movl 12(%0), %%edx\n xrstor64 (%%rdi)\n"                      \
        "movq 16(%0), %%rdi\n movl 24(%0), %%eax\n movl 28(%0), %%edx\n movq 32(%0), %%rcx\n"                 \
        "movq %%rdi, %%rsi\n movq %%rdi, %%r8\n addq 48(%0), %%r8\n movq 40(%0), %%r9\n"                      \
        ".p2align 5\n"                                                                                        \
        "1: " text " (%%rsi)\n"                                                                               \
        "addq %%r9, %%rsi\n cmpq %%r8, %%rsi\n cmovaeq %%rdi, %%rsi\n decq %%rcx\n jnz 1b\n"                  \
        "movq 56(%0), %%rdi\n movl 64(%0), %%eax\n movl 68(%0), %%edx\n xrstor64 (%%rdi)\n"                   \
        :                                                                                                     \
        : "b"(&c)                                                                                             \
        : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3",       \
          "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                                     \
  }

TIMED(xsave64, "xsave64")
TIMED(xsavec64, "xsavec64")
TIMED(xsaveopt64, "xsaveopt64")
TIMED(xrstor64, "xrstor64")
TIMED(fxsave64, "fxsave64")
TIMED(fxrstor64, "fxrstor64")

/* timeInstruction(instruction, maskLow, maskHigh, iterations, state, area, stride, slots) -> ns per iteration */
static napi_value time_instruction(napi_env env, napi_callback_info info) {
  napi_value a[8];
  size_t argc = 8, state_length, area_length;
  double v[4], stride, slots;
  uint8_t *state, *area;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  for (int i = 0; i < 4; i++) if (!number(env, a[i], &v[i])) return NULL;
  if (!bytes(env, a[4], &state, &state_length) || !bytes(env, a[5], &area, &area_length)) return NULL;
  if (!number(env, a[6], &stride) || !number(env, a[7], &slots)) return NULL;
  const int instruction = (int)v[0];
  const uint64_t mask = (uint64_t)(uint32_t)v[2] << 32 | (uint32_t)v[1], n = (uint64_t)v[3];
  const uint64_t xcr = xcr0() & ~(1ull << 18); /* TILEDATA would need the kernel's permission */
  uint32_t eax, ebx, ecx, edx;
  __cpuid_count(0xd, 1, eax, ebx, ecx, edx);
  if (instruction < 0 || instruction >= INSTRUCTIONS) return fail(env, "native-bench: unknown instruction");
  if ((instruction == XSAVEC64 && !(eax & 2)) || (instruction == XSAVEOPT64 && !(eax & 1)))
    return fail(env, "native-bench: this CPU has no such instruction");
  if (n < 1 || slots < 1 || stride > 1e9 || slots > 1e9) return fail(env, "native-bench: iterations, stride or slots out of range");
  const uint64_t step = (uint64_t)stride, end = slots == 1 ? 1 : step * (uint64_t)slots;
  const uint64_t walk = slots == 1 ? 0 : step * ((uint64_t)slots - 1);
  if ((uintptr_t)area & 63 || step & 63 || (slots > 1 && step == 0)) return fail(env, "native-bench: area or stride is not a multiple of 64");
  if (walk + extent(instruction, mask & xcr) > area_length) return fail(env, "native-bench: area is too short");
  const uint64_t load = xcr & ~(1ull << 9); /* this process's protection keys stay as they are */
  const char *why = objection(state, state_length, load, xcr);
  uint64_t state_comp;
  if (!why) {
    memcpy(&state_comp, state + 520, 8);
    if (state_comp) why = "native-bench: state has to be in the standard format";
  }
  for (uint64_t at = 0; !why && instruction == XRSTOR64 && at <= walk; at += step ? step : walk + 1)
    why = objection(area + at, area_length - at, mask, xcr);
  for (uint64_t at = 0; !why && instruction == FXRSTOR64 && at <= walk; at += step ? step : walk + 1)
    if ((area[at + 26] | area[at + 27]) != 0) why = "native-bench: reserved MXCSR bits";
  if (why) return fail(env, why);
  static uint8_t *clean;
  if (!clean && !(clean = aligned_alloc(64, 16384))) return fail(env, "native-bench: out of memory");
  memset(clean, 0, 16384);
  /* Everything is loaded back, PKRU included, since XRSTOR64 under test may load it. */
  __asm__ volatile("xsave64 (%0)" : : "r"(clean), "a"((uint32_t)xcr), "d"((uint32_t)(xcr >> 32)) : "memory");
  static void (*const loops[])(const void *, uint64_t, void *, uint64_t, uint64_t, uint64_t, uint64_t, const void *, uint64_t) = {
      loop_xsave64, loop_xsavec64, loop_xsaveopt64, loop_xrstor64, loop_fxsave64, loop_fxrstor64};
  const uint64_t safe = mask & xcr;
  const uint64_t start = now();
  loops[instruction](state, load, area, safe, n, step, end, clean, xcr);
  return result(env, (double)(now() - start) / (double)n);
}

/* Walks a ring with one body; `to` and `end` as above. */
#define RING(body)                                           \
  do {                                                       \
    uint8_t *to = area;                                      \
    uint8_t *const last = area + walk;                       \
    start = now();                                           \
    for (uint64_t i = 0; i < n; i++) {                       \
      body;                                                  \
      __asm__ volatile("" ::: "memory");                     \
      to = to >= last ? area : to + step;                    \
    }                                                        \
    elapsed = now() - start;                                 \
  } while (0)

/* timePlan(plan, vector, iterations, source, area, stride, slots) -> ns per iteration */
static napi_value time_plan(napi_env env, napi_callback_info info) {
  napi_value a[7];
  size_t argc = 7, source_length, area_length;
  double v[3], stride, slots;
  uint8_t *source, *area;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  for (int i = 0; i < 3; i++) if (!number(env, a[i], &v[i])) return NULL;
  if (!bytes(env, a[3], &source, &source_length) || !bytes(env, a[4], &area, &area_length)) return NULL;
  if (!number(env, a[5], &stride) || !number(env, a[6], &slots)) return NULL;
  const uint64_t n = (uint64_t)v[2], step = (uint64_t)stride;
  if (v[0] >= PLAN_COUNT) return fail(env, "native-bench: no such plan");
  if (n < 1 || slots < 1 || stride > 1e9 || slots > 1e9) return fail(env, "native-bench: iterations, stride or slots out of range");
  const int plan = (int)v[0];
  const uint64_t walk = step * ((uint64_t)slots - 1);
  if (walk + plan_end[plan] > area_length || plan_source_end[plan] > source_length) return fail(env, "native-bench: buffer is too short");
  const plan_function copy = v[1] != 0 ? plan_vector[plan] : plan_memcpy[plan];
  uint64_t start, elapsed;
  RING(copy(to, source));
  return result(env, (double)elapsed / (double)n);
}

/* timeSegments(triples, headers, iterations, source, area, stride, slots): run-time lists, plain memcpy.
   triples: u32 (from, to, length); headers: (u32 offset, u32 0, u64 keep, u64 value). */
static napi_value time_segments(napi_env env, napi_callback_info info) {
  napi_value a[7];
  size_t argc = 7, triples_length, headers_length, source_length, area_length;
  double iterations, stride, slots;
  uint8_t *triple_bytes, *header_bytes, *source, *area;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  if (!bytes(env, a[0], &triple_bytes, &triples_length)) return NULL;
  if (!bytes(env, a[1], &header_bytes, &headers_length)) return NULL;
  if (!number(env, a[2], &iterations)) return NULL;
  if (!bytes(env, a[3], &source, &source_length) || !bytes(env, a[4], &area, &area_length)) return NULL;
  if (!number(env, a[5], &stride) || !number(env, a[6], &slots)) return NULL;
  struct segment { uint32_t from, to, length; } segments[64];
  struct header { uint32_t offset, zero; uint64_t keep, value; } headers[8];
  const size_t count = triples_length / sizeof *segments, header_count = headers_length / sizeof *headers;
  if (count > 64 || header_count > 8) return fail(env, "native-bench: too many segments");
  if (count) memcpy(segments, triple_bytes, count * sizeof *segments);
  if (header_count) memcpy(headers, header_bytes, header_count * sizeof *headers);
  const uint64_t n = (uint64_t)iterations, step = (uint64_t)stride;
  if (n < 1 || slots < 1 || stride > 1e9 || slots > 1e9) return fail(env, "native-bench: iterations, stride or slots out of range");
  const uint64_t walk = step * ((uint64_t)slots - 1);
  for (size_t i = 0; i < count; i++)
    if ((uint64_t)segments[i].from + segments[i].length > source_length || walk + segments[i].to + segments[i].length > area_length)
      return fail(env, "native-bench: buffer is too short");
  for (size_t i = 0; i < header_count; i++)
    if (walk + headers[i].offset + 8 > area_length) return fail(env, "native-bench: buffer is too short");
  uint64_t start, elapsed;
  RING({
    for (size_t s = 0; s < count; s++) memcpy(to + segments[s].to, source + segments[s].from, segments[s].length);
    for (size_t h = 0; h < header_count; h++) header_store(to + headers[h].offset, headers[h].keep, headers[h].value);
  });
  return result(env, (double)elapsed / (double)n);
}

/* timeMemcpy(length, vector, iterations, source, area, stride, slots) -> ns per iteration */
static napi_value time_memcpy(napi_env env, napi_callback_info info) {
  napi_value a[7];
  size_t argc = 7, source_length, area_length;
  double v[3], stride, slots;
  uint8_t *source, *area;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  for (int i = 0; i < 3; i++) if (!number(env, a[i], &v[i])) return NULL;
  if (!bytes(env, a[3], &source, &source_length) || !bytes(env, a[4], &area, &area_length)) return NULL;
  if (!number(env, a[5], &stride) || !number(env, a[6], &slots)) return NULL;
  const uint64_t n = (uint64_t)v[2], step = (uint64_t)stride;
  const size_t length = (size_t)v[0];
  if (n < 1 || slots < 1 || stride > 1e9 || slots > 1e9) return fail(env, "native-bench: iterations, stride or slots out of range");
  const uint64_t walk = step * ((uint64_t)slots - 1);
  if (length > source_length || walk + length > area_length) return fail(env, "native-bench: buffer is too short");
  uint64_t start, elapsed;
  if (v[1] != 0) RING(vector_copy(to, source, length));
  else RING(memcpy(to, source, length));
  return result(env, (double)elapsed / (double)n);
}

/* runPlan(plan, vector, source, area): once, to check what the C form writes. */
static napi_value run_plan(napi_env env, napi_callback_info info) {
  napi_value a[4];
  size_t argc = 4, source_length, area_length;
  double v[2];
  uint8_t *source, *area;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  for (int i = 0; i < 2; i++) if (!number(env, a[i], &v[i])) return NULL;
  if (!bytes(env, a[2], &source, &source_length) || !bytes(env, a[3], &area, &area_length)) return NULL;
  if (v[0] >= PLAN_COUNT) return fail(env, "native-bench: no such plan");
  const int plan = (int)v[0];
  if (plan_end[plan] > area_length || plan_source_end[plan] > source_length) return fail(env, "native-bench: buffer is too short");
  (v[1] != 0 ? plan_vector[plan] : plan_memcpy[plan])(area, source);
  return NULL;
}

/* addressModulo64(bytes) */
static napi_value address_modulo64(napi_env env, napi_callback_info info) {
  napi_value a[1];
  size_t argc = 1, length;
  uint8_t *data;
  napi_get_cb_info(env, info, &argc, a, NULL, NULL);
  if (!bytes(env, a[0], &data, &length)) return NULL;
  return result(env, (double)((uintptr_t)data & 63));
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } functions[] = {
      {"timeInstruction", time_instruction}, {"timePlan", time_plan}, {"timeSegments", time_segments},
      {"timeMemcpy", time_memcpy}, {"runPlan", run_plan}, {"addressModulo64", address_modulo64}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value f;
    napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &f);
    napi_set_named_property(env, exports, functions[i].name, f);
  }
  napi_value low, high;
  napi_create_double(env, (double)(uint32_t)xcr0(), &low);
  napi_create_double(env, (double)(xcr0() >> 32), &high);
  napi_set_named_property(env, exports, "xcr0Low", low);
  napi_set_named_property(env, exports, "xcr0High", high);
  return exports;
}
