// The printer against the kernel interpreter: the same kernels, bit for bit, and a kernel with a planted
// fault that must be noticed. Also the binary itself: readable by wabt, fusable sites where they should be.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import wabtModule from 'wabt';
import { encodeWasm } from '../../src/codegen/wasm/module.ts';
import { constant } from '../../src/ir/dim.ts';
import type { KernelMemory } from '../../src/ir/kernel-interpreter.ts';
import { mapKernelExpr, mapStatements } from '../../src/ir/kernel-rewrite.ts';
import { runs } from '../support/property-settings.ts';
import { graphOf, nestsOf, tensor } from './graphs.ts';
import { interpretPlan } from './interpret-plan.ts';
import { load, planOf, type Loaded } from './run-nests.ts';

// A row kernel, a product, a column sum, a padded view, an integer op and random bits, of drawn sizes.
const drawn = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 21 }), fc.integer({ min: 1, max: 9 }));
function program([rows, columns, depth]: readonly [number, number, number]): ReturnType<typeof planOf> {
  const fn = graphOf(
    { a: ['f32', [rows, depth]], b: ['f32', [depth, columns]], i: ['i32', [rows, columns]] },
    (b, { a, b: right, i }) => {
      if (!a || !right || !i) return [];
      const x = b.dot(a, right, [], [[1, 0]]);
      const e = b.unary('exp', b.sub(x, b.broadcast(b.reduce('max', x, [1]), [0], [rows, columns])));
      const padded = b.op('pad', [x], {
        lo: [constant(0), constant(1)],
        hi: [constant(0), constant(2)],
        interior: [0, 0],
        value: 3,
      });
      return [
        b.div(e, b.broadcast(b.reduce('sum', e, [1]), [0], [rows, columns])),
        b.reduce('sum', x, [0]),
        b.unary('sin', padded),
        b.op('rem', [i, b.like(i, 3)]),
        b.op('argreduce', [x], { kind: 'max', axis: 1 }),
      ];
    },
  );
  return planOf(nestsOf(fn, true));
}

function initial(id: string, into: KernelMemory): void {
  if (['a', 'b', 'i'].includes(id)) into.set(tensor([into.length], id.charCodeAt(0), id === 'i' ? 'i32' : 'f32').data);
}

function outcome({ plan, kernels }: ReturnType<typeof planOf>): {
  loaded: Loaded;
  interpreted: Map<string, KernelMemory>;
} {
  const loaded = load(plan, kernels, {});
  for (const { id } of plan.buffers) initial(id, loaded.view(id));
  loaded.run();
  return { loaded, interpreted: interpretPlan(plan, kernels, initial) };
}

test('printed kernels do what the interpreter does, bit for bit', () => {
  fc.assert(
    fc.property(drawn, (sizes) => {
      const built = program(sizes);
      const { loaded, interpreted } = outcome(built);
      for (const { id } of built.plan.buffers) expect(loaded.view(id), id).toEqual(interpreted.get(id));
    }),
    { numRuns: runs(10) },
  );
});

test('a planted fault in a printed kernel is noticed', () => {
  const built = program([5, 13, 6]);
  const broken = built.kernels.map((kernel) => ({
    ...kernel,
    body: mapStatements(kernel.body, (e) =>
      mapKernelExpr(e, (x) => (x.kind === 'binary' && x.op === 'mul' && x.type === 'f32' ? { ...x, op: 'add' } : x)),
    ),
  }));
  const { interpreted } = outcome(built);
  const { loaded } = outcome({ ...built, kernels: broken });
  expect(
    built.plan.buffers.some(
      ({ id }) => JSON.stringify([...loaded.view(id)]) !== JSON.stringify([...(interpreted.get(id) ?? [])]),
    ),
  ).toBe(true);
});

const { plan: productPlan, kernels: productKernels } = planOf(
  nestsOf(
    graphOf({ a: ['f32', [8, 8]], b: ['f32', [8, 8]] }, (b, x) =>
      x['a'] && x['b'] ? [b.dot(x['a'], x['b'], [], [[1, 0]])] : [],
    ),
    true,
  ),
);

test('wabt reads the module, and every marked site is a multiplication and an addition', async () => {
  const { bytes, maddSites } = encodeWasm({ target: 'cpu', kernels: productKernels, plans: [productPlan] });
  const module = (await wabtModule()).readWasm(bytes, { simd: true, bulk_memory: true });
  module.validate();
  expect(module.toText({})).toContain('v128.load32_splat');
  expect(maddSites).toHaveLength(8);
  const patched = bytes.slice();
  for (const site of maddSites) {
    expect([...patched.subarray(site, site + 4)]).toEqual([0xfd, 0xe6, 0x01, 0x20]);
    let add = site + 4;
    while ((patched[add++] ?? 0) & 0x80) continue;
    expect([...patched.subarray(add, add + 3)]).toEqual([0xfd, 0xe4, 0x01]);
    patched.set([1, 1, 1], site);
    patched.set([0xfd, 0x85, 0x02], add);
  }
  const relaxed = (await wabtModule()).readWasm(patched, { simd: true, bulk_memory: true, relaxed_simd: true });
  relaxed.validate();
  expect(relaxed.toText({}).match(/f32x4\.(relaxed_madd|mul)/g)).toEqual(Array(8).fill('f32x4.relaxed_madd'));
});

test('constants that JSON cannot tell apart stay apart', () => {
  const fn = graphOf({ x: ['f32', [6]] }, (b, { x }) =>
    x ? [-0, 0, Number.NaN, 1].map((value) => b.div(b.one(x), b.mul(x, b.like(x, value)))) : [],
  );
  const { plan, kernels } = planOf(nestsOf(fn, true));
  const loaded = load(plan, kernels, {});
  loaded.view('x').fill(2);
  loaded.run();
  const results = nestsOf(fn, true).results.map(({ buffer }) => loaded.view(buffer)[5]);
  expect(results).toEqual([-Infinity, Infinity, Number.NaN, 0.5]);
});

test('equal work of different sizes is one kernel', () => {
  const [ten, twenty] = [10, 20].map(
    (size) =>
      planOf(
        nestsOf(
          graphOf({ x: ['f32', [size, 24]] }, (b, { x }) => (x ? [b.reduce('sum', x, [1])] : [])),
          true,
        ),
      ).kernels[0]?.body,
  );
  expect(ten).toBeDefined();
  expect(ten).toEqual(twenty);
});
