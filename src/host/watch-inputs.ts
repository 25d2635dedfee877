/** Runs something again whenever files change, until the user ends it. */

import { watch } from "node:fs";
import { basename, dirname } from "node:path";

/** What to look at: folders, each with the names in it that count. */
export interface WatchedFolder {
  readonly folder: string;
  readonly counts: (name: string) => boolean;
}

/** An editor writes a file in several steps; whoever saves several files does it at once. Milliseconds. */
const QUIET = 100;

/** The folders of single files, watched by name: an editor that replaces a file ends a watch on the file itself. */
export function foldersOf(files: readonly string[]): WatchedFolder[] {
  return files.map((file) => ({ folder: dirname(file), counts: (name) => name === basename(file) }));
}

/**
 * Calls `run` at once, and after every change since once nothing has changed for a tenth of a second, never twice at a
 * time, until SIGINT or SIGTERM; then waits for the run in progress and returns. `run` must not throw.
 */
export async function watchInputs(folders: readonly WatchedFolder[], run: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let changed = false;
  let ended = false;
  const start = (): void => {
    if (running) return;
    changed = false;
    running = run().finally(() => {
      running = undefined;
      if (changed && !ended) start();
    });
  };
  const onChange = (): void => {
    changed = true;
    clearTimeout(timer);
    timer = setTimeout(start, QUIET);
  };
  const watchers = folders.map(({ folder, counts }) =>
    watch(folder, (_, name) => {
      // Some systems do not say which file it was.
      if (name === null || counts(name)) onChange();
    }),
  );
  start();
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  ended = true;
  clearTimeout(timer);
  for (const watcher of watchers) watcher.close();
  await running;
}
