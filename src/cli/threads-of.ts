/** The threads that `--thread` asks for. */

import type { Container } from "../formats/container.ts";
import { UsageError } from "./usage-error.ts";

/** The container with the one thread of that id, or with all of them. Throws UsageError naming the ids that there are. */
export function threadsOf(file: string, container: Container, tid: number | undefined): Container {
  if (tid === undefined) return container;
  const threads = container.threads.filter((thread) => thread.tid === tid);
  if (threads.length > 0) return { ...container, threads };
  const ids = container.threads.flatMap((thread) => thread.tid ?? []);
  const some = ids.length > 20 ? `${ids.slice(0, 20).join(", ")}, ...` : ids.join(", ");
  throw new UsageError(
    `${file}: no thread ${tid}; ${ids.length === 0 ? "its areas have no thread ids, leave --thread out" : `there are ${some}`}`,
  );
}
