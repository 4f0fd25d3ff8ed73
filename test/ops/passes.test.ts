// Every op and its gradient through all passes of the compiler, on random cases: what comes out must
// compute what the graph computes without them.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { graphPasses } from '../../src/compile.ts';
import { Builder } from '../../src/ir/builder.ts';
import { isFloat } from '../../src/ir/dtype.ts';
import type { GraphModule, Value } from '../../src/ir/graph.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { OpCase, OpDefinition } from '../../src/ir/op.ts';
import { allOps, opNamed } from '../../src/ir/ops/registry.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import type { Pass } from '../../src/passes/pass.ts';
import { functionOf, moduleOf, numbered, valueOf, type Tensors } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';

const cx = { count: () => undefined };
const lowered = allOps.filter((op) => op.lower !== null);

const total = (b: Builder, x: Value): Value => b.reduce('sum', x, [...x.type.shape.keys()]);

/** The results of a case, and the gradient of the sum of their squares by its float operands. */
function moduleOfCase(op: OpDefinition, { inputs, attrs, regions }: OpCase): GraphModule {
  const b = new Builder();
  const values = inputs.map(valueOf);
  const outputs = b.node(op.name, values, attrs, regions);
  const params = values.filter(({ type }) => isFloat(type.dtype));
  const terms = outputs.filter(({ type }) => isFloat(type.dtype)).map((y) => total(b, b.mul(y, y)));
  const [first, ...others] = terms;
  const loss = first && others.reduce((sum, term) => b.add(sum, term), first);
  const gradients = loss && params.length > 0 ? b.node('gradient', [loss, ...params]) : [];
  return moduleOf(functionOf(b, numbered('x', values), { ...numbered('y', outputs), ...numbered('d', gradients) }));
}

const only = <T>([item]: readonly T[]): T => {
  if (item === undefined) throw new Error('nothing there');
  return item;
};

type GraphPass = Pass<GraphModule, GraphModule>;

function compiled(module: GraphModule, inputs: Tensors, passes: readonly GraphPass[]): Tensors {
  const optimised = passes.reduce((m, pass) => {
    const result = pass.run(m, cx);
    expect(verifyGraph(result), pass.name).toEqual([]);
    return result;
  }, module);
  return interpretNests(only(fuse.run(lowerToNests.run(optimised, cx), cx).functions), inputs);
}

/** Compares all results; gives how many numbers were compared. */
function agree(op: OpDefinition, one: OpCase, passes = graphPasses): number {
  const module = moduleOfCase(op, one);
  const inputs = numbered('x', one.inputs);
  const expected = interpret(only(autodiff.run(module, cx).functions), inputs);
  const found = compiled(module, inputs, passes);
  let compared = 0;
  for (const [name, { data }] of Object.entries(expected)) {
    data.forEach((value, at) => {
      const got = found[name]?.data[at] ?? Number.NaN;
      compared++;
      if (Number.isFinite(value))
        expect(Math.abs(got - value), `${name}[${at}]: ${got}, not ${value}`).toBeLessThanOrEqual(
          1e-9 * (1 + Math.abs(value)),
        );
    });
  }
  return compared;
}

describe('every op and its gradient through all passes', () => {
  test.each(lowered.map((op) => [op.name, op] as const))('%s', (_name, op) => {
    let compared = 0;
    fc.assert(
      fc.property(op.arbitrary(fc), (one) => {
        compared += agree(op, one);
      }),
      { numRuns: runs(12) },
    );
    expect(compared).toBeGreaterThan(0);
  });

  test('a pass that swaps operands is caught', () => {
    const swap: GraphPass = {
      name: 'swap',
      summary: 'a planted fault',
      run: (m) => ({
        ...m,
        functions: m.functions.map((fn) => ({
          ...fn,
          nodes: fn.nodes.map((node) => (node.op === 'sub' ? { ...node, inputs: node.inputs.toReversed() } : node)),
        })),
      }),
    };
    const sub = opNamed('sub');
    const faulty = fc.property(sub.arbitrary(fc), (one) => void agree(sub, one, [swap, ...graphPasses]));
    expect(() => fc.assert(faulty, { numRuns: runs(12) })).toThrow();
  });
});
