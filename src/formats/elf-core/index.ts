/** ELF cores of Linux, FreeBSD and NetBSD on x86. */

import type { ByteSource } from "../byte-source.ts";
import { type ContainerFormat, nothingFound, type ReadContainer } from "../container.ts";
import { FormatError, type ProblemList } from "../format-problem.ts";
import { CoreState, type NoteRow } from "./core-state.ts";
import { isElf, readElfCore } from "./elf-file.ts";
import { FREEBSD_NOTES } from "./freebsd-notes.ts";
import { LINUX_NOTES } from "./linux-notes.ts";
import { NETBSD_NOTES, netbsdOwner } from "./netbsd-notes.ts";
import { readNotes } from "./read-notes.ts";

const ROWS: ReadonlyMap<string, NoteRow> = new Map(
  [...LINUX_NOTES, ...FREEBSD_NOTES, ...NETBSD_NOTES].map((row) => [`${row.owner} ${row.type}`, row]),
);

/** The row of a note, if any of the three systems writes it. */
function rowOf(owner: string, type: number): NoteRow | undefined {
  return ROWS.get(`${netbsdOwner(owner)} ${type}`);
}

async function read(source: ByteSource, problems: ProblemList): Promise<ReadContainer> {
  const { abi, segments } = await readElfCore(source, problems);
  const core = new CoreState(abi, problems);
  const notes = await readNotes(
    source,
    segments,
    (owner, type) => rowOf(owner, type)?.maxSize ?? 0,
    (note) => rowOf(note.name, note.type)?.take(note, core),
    problems,
  );
  const threads = core.threads();
  if (threads.length === 0)
    throw new FormatError(
      problems.first ??
        nothingFound(
          segments[0]?.offset ?? 0,
          `an ELF core without threads: ${segments.length} PT_NOTE segments with ${notes} notes, none with registers`,
        ),
    );
  const { pid, name, command } = core.process;
  const process = { ...(pid !== undefined && { pid }), ...(name && { name }), ...(command && { command }) };
  return {
    description: `ELF core, ${core.system ?? "unknown system"}, ${abi}`,
    ...(Object.keys(process).length > 0 && { process }),
    threads: threads.map((thread) => ({
      ...thread,
      ...(pid !== undefined && { pid }),
      // Linux writes the name of the thread group's leader and no others.
      ...(name && thread.name === undefined && thread.tid === pid && { name }),
    })),
  };
}

export const ELF_CORE: ContainerFormat = {
  kind: "elf-core",
  title: "ELF core of Linux, FreeBSD or NetBSD",
  recognises: isElf,
  read,
};
