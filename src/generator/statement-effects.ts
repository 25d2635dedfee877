/** What the statements of a straight-line function do, one line per effect in order: recomputed from the syntax tree. */

import type { ts } from "ts-morph";

/** An effect as text, and where its first statement begins. */
export interface StatementEffect {
  readonly text: string;
  readonly position: number;
}

/** The effects of statements, element moves joined to runs. `names`: what the names of views and copies stand for. */
export function statementEffects(
  file: ts.SourceFile,
  statements: readonly ts.Node[],
  names: ReadonlyMap<string, string>,
): StatementEffect[] {
  const effects: Effect[] = [];
  const positions: number[] = [];
  for (const statement of statements) {
    pushEffect(effects, statement.getText(file).replace(/\s+/g, " "), names);
    positions[effects.length - 1] ??= statement.getStart(file);
  }
  return effects.map((effect, i) => ({ text: effectText(effect), position: positions[i] ?? 0 }));
}

interface Run {
  readonly to: string;
  readonly from: string;
  readonly at: number;
  readonly source: number;
  length: number;
}
type Effect = Run | string;

function pushEffect(effects: Effect[], text: string, names: ReadonlyMap<string, string>): void {
  const move = /^([ds])\[(\w+)(?: \+ (\d+))?\] = ([ds])\[(\w+)(?: \+ (\d+))?\]!;$/.exec(text);
  if (move?.[2] && move[5]) {
    // Registers to area unless said otherwise.
    const usual = move[1] === "d" && move[4] === "s";
    const to = usual ? move[2] : `${move[1]}.${move[2]}`;
    const from = usual ? move[5] : `${move[4]}.${move[5]}`;
    const at = Number(move[3] ?? 0) * 8;
    const source = Number(move[6] ?? 0) * 8;
    const last = effects.at(-1);
    if (
      typeof last === "object" &&
      last.to === to &&
      last.from === from &&
      last.at + last.length === at &&
      last.source + last.length === source
    ) {
      last.length += 8;
    } else effects.push({ to, from, at, source, length: 8 });
    return;
  }
  const set = /^U\.set\((\w+)\[(.+)\]!, (\w+)(?: \+ (\d+))?\);$/.exec(text);
  if (set?.[1]) {
    effects.push(`set ${names.get(set[1]) ?? set[1]} [${set[2]}] -> ${set[3]} ${set[4] ?? 0}`);
    return;
  }
  const copy = /^(c\d+_\d+)(\(\w+, \w+\));$/.exec(text);
  effects.push(copy?.[1] ? `${names.get(copy[1]) ?? copy[1]} ${copy[2]}` : text);
}

function effectText(effect: Effect): string {
  return typeof effect === "string"
    ? effect
    : `move ${effect.from} ${effect.source} -> ${effect.to} ${effect.at} length ${effect.length}`;
}
