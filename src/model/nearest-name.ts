/** "Did you mean": the closest of the names that are allowed. */

/** Number of single-character edits (swap of neighbours counts as one) that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The name in `names` that `wanted` most likely stands for, or undefined if none is near. */
export function nearestName(wanted: string, names: readonly string[]): string | undefined {
  if (wanted.length > 64) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(wanted.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** `write one of: a, b, c`, led by the nearest name if there is one. */
export function suggestion(wanted: string, names: readonly string[]): string {
  const near = nearestName(wanted, names);
  const list = `use one of: ${names.join(", ")}`;
  return near === undefined ? list : `did you mean ${near}? Otherwise ${list}`;
}
