// Whole programs of both targets, interpreted, against the graph interpreter on random functions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretPlan } from '../../src/ir/plan-interpreter.ts';
import type { TargetProgram } from '../../src/ir/plan.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { mapFunctions } from '../../src/passes/graph-rewriter.ts';
import { hostScalars } from '../../src/passes/host-scalars.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { planFor } from '../../src/passes/plan.ts';
import { simplifyFinal } from '../../src/passes/simplify.ts';
import { runs } from '../support/property-settings.ts';
import { difference, graphCases, moduleOf } from '../support/random-graph.ts';

const cx = { count: () => {} };

// Without results that are scalars of the host: those lie in no memory.
const tensorResults = (fn: GraphFunction): GraphFunction => {
  const scalars = new Set(fn.inputs.filter(({ value }) => value.type.shape.length === 0).map(({ value }) => value));
  return { ...fn, results: fn.results.filter(({ value }) => !scalars.has(value)) };
};

function agrees(target: 'gpu' | 'cpu', change: (program: TargetProgram) => TargetProgram): { failed: boolean; report: string } {
  const result = fc.check(
    fc.property(graphCases(6, 13), ({ fn, inputs }) => {
      const graph = mapFunctions(hostScalars.run(simplifyFinal.run(moduleOf(fn), cx), cx), tensorResults);
      const program = change(planFor(target).run(fuse.run(lowerToNests.run(graph, cx), cx), cx));
      const outputs = (graph.functions[0]?.results ?? []).map(({ name }) => name);
      const expected = interpret(fn, inputs, { outputs });
      const rounded = interpret(fn, inputs, { outputs, precision: 'f32' });
      // Where float32 itself lands elsewhere (a floor or a comparison that flips), nothing can be said.
      fc.pre(difference(expected, rounded) < 1e-5);
      expect(difference(expected, interpretPlan(program, 'random', inputs))).toBeLessThan(1e-4);
    }),
    { numRuns: runs(40) },
  );
  return { failed: result.failed, report: fc.defaultReportMessage(result) ?? '' };
}

describe.each(['cpu', 'gpu'] as const)('interpreted programs for the %s', (target) => {
  it('compute what the graph computes', () => {
    const { failed, report } = agrees(target, (program) => program);
    expect(failed, report).toBe(false);
  });

  it('are caught when a kernel does nothing', () => {
    expect(agrees(target, (program) => ({ ...program, kernels: program.kernels.map((kernel) => ({ ...kernel, body: [] })) })).failed).toBe(true);
  });
});
