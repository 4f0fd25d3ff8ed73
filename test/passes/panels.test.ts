// Operands of products in loops that stay the same: laid out before the loop, read in place by the register kernel.
import { expect, test } from 'vitest';
import { Builder } from '../../src/ir/builder.ts';
import { dim } from '../../src/ir/dim.ts';
import type { GraphFunction, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { verifyNests } from '../../src/ir/nest-verify.ts';
import { panels } from '../../src/passes/panels.ts';
import { graphOf, nestsOf, tensor } from '../wasm/graphs.ts';
import { runNests } from '../wasm/run-nests.ts';

const [steps, batch] = [5, 6];

// h ← tanh(h·w + x_t), where the loop updates w too unless it `stays`.
function loop(width: number, transposed: boolean, stays: boolean): GraphFunction {
  const type = (...shape: number[]): Value => ({ type: { dtype: 'f32', shape: shape.map((n) => dim(n)) } });
  const signature = {
    h: ['f32', [batch, width]],
    w: ['f32', [width, width]],
    x: ['f32', [steps, batch, width]],
  } as const;
  return graphOf(signature, (b, { h, w, x }) => {
    if (!h || !w || !x) return [];
    const inner = new Builder(b.facts);
    const [t, carry, v, slice] = [
      { type: { dtype: 'i32', shape: [] } } as Value,
      type(batch, width),
      type(width, width),
      type(batch, width),
    ];
    const weight = stays ? w : v;
    const product = inner.dot(carry, weight, [], [[1, transposed ? 1 : 0]]);
    const next = inner.unary('tanh', inner.add(product, slice));
    const results = [next, inner.unary('neg', v), next];
    const [last, , all] = b.node('scan', [h, w, x], { carries: 2, length: dim(steps), reverse: false }, [
      { params: [t, carry, v, slice], nodes: inner.nodes, results },
    ]);
    return last && all ? [last, all] : [];
  });
}

const cases = [7, 8, 21].flatMap((width) => [true, false].map((transposed) => [width, transposed] as const));

test.each(cases)('a matrix of width %i, transposed %s, is laid out once', (width, transposed) => {
  const fn = loop(width, transposed, true);
  const inputs = { h: tensor([batch, width], 1), w: tensor([width, width], 2), x: tensor([steps, batch, width], 3) };
  const plain = nestsOf(fn, true);
  const module = panels.run({ name: 'm', functions: [plain] }, { count: () => undefined });
  const [laid] = module.functions;
  if (!laid) throw new Error('no function');
  expect(verifyNests(module)).toEqual([]);
  const kinds = laid.body.map((step) => (step.kind === 'loop' ? 'loop' : step.name));
  expect(kinds.indexOf('panels')).toBeGreaterThanOrEqual(0);
  expect(kinds.indexOf('panels')).toBeLessThan(kinds.indexOf('loop'));
  const want = interpret(fn, inputs);
  for (const got of [interpretNests(laid, inputs), runNests(laid, inputs)])
    for (const [name, { data }] of Object.entries(want))
      data.forEach((value, at) => expect(got[name]?.data[at], `${name}[${at}]`).toBeCloseTo(value, 4));
});

test('what the loop changes stays where it is', () => {
  const plain = nestsOf(loop(8, false, false), true);
  const { functions } = panels.run({ name: 'm', functions: [plain] }, { count: () => undefined });
  expect(functions[0]).toBe(plain);
});
