/** `xsavekit <verb>`: finds the verb, lets it declare itself, and turns whatever is thrown into one line and an exit code. */

import { Command, CommanderError } from "commander";
import { nearestName } from "../model/nearest-name.ts";
import { print, printError } from "./print.ts";
import { errorLine } from "./error-line.ts";
import { oneLine } from "./one-line.ts";
import { UsageError } from "./usage-error.ts";
import { VERBS } from "./verb-list.ts";

/** Runs one command line (without `node` and the script); returns the exit code. Never throws. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    return await parsed(args);
  } catch (error) {
    return report(error, args);
  }
}

async function parsed(args: readonly string[]): Promise<number> {
  const program = configured(new Command("xsavekit"))
    .usage("<verb> [options]")
    .description("XSAVE-area layouts of real x86 CPUs, and branch-free save routines for them")
    .option("-V, --version", "print the version")
    .helpCommand("help [verb]", "display help for a verb")
    .addHelpText(
      "after",
      "\nA model is an id (`xsavekit models`), a YAML file or a CPUID dump; - is standard input.\nExit codes: 0 fine, 1 a finding, 2 bad usage or unreadable input.",
    );
  const asked = args[0] === "help" ? args[1] : args.find((arg) => !arg.startsWith("-"));
  for (const { name, summary, finding, load } of VERBS) {
    const command = configured(program.command(name)).description(summary);
    if (name !== asked) continue;
    // Loaded only now, so that --help stays as fast as Node starts.
    (await load()).declare(command);
    command.addHelpText(
      "after",
      `\nExit codes: 0 fine; ${finding === undefined ? "" : `1 ${finding}; `}2 bad usage or unreadable input.`,
    );
  }
  if (asked !== undefined && asked !== "help" && !VERBS.some(({ name }) => name === asked)) {
    const near = nearestName(
      asked,
      VERBS.map(({ name }) => name),
    );
    throw new UsageError(
      `no verb \`${asked}\`: ${near === undefined ? "" : `did you mean ${near}? `}\`xsavekit --help\` lists all`,
    );
  }
  if (args[0] === "--version" || args[0] === "-V") {
    print((await import("../host/load-models.ts")).packageVersion());
    return 0;
  }
  if (args.length === 0) {
    program.outputHelp({ error: true });
    return 2;
  }
  await program.parseAsync(args, { from: "user" });
  return Number(process.exitCode ?? 0);
}

function configured(command: Command): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeErr: (text) => (text.startsWith("error:") ? undefined : process.stderr.write(text)) });
}

/** What to say about something thrown. */
function report(error: unknown, args: readonly string[]): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    const verb = VERBS.find(({ name }) => name === args[0])?.name;
    printError(
      `${oneLine(error.message.replace(/^error: /, "").replace(/\.$/, ""))}; see \`xsavekit ${verb === undefined ? "" : `${verb} `}--help\``,
    );
    return 2;
  }
  printError(errorLine(error));
  return 2;
}
