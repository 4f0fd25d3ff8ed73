// Principal components: where rows lie in the plane that keeps most of their spread.

/** Two coordinates of each row, by power iteration on the covariance. */
export function plane(rows: readonly ArrayLike<number>[]): [number, number][] {
  const width = rows[0]?.length ?? 0;
  const mean = Array.from({ length: width }, (_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length);
  const centred = rows.map((row) => mean.map((value, k) => (row[k] ?? 0) - value));
  const first = direction(centred);
  const along = centred.map((row) => dot(row, first));
  const rest = centred.map((row, at) => row.map((value, k) => value - (along[at] ?? 0) * (first[k] ?? 0)));
  const second = direction(rest);
  return rest.map((row, at) => [along[at] ?? 0, dot(row, second)]);
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);

/** The direction of the largest spread. */
function direction(rows: readonly number[][]): number[] {
  let v = (rows[0] ?? []).map((_, k) => 1 / (k + 1));
  for (let round = 0; round < 100; round++) {
    const next = v.map(() => 0);
    for (const row of rows) {
      const share = dot(row, v);
      row.forEach((value, k) => (next[k] = (next[k] ?? 0) + share * value));
    }
    const length = Math.sqrt(dot(next, next)) || 1;
    v = next.map((value) => value / length);
  }
  return v;
}
