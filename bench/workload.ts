// What a measurement is: a named function that gives rows, some of them with a goal.

/** One measured number. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The goal in words, and whether this run met it. */
  readonly goal?: string;
  readonly met?: boolean;
  /** Smallest and largest of the repeated measurements, where there were several. */
  readonly spread?: readonly [number, number];
  /** What others took, or why they cannot; the fastest of them, and its time over ours. */
  readonly peers?: Readonly<Record<string, object>>;
  readonly best?: string;
  readonly ratio?: number;
}

/** A measurement. `quick` takes fewer repetitions. */
export interface Workload {
  readonly name: string;
  run(options: { readonly quick: boolean }): Promise<readonly Row[]>;
}

/** The middle of the sorted values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
