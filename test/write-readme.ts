/** `npm run readme`: makes the README's tables anew, after a change of models or policies. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../src/host/load-models.ts";
import { withTables } from "./readme-tables.ts";

const path = join(packageRoot(), "README.md");
const before = readFileSync(path, "utf8");
const after = withTables(before);
if (after !== before) writeFileSync(path, after);
console.log(`README.md ${after === before ? "is current" : "changed"}`);
