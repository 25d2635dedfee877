/*
 * driver: runs the cases of this suite against an implementation of the XSAVE family and compares whole areas,
 * registers and faults. Plain C11.
 *
 *   cc -std=c11 -O2 -o driver driver/driver.c driver/this-cpu.c
 *   ./driver text/NAME.txt ...
 *
 * this-cpu.c is the CPU that it runs on; cases that do not fit it are reported as not applicable, with the reason.
 * README.md describes the lines that are read here.
 *
 * Exit status: 0 all applicable cases passed, 1 some failed, 2 a file cannot be read.
 */
#include "suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *file_name;
static unsigned long line_number;

static void bad(const char *what) {
  fprintf(stderr, "%s:%lu: %s\n", file_name, line_number, what);
  exit(2);
}

/* A line without its end, in a buffer that grows; NULL at the end of the file. */
static char *read_line(FILE *file) {
  static char *line;
  static size_t room;
  size_t length = 0;
  for (int ch; (ch = fgetc(file)) != EOF;) {
    if (length + 1 >= room && !(line = realloc(line, room = room ? 2 * room : 4096))) bad("out of memory");
    if (ch == '\n') {
      line[length] = 0;
      line_number++;
      return line;
    }
    line[length++] = (char)ch;
  }
  if (length) bad("the last line has no end");
  return NULL;
}

static int digit(char ch) {
  if (ch >= '0' && ch <= '9') return ch - '0';
  if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
  return -1;
}

static struct bytes read_bytes(const char *hex) {
  struct bytes b = {NULL, strlen(hex) / 2};
  if (strlen(hex) % 2 || !b.length) bad("expected an even number of hexadecimal digits");
  if (!(b.data = malloc(b.length))) bad("out of memory");
  for (size_t i = 0; i < b.length; i++) {
    int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) bad("not a hexadecimal digit");
    b.data[i] = (uint8_t)(high << 4 | low);
  }
  return b;
}

static void read_state(struct bytes *state, const char *text) {
  char *rest;
  unsigned long index = strtoul(text, &rest, 10);
  if (index >= COMPONENTS || *rest != ' ') bad("expected a component number and its bytes");
  state[index] = read_bytes(rest + 1);
}

static void read_word(char *to, size_t room, const char *text) {
  if (strlen(text) >= room) bad("a word is too long");
  strcpy(to, text);
}

/* Fills the case from one line; true at its end. */
static int read_field(struct test_case *c, char *line) {
  char *text = strchr(line, ' ');
  if (text) *text++ = 0;
  else text = line + strlen(line);
  const char *key = line;
  const uint64_t number = strtoull(text, NULL, 16);
  unsigned i, size, offset, flags;
  if (!strcmp(key, "end")) return 1;
  if (!strcmp(key, "origin")) read_word(c->origin, sizeof c->origin, text);
  else if (!strcmp(key, "instruction")) read_word(c->instruction, sizeof c->instruction, text);
  else if (!strcmp(key, "x87-pointers")) read_word(c->x87_pointers, sizeof c->x87_pointers, text);
  else if (!strcmp(key, "vendor")) read_word(c->vendor, sizeof c->vendor, text);
  else if (!strcmp(key, "signature")) {
    if (sscanf(text, "%u %u %u", &c->family, &c->model, &c->stepping) != 3) bad("expected family, model and stepping");
  } else if (!strcmp(key, "row")) {
    if (sscanf(text, "%u %u %u %u", &i, &size, &offset, &flags) != 4 || i >= COMPONENTS) bad("expected a row of leaf 0DH");
    c->row[i].size = size, c->row[i].offset = offset, c->row[i].flags = flags;
  } else if (!strcmp(key, "xcr0")) c->xcr0 = number;
  else if (!strcmp(key, "xss")) c->xss = number;
  else if (!strcmp(key, "xfd")) c->xfd = number;
  else if (!strcmp(key, "mask")) c->mask = number;
  else if (!strcmp(key, "rfbm")) c->rfbm = number;
  else if (!strcmp(key, "xinuse")) c->xinuse = number;
  else if (!strcmp(key, "mxcsr-mask")) c->mxcsr_mask = (uint32_t)number;
  else if (!strcmp(key, "pkru-upper-bytes")) c->pkru_upper_kept = !strcmp(text, "kept");
  else if (!strcmp(key, "misalign")) c->misalign = (uint32_t)number;
  else if (!strcmp(key, "state")) read_state(c->state, text);
  else if (!strcmp(key, "area")) c->area = read_bytes(text);
  else if (!strcmp(key, "expect-fault")) c->expect_fault = (unsigned)number;
  else if (!strcmp(key, "expect-area")) c->expect_area = read_bytes(text);
  else if (!strcmp(key, "expect-state")) read_state(c->expect_state, text);
  else if (!strcmp(key, "expect-uintr-misc")) c->expect_uintr_misc = number, c->has_uintr_misc = 1;
  /* Other keys are of a later revision of the format and do not change the meaning of these. */
  return 0;
}

static unsigned long passed, failed, not_applicable;
static struct { const char *why; unsigned long count; } reasons[32];

static void skip(const char *why) {
  not_applicable++;
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
    if (!reasons[i].why) reasons[i].why = why;
    if (strcmp(reasons[i].why, why)) continue;
    reasons[i].count++;
    return;
  }
}

/* True if equal; else says where they differ. */
static int same(const struct test_case *c, const char *what, int component, const uint8_t *want, const uint8_t *got, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (want[i] == got[i]) continue;
    printf("FAILED %s: %s: %s", c->id, c->instruction, what);
    if (component >= 0) printf(" of component %d", component);
    printf(", byte %zu: expected %02x, got %02x\n", i, want[i], got[i]);
    return 0;
  }
  return 1;
}

static int compare(const struct test_case *c, const struct outcome *o) {
  if (o->fault != c->expect_fault) {
    printf("FAILED %s: %s: expected vector %u (0: none), got %u\n", c->id, c->instruction, c->expect_fault, o->fault);
    return 0;
  }
  const struct bytes *area = c->expect_area.length ? &c->expect_area : &c->area;
  if (!same(c, "area", -1, area->data, o->area, area->length)) return 0;
  for (int i = 0; i < COMPONENTS; i++) {
    if (!c->expect_state[i].length || !o->state[i]) continue;
    size_t n = i == 0 ? LEGACY_COMPARED : i == 9 ? 4 : c->expect_state[i].length;
    if (!same(c, "registers", i, c->expect_state[i].data, o->state[i], n)) return 0;
  }
  if (c->has_uintr_misc && o->state[14]) {
    uint64_t misc;
    memcpy(&misc, o->state[14] + 16, 8);
    if (!same(c, "IA32_UINTR_MISC", 14, (const uint8_t *)&c->expect_uintr_misc, (const uint8_t *)&misc, 8)) return 0;
  }
  return 1;
}

static uint8_t *copy(struct bytes b) {
  uint8_t *p = b.length ? malloc(b.length) : NULL;
  if (b.length && !p) bad("out of memory");
  return p ? memcpy(p, b.data, b.length) : NULL;
}

static void run_case(const struct test_case *c) {
  if (c->state[0].length != 512 || c->area.length < 576) bad("the case has no legacy region or no area");
  if (c->expect_area.length && c->expect_area.length != c->area.length) bad("expect-area is not as long as area");
  for (int i = 2; i < COMPONENTS; i++) {
    if (c->state[i].length && c->state[i].length != c->row[i].size) bad("a component's state is not as long as its row says");
    if (c->expect_state[i].length > c->state[i].length) bad("expect-state is longer than state");
    if (has(c->xinuse, i) && !c->state[i].length) bad("a component in use has no state");
  }
  const char *why = applies(c);
  struct outcome o = {0, NULL, {NULL}, NULL};
  if (!why) {
    o.area = copy(c->area);
    for (int i = 0; i < COMPONENTS; i++) o.state[i] = copy(c->state[i]);
    execute(c, &o);
    why = o.skipped;
  }
  if (why) skip(why);
  else if (compare(c, &o)) passed++;
  else failed++;
  free(o.area);
  for (int i = 0; i < COMPONENTS; i++) free(o.state[i]);
}

static void run_file(const char *name) {
  static struct test_case c;
  file_name = name, line_number = 0;
  FILE *file = fopen(name, "r");
  if (!file) bad("cannot be opened");
  char *line = read_line(file);
  unsigned version = 0;
  if (!line || sscanf(line, "xsavekit-suite %u", &version) != 1 || version != SUITE_VERSION)
    bad("expected \"xsavekit-suite 1\" as the first line");
  while ((line = read_line(file))) {
    if (!*line || *line == '#') continue;
    if (strncmp(line, "case ", 5)) bad("expected a case");
    memset(&c, 0, sizeof c);
    read_word(c.id, sizeof c.id, line + 5);
    do if (!(line = read_line(file))) bad("the file ends inside a case");
    while (!read_field(&c, line));
    run_case(&c);
    free(c.area.data), free(c.expect_area.data);
    for (int i = 0; i < COMPONENTS; i++) free(c.state[i].data), free(c.expect_state[i].data);
  }
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: %s text/*.txt\n", argv[0]), 2;
  for (int i = 1; i < argc; i++) run_file(argv[i]);
  printf("%lu passed, %lu failed, %lu not applicable\n", passed, failed, not_applicable);
  for (size_t i = 0; i < sizeof reasons / sizeof *reasons && reasons[i].why; i++)
    printf("  not applicable, %s: %lu\n", reasons[i].why, reasons[i].count);
  return failed != 0;
}
