/** What the statements of a straight-line function do, one line per effect in order: recomputed from the syntax tree. */

import type { BodyStatement } from "./known-statements.ts";
import type { PlacedStatement } from "./module-lines.ts";

/** An effect as text, and where its first statement begins. */
export interface StatementEffect {
  readonly text: string;
  readonly position: number;
}

/** The effects of statements, element moves joined to runs. `names`: what the names of views and copies stand for. */
export function statementEffects(statements: readonly PlacedStatement[], names: ReadonlyMap<string, string>): StatementEffect[] {
  const effects: { readonly position: number; run: Run | undefined; readonly text: string }[] = [];
  for (const { statement, position } of statements) {
    let form = forms.get(statement);
    if (!form) forms.set(statement, (form = effectForm(statement.text)));
    const last = effects.at(-1);
    const run = form.run && last?.run && joined(last.run, form.run);
    if (last && run) last.run = run;
    else {
      const { name } = form;
      effects.push({ position, run: form.run, text: form.before + (name ? (names.get(name) ?? name) : "") + form.after });
    }
  }
  return effects.map(({ position, run, text }) => ({
    position,
    text: run ? `move ${run.from} ${run.source} -> ${run.to} ${run.at} length ${run.length}` : text,
  }));
}

interface Run {
  readonly to: string;
  readonly from: string;
  readonly at: number;
  readonly source: number;
  readonly length: number;
}

/** A move, or a text with a name in it that stands for something. */
interface EffectForm {
  readonly run?: Run;
  readonly before: string;
  readonly name?: string;
  readonly after: string;
}

/** A statement that comes often is looked at once. */
const forms = new WeakMap<BodyStatement, EffectForm>();

function effectForm(text: string): EffectForm {
  const move = /^([ds])\[(\w+)(?: \+ (\d+))?\] = ([ds])\[(\w+)(?: \+ (\d+))?\]!;$/.exec(text);
  if (move?.[2] && move[5]) {
    // Registers to area unless said otherwise.
    const usual = move[1] === "d" && move[4] === "s";
    const to = usual ? move[2] : `${move[1]}.${move[2]}`;
    const from = usual ? move[5] : `${move[4]}.${move[5]}`;
    return {
      run: { to, from, at: Number(move[3] ?? 0) * 8, source: Number(move[6] ?? 0) * 8, length: 8 },
      before: text,
      after: "",
    };
  }
  const run = /^move(64|128)\(d, (\w+)(?: \+ (\d+))?, s, (\w+)(?: \+ (\d+))?\);$/.exec(text);
  if (run?.[2] && run[4]) {
    const [, length, to, at, from, source] = run;
    return {
      run: { to, from, at: Number(at ?? 0) * 8, source: Number(source ?? 0) * 8, length: Number(length) },
      before: text,
      after: "",
    };
  }
  const set = /^U\.set\((\w+)\[(.+)\]!, (\w+)(?: \+ (\d+))?\);$/.exec(text);
  if (set?.[1]) return { before: "set ", name: set[1], after: ` [${set[2]}] -> ${set[3]} ${set[4] ?? 0}` };
  const copy = /^(c\d+_\d+)(\(\w+, \w+\));$/.exec(text);
  return copy?.[1] && copy[2] ? { before: "", name: copy[1], after: ` ${copy[2]}` } : { before: text, after: "" };
}

/** Two moves of neighbours as one. */
function joined(a: Run, b: Run): Run | undefined {
  if (a.to !== b.to || a.from !== b.from || a.at + a.length !== b.at || a.source + a.length !== b.source) return undefined;
  return { ...a, length: a.length + b.length };
}
