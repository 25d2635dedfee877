/** What a file in `verbs/` gives. */

import type { Command } from "commander";

/** Adds arguments, options and the action. The action sets `process.exitCode` to 1 for a finding. */
export interface Verb {
  readonly declare: (command: Command) => void;
}

/** A verb in the list, loaded when it is asked for. */
export interface VerbEntry {
  readonly name: string;
  readonly summary: string;
  /** What exit code 1 says; absent: the verb finds nothing. */
  readonly finding?: string;
  readonly load: () => Promise<Verb>;
}
