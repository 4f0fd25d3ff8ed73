// Ops and random graphs, lowered and fused, on a real device against the interpreter. An element counts
// where float64 and float32 agree about it; where they do not, no device can be asked to.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isFloat } from '../../src/ir/dtype.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { stepScalars, type NestFunction } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { allOps } from '../../src/ir/ops/registry.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import type { ScheduleNest } from '../../src/passes/schedule/schedule.ts';
import { layerNormCase, linearCase, sampleTensor, softmaxCase, viewsCase } from '../support/graph-cases.ts';
import { caseFunction, moduleOf, numbered } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';
import { graphCases } from '../support/random-graph.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { runOnDevice } from './run-on-device.ts';

let found: TestDevice;
beforeAll(async () => {
  found = await requestTestDevice();
});
afterAll(() => {
  if ('device' in found) found.device.destroy();
});

type Tensors = Readonly<Record<string, Tensor>>;
const cx = { count: () => {} };
const rounded = (inputs: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => [name, isFloat(x.dtype) ? { ...x, data: x.data.map(Math.fround) } : x]),
  );

// Results that are words of the step record have no memory to read.
const readable = (fn: NestFunction): NestFunction => {
  const scalars = stepScalars(fn);
  return { ...fn, results: fn.results.filter(({ buffer }) => !scalars.has(buffer)) };
};

interface Outcome {
  readonly compared: number;
  readonly wrong: readonly string[];
}

async function compare(
  device: GPUDevice,
  fn: NestFunction,
  given: Tensors,
  dims: Readonly<Record<string, number>>,
  schedule: ScheduleNest,
): Promise<Outcome> {
  const inputs = rounded(given);
  const [exact, single] = [
    interpretNests(fn, inputs, { dims }),
    interpretNests(fn, inputs, { dims, precision: 'f32' }),
  ];
  const actual = await runOnDevice(device, fn, inputs, dims, schedule);
  let compared = 0;
  const wrong: string[] = [];
  for (const [name, { data }] of Object.entries(exact)) {
    data.forEach((x, e) => {
      const spread = Math.abs(x - (single[name]?.data[e] ?? Number.NaN));
      if (!(Math.abs(x) < 1e30) || !(spread <= 1e-4 * (1 + Math.abs(x)))) return;
      compared++;
      const got = actual[name]?.data[e] ?? Number.NaN;
      if (!(Math.abs(got - x) <= 16 * spread + 1e-5 * (1 + Math.abs(x))))
        wrong.push(`${name}[${e}]: ${got} instead of ${x}`);
    });
  }
  return { compared, wrong };
}

const lowerOne = (module: Parameters<typeof lowerToNests.run>[0], fused: boolean): NestFunction => {
  const nests = lowerToNests.run(module, cx);
  const [fn] = (fused ? fuse.run(nests, cx) : nests).functions;
  if (!fn) throw new Error('nothing was lowered');
  return readable(fn);
};

describe('every op on the device', () => {
  const lowered = allOps.filter((op) => op.lower !== null);
  test.for(lowered.map((op) => [op.name, op] as const))('%s', { timeout: runs(60_000) }, async ([, op], { skip }) => {
    if ('missing' in found) return skip(found.missing);
    const cases = fc.sample(op.arbitrary(fc), { numRuns: runs(3), seed: 7 });
    let compared = 0;
    for (const one of cases) {
      const fn = lowerOne(moduleOf(caseFunction(op, one)), false);
      const outcome = await compare(found.device, fn, numbered('x', one.inputs), {}, scheduleForGpu);
      expect(outcome.wrong).toEqual([]);
      compared += outcome.compared;
    }
    expect(compared).toBeGreaterThan(0);
  });
});

async function randomGraphs(device: GPUDevice, schedule: ScheduleNest, count: number): Promise<Outcome> {
  let compared = 0;
  const wrong: string[] = [];
  for (const { fn, inputs } of fc.sample(graphCases(8), { numRuns: count, seed: 11 })) {
    const [n = 1, m = 1] = inputs['x']?.shape ?? [];
    const outcome = await compare(device, lowerOne(moduleOf(fn), true), inputs, { n, m }, schedule);
    compared += outcome.compared;
    wrong.push(...outcome.wrong);
  }
  return { compared, wrong };
}

const dropLast: ScheduleNest = (nest, scope) => {
  const scheduled = scheduleForGpu(nest, scope);
  return { ...scheduled, steps: scheduled.steps.slice(0, -1) };
};

describe('fused graphs on the device', () => {
  const cases = {
    softmax: [softmaxCase, { x: sampleTensor([3, 7]) }],
    'layer norm': [layerNormCase, { x: sampleTensor([3, 6]) }],
    'linear with relu': [
      linearCase,
      { x: sampleTensor([3, 5]), w: sampleTensor([4, 5], 2), bias: sampleTensor([4], 3) },
    ],
    views: [viewsCase, { x: sampleTensor([2, 2, 6]) }],
  } as const;
  test.for(Object.entries(cases))('%s', async ([, [module, inputs]], { skip }) => {
    if ('missing' in found) return skip(found.missing);
    const [first] = Object.values(inputs);
    const outcome = await compare(
      found.device,
      lowerOne(module(), true),
      inputs,
      { b: first?.shape[0] ?? 1 },
      scheduleForGpu,
    );
    expect(outcome.wrong).toEqual([]);
    expect(outcome.compared).toBeGreaterThan(0);
  });

  test('random graphs', { timeout: runs(60_000) }, async ({ skip }) => {
    if ('missing' in found) return skip(found.missing);
    const { compared, wrong } = await randomGraphs(found.device, scheduleForGpu, runs(25));
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(0);
  });

  test('a planted fault is noticed: the last kernel of a nest is dropped', async ({ skip }) => {
    if ('missing' in found) return skip(found.missing);
    expect((await randomGraphs(found.device, dropLast, 3)).wrong.length).toBeGreaterThan(0);
  });
});
