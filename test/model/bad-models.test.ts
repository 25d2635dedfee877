import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { readModel } from "../../src/model/read-model.ts";

const folder = new URL("bad/", import.meta.url);

/** What each file in `bad/` is refused for: rule and line:column, in the order of the text. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  alias: ["yaml-anchor 18:3", "yaml-alias 19:8"],
  "comment-end-in-name": ["bad-text 2:7"],
  "constructor-key": ["bad-key 16:1"],
  "custom-tag": ["yaml-tag 2:7"],
  "decimal-mask": ["number-base 7:16"],
  directive: ["yaml-directive 1:1"],
  "duplicate-key": ["duplicate-key 5:1"],
  empty: ["wrong-type 1:1"],
  "exponent-size": ["number-form 12:26"],
  "extends-nothing": ["extends-unreadable 3:10"],
  "figure-without-source": ["figure-without-source 17:1"],
  "float-size": ["number-form 14:27"],
  "handlebars-in-source": ["bad-text 18:5"],
  "hex-size": ["number-base 12:26"],
  "huge-size": ["out-of-range 14:27"],
  "id-path": ["bad-text 1:5"],
  "index-63": ["out-of-range 15:19"],
  "index-of-other": ["index-not-name 15:19"],
  "line-separator-in-name": ["bad-text 2:7"],
  list: ["wrong-type 1:1"],
  "mask-name-upper": ["unknown-key 17:10"],
  "mask-too-wide": ["out-of-range 7:16"],
  "merge-key": ["bad-key 16:1"],
  "missing-size": ["missing-key 14:3"],
  "misspelt-component": ["unknown-key 14:3"],
  "misspelt-key": ["unknown-key 14:30"],
  "misspelt-top-key": ["missing-key 1:1", "unknown-key 10:1"],
  "negative-offset": ["number-form 12:39"],
  "newline-in-notes": ["bad-text 17:8"],
  "not-closed": ["yaml-syntax 15:3"],
  "nul-in-notes": ["bad-text 17:8"],
  "octal-size": ["number-form 14:27"],
  overlap: ["size-max 10:10", "components-overlap 14:38"],
  "path-as-mask-name": ["bad-key 17:10"],
  "proto-key": ["bad-key 16:1"],
  "row-missing": ["row-missing 8:15"],
  "row-without-bit": ["row-without-bit 14:3"],
  "second-document": ["yaml-syntax 19:1"],
  "source-misspelt": ["missing-key 19:5", "unknown-key 19:7"],
  "source-of-absent-row": ["source-of-nothing 19:69"],
  "source-without-figures": ["too-few 19:33"],
  "size-max": ["size-max 10:10"],
  "supervisor-offset": ["supervisor-with-offset 13:30"],
  tag: ["yaml-tag 2:7"],
  "template-in-source": ["bad-text 18:5"],
  "unknown-figure": ["unknown-figure 19:34"],
  "unknown-instruction": ["unknown-value 9:26"],
  "unknown-kind": ["unknown-value 4:7"],
  "wrong-id": ["id-not-file-name 1:5"],
  "xss-without-xsaves": ["xss-needs-xsaves 8:15"],
};

test.each(Object.entries(EXPECTED))("%s.yaml is refused at the right place", (name, expected) => {
  const { model, diagnostics } = readModel(readFileSync(new URL(`${name}.yaml`, folder), "utf8"), `${name}.yaml`);
  expect(model).toBeUndefined();
  expect(diagnostics.map(({ rule, line, column }) => `${rule} ${line}:${column}`)).toEqual(expected);
  for (const { message, remedy, severity } of diagnostics) {
    expect(severity).toBe("error");
    expect(message).not.toBe("");
    expect(remedy).not.toBe("");
  }
});

test("every bad file is expected, and every expected one there", () => {
  expect(readdirSync(folder).toSorted()).toEqual(
    Object.keys(EXPECTED)
      .map((name) => `${name}.yaml`)
      .toSorted(),
  );
});

test("an unknown figure's remedy is the name that was meant", () => {
  const { diagnostics } = readModel(readFileSync(new URL("unknown-figure.yaml", folder), "utf8"), "unknown-figure.yaml");
  expect(diagnostics[0]?.message).toContain("`PKUR`");
  expect(diagnostics[0]?.remedy).toContain("did you mean PKRU?");
});
