// Every op of the registry against itself: its shape rule, its nests and its gradient must agree with
// its reference evaluation on random cases. Planted faults show that the suite would notice.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFloat } from '../../src/ir/dtype.ts';
import { asConstant } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import type { NestStep, Stage } from '../../src/ir/nest.ts';
import type { OpCase, OpDefinition, Tensor } from '../../src/ir/op.ts';
import { tensorOf } from '../../src/ir/ops/arbitrary.ts';
import { allOps, opNamed } from '../../src/ir/ops/registry.ts';
import { caseFunction, compareGradients, evaluateCase, lowerCase, moduleOf, valueOf } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';

const evaluated = allOps.filter((op) => op.name !== 'gradient');
const lowered = evaluated.filter((op) => op.lower !== null);
// stop_gradient is the one op whose rule is not its derivative.
const differentiated = evaluated.filter((op) => op.name !== 'stop_gradient');
const numRuns = runs(30);

function shapesAgree(op: OpDefinition, one: OpCase): void {
  expect(verifyGraph(moduleOf(caseFunction(op, one)))).toEqual([]);
  const types = op.infer(
    one.inputs.map((x) => valueOf(x).type),
    one.attrs,
    new Facts(),
    one.regions,
  );
  const results = Object.values(evaluateCase(op, one));
  expect(results.map(({ dtype, shape }) => ({ dtype, shape }))).toEqual(
    types.map(({ dtype, shape }) => ({ dtype, shape: shape.map(asConstant) })),
  );
  for (const { shape, data } of results) expect(data.length).toBe(shape.reduce((size, n) => size * n, 1));
}

function nestsAgree(op: OpDefinition, one: OpCase, damage?: (step: NestStep) => NestStep): void {
  const [reference, nests] = [evaluateCase(op, one), lowerCase(op, one, damage)];
  expect(Object.keys(nests)).toEqual(Object.keys(reference));
  for (const [name, { data }] of Object.entries(reference)) {
    data.forEach((value, e) => expect(nests[name]?.data[e]).toBeCloseTo(value, 9));
  }
}

const floatResults = (op: OpDefinition, one: OpCase): Tensor[] | undefined => {
  const results = caseFunction(op, one).results.map(({ value: { type } }) => type);
  if (!results.some(({ dtype }) => isFloat(dtype)) || !one.inputs.some(({ dtype }) => isFloat(dtype))) return undefined;
  return results.map(({ dtype, shape }) => ({
    dtype,
    shape: shape.map((d) => asConstant(d) ?? 0),
    data: new Float64Array(),
  }));
};

/** Runs the gradient property; gives how many derivatives were compared. */
function gradientsAgree(op: OpDefinition): number {
  let compared = 0;
  const cases = op.arbitrary(fc).chain((one) => {
    const types = floatResults(op, one);
    const cotangents = (types ?? []).map(({ dtype, shape }) => {
      const most = isFloat(dtype) ? 2 : 0;
      return tensorOf(fc, isFloat(dtype) ? dtype : 'f32', shape, { min: -most, max: most });
    });
    return fc.tuple(fc.constant(one), fc.constant(types !== undefined), fc.tuple(...cotangents));
  });
  fc.assert(
    fc.property(cases, ([one, isSmooth, cotangents]) => {
      if (!isSmooth) return;
      const comparison = compareGradients(op, one, cotangents);
      compared += comparison.compared;
      expect(comparison.wrong).toEqual([]);
    }),
    { numRuns },
  );
  return compared;
}

describe('shape rules give the shapes of the results', () => {
  test.each(evaluated.map((op) => [op.name, op] as const))('%s', (_name, op) => {
    fc.assert(
      fc.property(op.arbitrary(fc), (one) => shapesAgree(op, one)),
      { numRuns },
    );
  });
});

// The planted fault: sums that are maxima.
const toMax = (stage: Stage): Stage =>
  stage.kind === 'reduce' ? { ...stage, monoid: { name: 'max', arity: 1 } } : stage;
const damage = (step: NestStep): NestStep =>
  step.kind === 'nest' ? { ...step, stages: step.stages.map(toMax) } : step;

describe('nests compute what the reference computes', () => {
  test.each(lowered.map((op) => [op.name, op] as const))('%s', (_name, op) => {
    fc.assert(
      fc.property(op.arbitrary(fc), (one) => nestsAgree(op, one)),
      { numRuns },
    );
  });

  test('a planted fault is caught', () => {
    const wrong = fc.property(opNamed('dot').arbitrary(fc), (one) => nestsAgree(opNamed('dot'), one, damage));
    expect(() => fc.assert(wrong, { numRuns })).toThrow();
  });
});

describe('gradient rules match central differences', () => {
  // Ops whose operands or results are never floats, or that have no operand.
  const without = new Set([
    'not',
    'lt',
    'le',
    'eq',
    'ne',
    'and',
    'or',
    'xor',
    'shl',
    'shr',
    'bitcast',
    'constant',
    'iota',
    'dim',
    'argreduce',
    'argsort',
    'inverse_order',
    'random_bits',
    'fold_in',
    'fold_path',
  ]);

  test.each(differentiated.map((op) => [op.name, op] as const))('%s', (_name, op) => {
    const compared = gradientsAgree(op);
    if (without.has(op.name)) expect(compared).toBe(0);
    else expect(compared).toBeGreaterThan(20);
  });

  const planted: [string, OpDefinition][] = [
    [
      'a missing factor',
      { ...opNamed('sin'), vjp: (b, { cotangents: [ct] }) => [ct ? b.mul(ct, b.like(ct, 0.99)) : null] },
    ],
    ['swapped operands', { ...opNamed('sub'), vjp: (_b, { cotangents: [ct] }) => [ct ?? null, ct ?? null] }],
    ['a forgotten sum', { ...opNamed('tanh'), vjp: null }],
  ];
  test.each(planted)('%s is caught', (_what, op) => {
    expect(() => gradientsAgree(op)).toThrow();
  });
});
