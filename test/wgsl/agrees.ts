// What the suites of schedules share: run a nest function on the device, compare with the interpreter.
import { expect } from 'vitest';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import type { ScheduleNest } from '../../src/passes/schedule/schedule.ts';
import type { TestDevice } from '../support/webgpu.ts';
import { tensor } from './nests.ts';
import { runOnDevice } from './run-on-device.ts';

/** A function with arguments, and how near the device must come. */
export interface Case {
  readonly fn: NestFunction;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly dims?: Readonly<Record<string, number>>;
  /** Largest difference from the interpreter; 0 = the same numbers. */
  readonly within?: number;
}

/** Runs a case on the device, with its features and without any, and fails where it differs from the nest interpreter. */
export async function agrees(
  found: TestDevice,
  { fn, inputs, dims = {}, within = 0 }: Case,
  skip: (why: string) => void,
  schedule: ScheduleNest = scheduleForGpu,
): Promise<void> {
  if ('missing' in found) return skip(found.missing);
  const expected = interpretNests(fn, inputs, { dims });
  for (const features of [found.device.features, new Set<string>()])
    compare(await runOnDevice(found.device, fn, inputs, dims, schedule, features), expected, within);
}

function compare(
  actual: Readonly<Record<string, Tensor>>,
  expected: Readonly<Record<string, Tensor>>,
  within: number,
): void {
  for (const [name, tensor] of Object.entries(expected)) {
    const got = actual[name]?.data ?? new Float64Array();
    const wrong = [...tensor.data].findIndex(
      (x, i) => !(Math.abs(x - (got[i] ?? Number.NaN)) <= within * Math.max(1, Math.abs(x))),
    );
    if (wrong >= 0)
      expect.fail(
        `${name}[${wrong}]: ${got[wrong]} instead of ${tensor.data[wrong]} (${got.slice(0, 12).join(', ')} … for ${tensor.data.slice(0, 12).join(', ')} …)`,
      );
    expect(got.length).toBe(tensor.data.length);
  }
}

/** A matrix of multiples of 1/8. */
export const matrix = (rows: number, columns: number, seed = 1): Tensor => tensor([rows, columns], seed);

/** A rank-0 tensor. */
export const scalar = (value: number, dtype: 'f32' | 'u32'): Tensor => ({
  dtype,
  shape: [],
  data: Float64Array.of(value),
});
