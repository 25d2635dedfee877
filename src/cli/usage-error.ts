/** What ends a command with exit code 2: the message says what to do, on one line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
