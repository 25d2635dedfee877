import { expect, test } from "vitest";
import { printDiagnostic } from "../../src/model/diagnostic.ts";
import { nearestName } from "../../src/model/nearest-name.ts";

const one = { rule: "unknown-key", severity: "error", file: "a.yaml", message: "no", remedy: "yes" } as const;

test("place, rule, message, line with caret, remedy", () => {
  expect(printDiagnostic({ ...one, line: 8, column: 5, source: "  a: b" })).toBe(
    "a.yaml:8:5: error unknown-key: no\n      a: b\n        ^\n  remedy: yes",
  );
  expect(printDiagnostic({ ...one, line: 0, column: 0 })).toBe("a.yaml: error unknown-key: no\n  remedy: yes");
});

test.each([1, 40, 76, 77, 150, 299, 300])("a line of 300 columns is shown in 80 with the caret under column %s", (column) => {
  const source = Array.from({ length: 300 }, (_, at) => String.fromCharCode(0x4e00 + at)).join("");
  const [, text = "", caret = ""] = printDiagnostic({ ...one, line: 1, column, source }).split("\n");
  expect(text.length).toBeLessThanOrEqual(80);
  expect(text[caret.length - 1]).toBe(source[column - 1]);
});

test("escapes move the caret along", () => {
  const [, text = "", caret = ""] = printDiagnostic({ ...one, line: 1, column: 4, source: "a\u2028\tx" }).split("\n");
  expect(text).toBe("    a\\u{2028} x");
  expect(text[caret.length - 1]).toBe("x");
});

test("the nearest name", () => {
  const names = ["offset", "size", "align64"];
  expect(nearestName("offest", names)).toBe("offset");
  expect(nearestName("Sise", names)).toBe("size");
  expect(nearestName("supervisor", names)).toBeUndefined();
});
