// The shortest edit script between two lists of lines (Myers, "An O(ND) difference algorithm", 1986), printed with
// three lines of context around every change.

const context = 3;

/** Lines marked ` `, `-` and `+`; stretches without a change are cut, with a `@@` line where they were. */
export function diffLines(a: readonly string[], b: readonly string[]): string[] {
  const marked = editScript(a, b);
  const near = new Set<number>();
  marked.forEach((line, at) => {
    if (line.startsWith(' ')) return;
    for (let other = at - context; other <= at + context; other++) near.add(other);
  });
  return marked.flatMap((line, at) => (near.has(at) ? (near.has(at - 1) || at === 0 ? [line] : ['@@', line]) : []));
}

function editScript(a: readonly string[], b: readonly string[]): string[] {
  const trace = furthest(a, b);
  const result: string[] = [];
  let [x, y] = [a.length, b.length];
  for (let d = trace.length - 1; d >= 0; d--) {
    const reached = trace[d] ?? new Map<number, number>();
    const k = x - y;
    const down = k === -d || (k !== d && (reached.get(k - 1) ?? 0) < (reached.get(k + 1) ?? 0));
    const before = down ? k + 1 : k - 1;
    const startX = d === 0 ? 0 : (reached.get(before) ?? 0);
    const startY = d === 0 ? 0 : startX - before;
    while (x > startX && y > startY) {
      result.push(` ${a[--x] ?? ''}`);
      y--;
    }
    if (d > 0) result.push(down ? `+${b[--y] ?? ''}` : `-${a[--x] ?? ''}`);
  }
  return result.reverse();
}

/** For each number of edits d, the furthest x on every diagonal before the d-th edit. */
function furthest(a: readonly string[], b: readonly string[]): Map<number, number>[] {
  const trace: Map<number, number>[] = [];
  const reach = new Map<number, number>([[1, 0]]);
  for (let d = 0; d <= a.length + b.length; d++) {
    trace.push(new Map(reach));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && (reach.get(k - 1) ?? 0) < (reach.get(k + 1) ?? 0));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return trace;
    }
  }
  return trace;
}
