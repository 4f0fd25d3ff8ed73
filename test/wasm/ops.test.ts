// Every op with a lowering, on random operands: WebAssembly against the op's own evaluation.
import fc, * as fastCheck from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFloat } from '../../src/ir/dtype.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import type { OpCase, OpDefinition, Tensor } from '../../src/ir/op.ts';
import { allOps } from '../../src/ir/ops/registry.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { caseFunction, moduleOf } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';
import { runNests } from './run-nests.ts';

function lowered(fn: GraphFunction): NestFunction {
  const [nests] = lowerToNests.run(moduleOf(fn), { count: () => undefined }).functions;
  if (!nests) throw new Error('nothing was lowered');
  return nests;
}

/** |got − want| within a few units of f32 around the sizes that took part. */
function expectClose(got: Tensor, want: Tensor, scale: number): void {
  expect(got.shape).toEqual(want.shape);
  want.data.forEach((value, at) => {
    const actual = got.data[at] ?? Number.NaN;
    if (!isFloat(want.dtype)) return expect(actual).toBe(value);
    if (Number.isNaN(value)) return expect(actual).toBeNaN();
    if (Math.abs(value) > 1e30) return expect(Math.abs(actual)).toBeGreaterThan(1e29);
    expect(Math.abs(actual - Math.fround(value))).toBeLessThanOrEqual(4e-6 * (Math.abs(value) + scale) + 1e-37);
  });
}

const fround = (x: Tensor): Tensor => (isFloat(x.dtype) ? { ...x, data: x.data.map(Math.fround) } : x);
const usesF16 = (op: OpDefinition, c: OpCase): boolean =>
  c.inputs.some((x) => x.dtype === 'f16') ||
  caseFunction(op, c).results.some(({ value }) => value.type.dtype === 'f16');

// Ops that add up products of so many operands: terms may cancel, so errors are measured by their size.
const factors: Readonly<Record<string, number>> = {
  dot: 2,
  conv: 2,
  reduce: 1,
  scatter: 1,
  window_sum: 1,
  window_unpick: 1,
  cumreduce: 1,
  scan: 1,
};

describe('every op on WebAssembly', () => {
  const withLowering = allOps.filter((op) => op.lower);
  let executed = 0;
  test.each(withLowering.map((op) => [op.name, op] as const))('%s', (_, op) => {
    fc.assert(
      fc.property(op.arbitrary(fastCheck), (drawn) => {
        const c = { ...drawn, inputs: drawn.inputs.map(fround) };
        if (usesF16(op, c)) return;
        const fn = caseFunction(op, c);
        const inputs = Object.fromEntries(c.inputs.map((x, at) => [`x${at}`, x]));
        const want = interpret(fn, inputs);
        const nests = lowered(fn);
        const got = runNests(nests, inputs);
        executed++;
        const largest = Math.max(0, ...c.inputs.flatMap((x) => [...x.data].map(Math.abs).filter(Number.isFinite)));
        const scale = (factors[op.name] ?? 0) && Math.max(1, largest) ** (factors[op.name] ?? 0) * 4;
        for (const [name, tensor] of Object.entries(want)) expectClose(got[name] ?? tensor, tensor, scale);
        if (nests.body.length > 1) return;
        const split = runNests(nests, inputs, {}, 3);
        for (const [name, tensor] of Object.entries(got)) expect(split[name]).toEqual(tensor);
      }),
      { numRuns: runs(40) },
    );
  });
  test('most cases were executed', () => expect(executed).toBeGreaterThan(withLowering.length * runs(40) * 0.5));
});
