// What a measurement is: a named function that gives rows, some of them with a goal.

/** One measured number. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The goal in words, and whether this run met it. */
  readonly goal?: string;
  readonly met?: boolean;
  /** Why there is no value. */
  readonly cannot?: string;
  /** Smallest and largest of the repeated measurements, where there were several. */
  readonly spread?: readonly [number, number];
  /** What one run does, counted. */
  readonly counts?: Readonly<Record<string, number>>;
  /** What others took, or why they cannot; the fastest of them in JavaScript and WebAssembly, and its time over ours. */
  readonly peers?: Readonly<Record<string, object>>;
  readonly best?: string;
  readonly ratio?: number;
  /** The times of native engines over ours, by name. */
  readonly native?: Readonly<Record<string, number>>;
}

/** What a run was asked for. */
export interface RunOptions {
  /** Fewer repetitions. */
  readonly quick: boolean;
  readonly threads: number;
  /** By the time that the process computes, not by the clock. */
  readonly processor: boolean;
  /** Only rows whose name has this in it. */
  readonly only: string;
}

/** A measurement. */
export interface Workload {
  readonly name: string;
  run(options: RunOptions): Promise<readonly Row[]> | AsyncIterable<Row>;
}

/** The middle of the sorted values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The geometric mean. */
export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
