// A linear probe: how well a straight line through features tells classes apart. Ridge regression of one-hot classes on
// standardised features, solved at once, so that the score has no training of its own to depend on.

/** Rows of features, and the class of each row. */
export interface Features {
  readonly rows: readonly ArrayLike<number>[];
  readonly labels: readonly number[];
}

/** The share of `test` that a probe fitted to `train` gets right. */
export function probe(train: Features, test: Features, ridge = 1e-2): number {
  const scale = scaling(train.rows);
  const weights = fitted(train.rows.map(scale), train.labels, ridge);
  const found = test.rows.map((row) => best(weights, scale(row)));
  return found.filter((label, at) => label === test.labels[at]).length / found.length;
}

/** Features with mean 0 and deviation 1 over `rows`, and a constant 1 behind them. */
function scaling(rows: Features['rows']): (row: ArrayLike<number>) => number[] {
  const columns = Array.from(rows[0] ?? [], (_, k) => {
    const mean = rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + ((row[k] ?? 0) - mean) ** 2, 0) / rows.length;
    return { mean, deviation: Math.sqrt(variance) || 1 };
  });
  return (row) => [...columns.map(({ mean, deviation }, k) => ((row[k] ?? 0) - mean) / deviation), 1];
}

/** The rows with mean 0 and deviation 1 in each column. */
export function standardized(rows: Features['rows']): number[][] {
  const scale = scaling(rows);
  return rows.map((row) => scale(row).slice(0, -1));
}

/** One column of weights for each class: (XᵀX + ridge n I) W = XᵀY. */
function fitted(rows: readonly number[][], labels: readonly number[], ridge: number): number[][] {
  const width = rows[0]?.length ?? 0;
  const classes = Math.max(...labels) + 1;
  const gram = Array.from({ length: width }, (_, at) => Array.from({ length: width }, (_other, k) => (at === k ? ridge * rows.length : 0)));
  const right = Array.from({ length: width }, () => Array.from({ length: classes }, () => 0));
  rows.forEach((row, at) => {
    row.forEach((value, k) => {
      const [line, sums] = [gram[k] ?? [], right[k] ?? []];
      for (let other = 0; other < width; other++) line[other] = (line[other] ?? 0) + value * (row[other] ?? 0);
      const label = labels[at] ?? 0;
      sums[label] = (sums[label] ?? 0) + value;
    });
  });
  return solved(gram, right);
}

/** The solution of A X = B for a positive definite A, by elimination; both are changed. */
function solved(a: number[][], b: number[][]): number[][] {
  for (let pivot = 0; pivot < a.length; pivot++) {
    const [line = [], sums = []] = [a[pivot], b[pivot]];
    for (let row = 0; row < a.length; row++) {
      if (row === pivot) continue;
      const [other = [], others = []] = [a[row], b[row]];
      const factor = (other[pivot] ?? 0) / (line[pivot] ?? 1);
      for (let k = pivot; k < a.length; k++) other[k] = (other[k] ?? 0) - factor * (line[k] ?? 0);
      for (let k = 0; k < sums.length; k++) others[k] = (others[k] ?? 0) - factor * (sums[k] ?? 0);
    }
  }
  return b.map((sums, row) => sums.map((value) => value / (a[row]?.[row] ?? 1)));
}

function best(weights: readonly number[][], row: readonly number[]): number {
  const scores = (weights[0] ?? []).map((_, label) => row.reduce((sum, value, k) => sum + value * (weights[k]?.[label] ?? 0), 0));
  return scores.indexOf(Math.max(...scores));
}
