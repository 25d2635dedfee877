#!/usr/bin/env node
/** The command as a process. */

import { runCommand } from "./run-command.ts";

// A reader that closes the pipe (`| head`) has seen enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(Number(process.exitCode ?? 0));
  });
}

process.exitCode = await runCommand(process.argv.slice(2));
