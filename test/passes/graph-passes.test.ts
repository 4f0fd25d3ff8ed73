// Every graph pass keeps the meaning of random functions, and what it promises in small examples.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Builder } from '../../src/ir/builder.ts';
import { constant, variable, type Dim } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { GraphFunction, GraphModule, Value } from '../../src/ir/graph.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { cse } from '../../src/passes/cse.ts';
import { dce } from '../../src/passes/dce.ts';
import { hostScalars } from '../../src/passes/host-scalars.ts';
import type { Pass } from '../../src/passes/pass.ts';
import { simplify, simplifyFinal } from '../../src/passes/simplify.ts';
import { sampleTensor } from '../support/graph-cases.ts';
import { difference, graphCases, moduleOf } from '../support/random-graph.ts';
import { runs } from '../support/property-settings.ts';

type GraphPass = Pass<GraphModule, GraphModule>;
const passes: readonly GraphPass[] = [simplify, simplifyFinal, cse, dce, hostScalars];

function apply(pass: GraphPass, fn: GraphFunction, counts: Map<string, number> = new Map()): GraphFunction {
  const module = pass.run(moduleOf(fn), {
    count: (name, times = 1) => counts.set(name, (counts.get(name) ?? 0) + times),
  });
  expect(verifyGraph(module)).toEqual([]);
  const [result] = module.functions;
  if (!result) throw new RangeError('the pass lost the function');
  return result;
}

function check(run: (fn: GraphFunction) => GraphFunction): { failed: boolean; report: string } {
  const result = fc.check(
    fc.property(graphCases(), ({ fn, inputs }) => {
      expect(difference(interpret(fn, inputs), interpret(run(fn), inputs))).toBeLessThan(1e-9);
    }),
    { numRuns: runs(250) },
  );
  return { failed: result.failed, report: fc.defaultReportMessage(result) ?? '' };
}

// Takes the absolute value wherever a sign changes.
const wrong = (fn: GraphFunction): GraphFunction => ({
  ...fn,
  nodes: fn.nodes.map((node) => (node.op === 'neg' ? { ...node, op: 'abs' } : node)),
});

describe('graph passes', () => {
  it.each(passes.map((pass) => [pass.name, pass] as const))('%s keeps the meaning', (_, pass) => {
    const { failed, report } = check((fn) => apply(pass, fn));
    expect(failed, report).toBe(false);
  });

  it('keep the meaning one after another', () => {
    const { failed, report } = check((fn) =>
      [simplify, cse, simplifyFinal, cse, hostScalars, dce].reduce((result, pass) => apply(pass, result), fn),
    );
    expect(failed, report).toBe(false);
  });

  it('are caught when a rewrite is wrong', () => {
    expect(check(wrong).failed).toBe(true);
  });

  it('random functions are well typed and reach every op family', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(graphCases(), ({ fn }) => {
        expect(verifyGraph(moduleOf(fn))).toEqual([]);
        for (const node of fn.nodes) seen.add(node.op);
      }),
      { numRuns: runs(200) },
    );
    for (const op of [
      'add',
      'select',
      'cast',
      'reshape',
      'permute',
      'broadcast',
      'reduce',
      'argreduce',
      'dot',
      'slice',
      'pad',
      'concat',
      'gather',
      'scatter',
      'random_bits',
      'scan',
      'fold_in',
    ])
      expect(seen).toContain(op);
  });
});

const b0 = variable('b');

function functionOf(build: (b: Builder, x: Value, t: Value) => readonly Value[]): GraphFunction {
  const dims = [{ name: 'b', min: 1 }];
  const b = new Builder(new Facts(dims));
  const x: Value = { type: { dtype: 'f32', shape: [b0, b0] }, name: 'x' };
  const t: Value = { type: { dtype: 'i32', shape: [] }, name: 'iteration' };
  const results = build(b, x, t).map((value, at) => ({ name: String(at), role: 'output' as const, value }));
  return {
    name: 'f',
    kind: 'step',
    dims,
    facts: [],
    nodes: b.nodes,
    results,
    host: [],
    inputs: [
      { name: 'x', role: 'argument', value: x },
      { name: 'iteration', role: 'iteration', value: t },
    ],
  };
}

const ops = (fn: GraphFunction): string[] => fn.nodes.map(({ op }) => op);

describe('simplify', () => {
  it('removes identities and counts them', () => {
    const counts = new Map<string, number>();
    const fn = functionOf((b, x) => [b.mul(b.add(x, b.zero(x)), b.one(x))]);
    expect(apply(simplify, fn, counts).results[0]?.value).toBe(fn.inputs[0]?.value);
    expect([...counts]).toEqual([
      ['add-zero', 1],
      ['mul-one', 1],
    ]);
  });

  // Gradients of rows of x (of its columns, where the axis is 0) divided by what their sums are spread to.
  it.each([
    { axis: 1, spread: [0], matches: 1 },
    { axis: 0, spread: [1], matches: 1 },
    { axis: 1, spread: [1], matches: 0 },
    { axis: 0, spread: [0], matches: 0 },
  ])('takes the gradient of a softmax from its result: %o', ({ axis, spread, matches }) => {
    const counts = new Map<string, number>();
    const fn = functionOf((b, x) => {
      const e = b.unary('exp', x);
      const p = b.div(e, b.broadcast(b.reduce('sum', e, [axis]), spread, [b0, b0]));
      const loss = b.reduce('sum', b.mul(b.mul(p, p), x), [0, 1]);
      return b.node('gradient', [loss, x]);
    });
    const expanded = apply(autodiff, fn);
    const after = apply(dce, apply(cse, apply(simplifyFinal, expanded, counts)));
    expect(counts.get('softmax-gradient') ?? 0).toBe(matches);
    const e = after.nodes.find(({ op }) => op === 'exp')?.outputs[0];
    const readers = after.nodes.filter(({ inputs }) => inputs.some((value) => value === e)).map(({ op }) => op);
    if (matches > 0) expect(readers).toEqual(['reduce', 'div']);
    const given = {
      x: sampleTensor([5, 5], 1),
      iteration: { dtype: 'i32' as const, shape: [], data: Float64Array.of(1) },
    };
    expect(difference(interpret(expanded, given), interpret(after, given))).toBeLessThan(1e-12);
  });

  it('joins views and folds constants through them', () => {
    const fn = functionOf((b, x) => [
      b.reshape(b.reshape(x, [b0, b0, 1]), [b0, 1, b0]),
      b.permute(b.permute(x, [1, 0]), [1, 0]),
      b.mul(b.full('f32', 2, [b0]), b.full('f32', 3, [b0])),
    ]);
    expect(ops(apply(dce, apply(simplify, fn)))).toEqual(['reshape', 'constant', 'broadcast']);
  });

  // Slices of the rows (or columns) of x, each widened by zeros to where it was, added up in this order.
  it.each([
    { order: [0, 1, 2], axis: 0, becomes: ['concat'] },
    { order: [2, 1, 0], axis: 1, becomes: ['concat'] },
    { order: [1, 2], axis: 1, becomes: ['concat', 'pad'] },
    { order: [0, 2], axis: 0, becomes: ['pad', 'pad', 'add'] },
    { order: [1, 1], axis: 0, becomes: ['pad', 'add'] },
  ])('puts neighbours beside each other: %o', ({ order, axis, becomes }) => {
    const six: Value = { type: { dtype: 'f32', shape: [constant(6), constant(6)] }, name: 'x' };
    const at = (n: number): Dim[] => [0, 1].map((other) => constant(other === axis ? 2 * n : 0));
    const fn = functionOf((b) => {
      const parts = order.map((n) => {
        const size = [0, 1].map((other) => constant(other === axis ? 2 : 6));
        const part = b.op('slice', [six], { start: at(n), size, stride: [1, 1] });
        return b.op('pad', [part], { lo: at(n), hi: at(2 - n), interior: [0, 0], value: 0 });
      });
      return [parts.reduce((sum, part) => b.add(sum, part))];
    });
    const [, iteration] = fn.inputs;
    if (!iteration) throw new RangeError('a function without inputs');
    const before: GraphFunction = { ...fn, inputs: [{ name: 'x', role: 'argument', value: six }, iteration] };
    const after = apply(dce, apply(cse, apply(simplify, before)));
    expect(ops(after).filter((op) => op !== 'slice')).toEqual(becomes);
    const given = {
      x: sampleTensor([6, 6], 1),
      iteration: { dtype: 'i32' as const, shape: [], data: Float64Array.of(1) },
    };
    expect(difference(interpret(before, given), interpret(after, given))).toBe(0);
  });

  it('looks through nothing that a gradient is taken of', () => {
    const fn = functionOf((b, x) => {
      const p = b.mul(x, b.one(x));
      const loss = b.reduce('sum', b.mul(p, x), [0, 1]);
      return b.node('gradient', [loss, p]);
    });
    expect(ops(apply(simplify, fn))).toEqual(ops(fn));
  });
});

describe('cse', () => {
  it('merges equal nodes, not copies', () => {
    const fn = functionOf((b, x) => [
      b.add(b.unary('exp', x), b.unary('exp', x)),
      b.op('copy', [x]),
      b.op('copy', [x]),
    ]);
    expect(ops(apply(cse, fn))).toEqual(['exp', 'add', 'copy', 'copy']);
  });
});

describe('host-scalars', () => {
  it('moves schedules to the host and leaves the tensor work', () => {
    const fn = functionOf((b, x, t) => {
      const bias = b.sub(b.full('f32', 1), b.binary('pow', b.full('f32', 0.999), b.cast(t, 'f32')));
      return [b.div(x, b.broadcast(bias, [], x.type.shape))];
    });
    const moved = apply(dce, apply(hostScalars, fn));
    expect(ops(moved)).toEqual(['broadcast', 'div']);
    expect(moved.host).toHaveLength(1);
    expect(moved.inputs.at(-1)).toMatchObject({ name: 'host.0', role: 'step' });
  });

  it('hands a bool over as a number', () => {
    const fn = functionOf((b, x, t) => {
      const early = b.binary('lt', t, b.full('i32', 5));
      return [b.select(b.broadcast(early, [], x.type.shape), x, b.neg(x))];
    });
    const moved = apply(hostScalars, fn);
    expect(moved.host.map(({ dtype }) => dtype)).toEqual(['i32']);
    const x = { dtype: 'f32' as const, shape: [1, 1], data: Float64Array.of(3) };
    for (const at of [4, 5]) {
      const inputs = { x, iteration: { dtype: 'i32' as const, shape: [], data: Float64Array.of(at) } };
      expect(interpret(moved, inputs)).toEqual(interpret(fn, inputs));
    }
  });

  it('leaves results and what a caller gives on the device', () => {
    const fn = functionOf((b, x, t) => [b.add(t, t), b.unary('exp', b.reduce('sum', x, [0, 1]))]);
    const moved = apply(hostScalars, fn);
    expect(moved.host).toEqual([]);
    expect(ops(moved)).toEqual(ops(fn));
  });
});
