// Sliding windows over a series of measurements: what was, and what will be. Written to be copied.
import type { Random } from './random.ts';

/** Measurements at equal distances in time; the first feature is what will be forecast. */
export interface Series {
  readonly features: number;
  /** Row after row. */
  readonly values: Float32Array;
}

/** How windows are cut. */
export interface Windows {
  /** How many rows back a window begins. */
  readonly lookback: number;
  /** How many rows after the window's last one the target lies. */
  readonly delay: number;
  /** Every so many rows one is taken. */
  readonly step: number;
  /** The rows that may be used, the second not included. */
  readonly from: number;
  readonly to: number;
  /** Windows in a batch. */
  readonly batch: number;
  /** Where given, windows come in random order. */
  readonly shuffle?: Random;
}

/** A batch of windows [b, t, features] with the value of the first feature `delay` rows later. */
export interface WindowBatch {
  readonly x: { readonly data: Float32Array<ArrayBuffer>; readonly shape: number[] };
  readonly y: Float32Array<ArrayBuffer>;
}

/** All windows whose rows and target lie in the range, in batches. */
export function* windows({ features, values }: Series, cut: Windows): Generator<WindowBatch> {
  const { lookback, delay, step, from, to, batch, shuffle } = cut;
  const count = Math.max(0, to - from - lookback - delay + 1);
  const order = shuffle?.permutation(count) ?? Array.from({ length: count }, (_, at) => at);
  const steps = Math.floor((lookback - 1) / step) + 1;
  for (let start = 0; start < count; start += batch) {
    const chosen = order.slice(start, start + batch);
    const x = new Float32Array(chosen.length * steps * features);
    const y = new Float32Array(chosen.length);
    chosen.forEach((offset, row) => {
      // The last row of the window is always taken: it is the newest.
      const last = from + offset + lookback - 1;
      for (let t = 0; t < steps; t++) {
        const source = (last - (steps - 1 - t) * step) * features;
        x.set(values.subarray(source, source + features), (row * steps + t) * features);
      }
      y[row] = values[(last + delay) * features] ?? NaN;
    });
    yield { x: { data: x, shape: [chosen.length, steps, features] }, y };
  }
}

/** The same series with mean 0 and deviation 1 of each feature in rows before `to`. */
export function standardized({ features, values }: Series, to: number): Series {
  const columns = Array.from({ length: features }, (_, k) => {
    const column = values.filter((_value, at) => at % features === k).slice(0, to);
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
    const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length;
    return { mean, deviation: Math.sqrt(variance) };
  });
  const scaled = values.map((value, at) => {
    const { mean = 0, deviation = 1 } = columns[at % features] ?? {};
    return (value - mean) / deviation;
  });
  return { features, values: scaled };
}
