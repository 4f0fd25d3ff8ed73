// Random graph functions through all passes and the CPU plan, run on WebAssembly, against the graph
// interpreter; and the same with a planted fault.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluateDim } from '../../src/ir/dim.ts';
import { bindDims, evaluateHost, interpret } from '../../src/ir/interpreter.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import type { Kernel } from '../../src/ir/kernel.ts';
import type { Tensor } from '../../src/ir/op.ts';
import type { Plan } from '../../src/ir/plan.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { mapFunctions } from '../../src/passes/graph-rewriter.ts';
import { hostScalars } from '../../src/passes/host-scalars.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { planFor } from '../../src/passes/plan.ts';
import { simplifyFinal } from '../../src/passes/simplify.ts';
import { runs } from '../support/property-settings.ts';
import { difference, graphCases, moduleOf } from '../support/random-graph.ts';
import { load } from './run-nests.ts';

const cx = { count: (): void => undefined };

// Without results that are scalars of the host: those lie in no memory.
const tensorResults = (fn: GraphFunction): GraphFunction => {
  const scalars = new Set(fn.inputs.filter(({ value }) => value.type.shape.length === 0).map(({ value }) => value));
  return { ...fn, results: fn.results.filter(({ value }) => !scalars.has(value)) };
};

/** Results by name, from WebAssembly. */
function runPlan(
  plan: Plan,
  kernels: readonly Kernel[],
  inputs: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const typed = plan.inputs.flatMap(({ name, buffer }) => {
    const found = plan.buffers.find(({ id }) => id === buffer);
    return found ? [{ name, type: { dtype: found.dtype, shape: found.shape } }] : [];
  });
  const dims = bindDims({ ...plan, inputs: typed }, inputs);
  const given = { ...evaluateHost(plan.host, inputs, dims), ...inputs };
  const record = Object.fromEntries(Object.entries(given).map(([name, { data }]) => [name, data[0] ?? 0]));
  const loaded = load(plan, kernels, Object.fromEntries(dims), record);
  for (const { name, buffer } of plan.inputs) {
    const tensor = inputs[name];
    if (tensor && plan.buffers.some(({ id }) => id === buffer)) loaded.view(buffer ?? '').set(tensor.data);
  }
  loaded.run();
  return Object.fromEntries(
    plan.results.map(({ name, buffer }) => {
      const type = plan.buffers.find(({ id }) => id === buffer);
      return [
        name,
        {
          dtype: type?.dtype ?? 'f32',
          shape: (type?.shape ?? []).map((d) => evaluateDim(d, (dim) => dims.get(dim))),
          data: Float64Array.from(loaded.view(buffer)),
        },
      ];
    }),
  );
}

function agrees(change: (kernel: Kernel) => Kernel): { failed: boolean; report: string } {
  const result = fc.check(
    fc.property(graphCases(9), ({ fn, inputs }) => {
      const graph = mapFunctions(hostScalars.run(simplifyFinal.run(moduleOf(fn), cx), cx), tensorResults);
      const program = planFor('cpu').run(fuse.run(lowerToNests.run(graph, cx), cx), cx);
      const outputs = (graph.functions[0]?.results ?? []).map(({ name }) => name);
      const expected = interpret(fn, inputs, { outputs });
      // Where float32 itself lands elsewhere (a floor or a comparison that flips), nothing can be said.
      fc.pre(difference(expected, interpret(fn, inputs, { outputs, precision: 'f32' })) < 1e-5);
      const [plan] = program.plans;
      if (!plan) throw new Error('nothing was planned');
      expect(difference(expected, runPlan(plan, program.kernels.map(change), inputs))).toBeLessThan(1e-4);
    }),
    { numRuns: runs(60) },
  );
  return { failed: result.failed, report: fc.defaultReportMessage(result) ?? '' };
}

test('random programs compute on WebAssembly what the graph computes', () => {
  const { failed, report } = agrees((kernel) => kernel);
  expect(failed, report).toBe(false);
});

test('a kernel that does nothing is noticed', () => {
  expect(agrees((kernel) => ({ ...kernel, body: [] })).failed).toBe(true);
});
