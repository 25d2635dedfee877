/** For every way to start the tests: `npm test`, and one file by `npx vitest run --config test/vitest.config.ts FILE`. */

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    dir: "test",
    maxWorkers: 2,
    // One module graph per worker: loading it anew for each file was a fifth of the whole run. No test replaces a module.
    isolate: false,
    // Against a hang only: nothing here waits for a clock, and a busy machine takes many times as long.
    testTimeout: process.env["XSAVEKIT_FULL"] === "1" ? 900_000 : 120_000,
    hookTimeout: 120_000,
  },
});
