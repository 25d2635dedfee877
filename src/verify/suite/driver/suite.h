/* A case, an outcome, and the two functions that an implementation of the XSAVE family gives to the driver. */
#ifndef XSAVEKIT_SUITE_H
#define XSAVEKIT_SUITE_H
#include <stddef.h>
#include <stdint.h>

#define SUITE_VERSION 1
#define COMPONENTS 63
#define LEGACY_COMPARED 416 /* bytes 416-511 are no registers */

struct bytes { uint8_t *data; size_t length; };

/* One case as the file has it. Component 0 of a state is the legacy region (512 bytes as FXSAVE64 stores them). */
struct test_case {
  char id[96], origin[16], vendor[16], instruction[16], x87_pointers[24];
  unsigned family, model, stepping;
  uint64_t xcr0, xss, xfd, mask, rfbm;
  uint64_t xinuse;    /* bit 1 about XMM alone; supervisor components too */
  uint32_t mxcsr_mask;
  int pkru_upper_kept; /* saves leave bytes 4-7 of PKRU alone */
  struct { uint32_t size, offset, flags; } row[COMPONENTS]; /* CPUID.(0DH,i): EAX, EBX, ECX */
  uint32_t misalign;  /* bytes by which the area misses a multiple of 64 */
  struct bytes state[COMPONENTS]; /* registers beforehand */
  struct bytes area;  /* memory beforehand */
  unsigned expect_fault; /* exception vector, 0: none */
  struct bytes expect_area; /* empty: unchanged */
  struct bytes expect_state[COMPONENTS]; /* registers afterwards: restores only */
  int has_uintr_misc;
  uint64_t expect_uintr_misc; /* IA32_UINTR_MISC after XSAVES */
};

/* What the implementation did. Buffers are as long as those of the case and hold its contents beforehand. */
struct outcome {
  unsigned fault;
  uint8_t *area;
  uint8_t *state[COMPONENTS];
  const char *skipped; /* set: could not be tried after all, and why */
};

static inline int has(uint64_t mask, int bit) { return (int)(mask >> bit & 1); }

/* NULL if the implementation can be asked, else why not: a text that stays. */
const char *applies(const struct test_case *c);

/* Sets the registers to `state` with XINUSE as given, executes, and fills in the outcome. */
void execute(const struct test_case *c, struct outcome *o);

#endif
