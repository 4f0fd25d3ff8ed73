// The interpreters: demand, dims, host scalars; and the nests of random functions against their graphs.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFunction } from '../../src/ir/graph-text.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { hostScalars } from '../../src/passes/host-scalars.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { simplifyFinal } from '../../src/passes/simplify.ts';
import { difference, graphCases, moduleOf } from '../support/random-graph.ts';
import { runs } from '../support/property-settings.ts';

const f32 = (shape: readonly number[], values: readonly number[]): Tensor => ({ dtype: 'f32', shape, data: Float64Array.from(values) });
const cx = { count: () => {} };

const loss = parseFunction(`func @step(%x: f32[b, 2*n] argument "x", %w: f32[2*n] param "w") step dims (b >= 1, n >= 1 <= 2) facts (b % (2) == 0) {
  %1 = broadcast(%w) {axes = [1], shape = <b, 2*n>} : f32[b, 2*n]
  %2 = mul(%x, %1) : f32[b, 2*n]
  %3 = reduce(%2) {kind = "sum", axes = [0, 1]} : f32[]
  %4 = gradient(%3, %w) : f32[2*n]
  return output "loss" %3, update "w" %4;
}`);

describe('interpret', () => {
  const x = f32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]);

  it('evaluates only what is asked for', () => {
    expect(interpret(loss, { x, w: f32([4], [1, 0, 0, 1]) }, { outputs: ['loss'] })).toEqual({ loss: f32([], [18]) });
  });

  it('checks shapes, bounds and facts', () => {
    const w = f32([4], [0, 0, 0, 0]);
    expect(() => interpret(loss, { x, w: f32([2], [0, 0]) }, { outputs: ['loss'] })).toThrow(RangeError);
    expect(() => interpret(loss, { x: f32([1, 4], [0, 0, 0, 0]), w }, { outputs: ['loss'] })).toThrow('step: b is 1, which is not a multiple of 2');
    expect(() => interpret(loss, { x: f32([2, 6], [0]), w: f32([6], [0]) }, { outputs: ['loss'] })).toThrow('dim n is 3');
    expect(() => interpret(loss, { x }, { outputs: ['loss'] })).toThrow('no value was given for w');
  });

  it('rounds to float32 when asked', () => {
    const fn = parseFunction('func @f(%x: f32[] argument "x") entry { %1 = sin(%x) : f32[] return output "0" %1; }');
    expect(interpret(fn, { x: f32([], [0.1]) }, { precision: 'f32' })['0']?.data[0]).toBe(Math.fround(Math.sin(Math.fround(0.1))));
    expect(interpret(fn, { x: f32([], [0.1]) })['0']?.data[0]).toBe(Math.sin(0.1));
  });
});

const agrees = (change: (nests: NestFunction) => NestFunction): { failed: boolean; report: string } => {
  const result = fc.check(
    fc.property(graphCases(10), ({ fn, inputs }) => {
      const graph = hostScalars.run(simplifyFinal.run(moduleOf(fn), cx), cx);
      for (const nests of lowerToNests.run(graph, cx).functions)
        expect(difference(interpret(fn, inputs), interpretNests(change(nests), inputs))).toBeLessThan(1e-9);
    }),
    { numRuns: runs(120) },
  );
  return { failed: result.failed, report: fc.defaultReportMessage(result) ?? '' };
};

describe('interpretNests', () => {
  it('computes what the graph computes', () => {
    const { failed, report } = agrees((nests) => nests);
    expect(failed, report).toBe(false);
  });

  it('computes the same after fusion', () => {
    const { failed, report } = agrees((nests) => fuse.run({ name: 'm', functions: [nests] }, cx).functions[0] ?? nests);
    expect(failed, report).toBe(false);
  });

  it('is caught when a nest is dropped', () => {
    expect(agrees((nests) => ({ ...nests, body: nests.body.slice(0, -1) })).failed).toBe(true);
  });
});
