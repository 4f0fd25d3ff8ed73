// dot: the contraction of two tensors over pairs of axes (einsum without repeated or dropped axes).
import type * as FastCheck from 'fast-check';
import type { Builder } from '../builder.ts';
import { product, type Dim } from '../dim.ts';
import type { DType } from '../dtype.ts';
import type { Expr } from '../expr.ts';
import type { Attrs, Value } from '../graph.ts';
import type { Operand } from '../lower.ts';
import { defineOp, type OpCase } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { tensorOf } from './arbitrary.ts';
import { pairsOf } from './attributes.ts';
import { merge } from './merge.ts';
import {
  arity,
  axesWithout,
  extent,
  operand,
  requireAxes,
  requireClass,
  requireEqual,
  requireSameDType,
  typeText,
} from './shapes.ts';
import { build, element, forEachIndex, tensorAt, rounder } from './tensor.ts';
import { inputAt } from './vjp.ts';

type Side = 0 | 1;
type Pairs = readonly (readonly [number, number])[];

interface Roles {
  readonly batch: Pairs;
  readonly contract: Pairs;
  readonly freeA: readonly number[];
  readonly freeB: readonly number[];
}

function rolesOf(attrs: Attrs, rankA: number, rankB: number): Roles {
  const [batch, contract] = [pairsOf(attrs, 'batch'), pairsOf(attrs, 'contract')];
  const used = [...batch, ...contract];
  return {
    batch,
    contract,
    freeA: axesWithout(
      rankA,
      used.map(([a]) => a),
    ),
    freeB: axesWithout(
      rankB,
      used.map(([, b]) => b),
    ),
  };
}

/**
 * Cotangent of one operand (`self`), given the other: ct · other over the other's free axes.
 * ct has the axes [batch, free of a, free of b]; the product has [batch, free of self, contracted in the
 * other's order], which a permutation brings into the order of `self`.
 */
function operandVjp(b: Builder, ct: Value, other: Value, side: Side, { batch, contract, freeA, freeB }: Roles): Value {
  const [freeSelf, freeOther] = side === 0 ? [freeA, freeB] : [freeB, freeA];
  const n = batch.length;
  const otherStart = side === 0 ? n + freeA.length : n;
  const theirs: Side = side === 0 ? 1 : 0;
  const result = b.dot(
    ct,
    other,
    batch.map((pair, at) => [at, pair[theirs]] as const),
    freeOther.map((axis, at) => [otherStart + at, axis] as const),
  );
  const contracted = [...contract].sort((p, q) => p[theirs] - q[theirs]);
  const axes = [...batch.map((pair) => pair[side]), ...freeSelf, ...contracted.map((pair) => pair[side])];
  const order = axesWithout(axes.length, []).map((axis) => axes.indexOf(axis));
  return order.every((axis, at) => axis === at) ? result : b.permute(result, order);
}

/** Index into one operand, from an index of the result and one of the contracted axes. */
function indexOf<Entry>(
  { batch, contract, freeA, freeB }: Roles,
  side: Side,
  i: readonly Entry[],
  r: readonly Entry[],
): Entry[] {
  const paired = [...batch, ...contract].map((pair) => pair[side]);
  const free = side === 0 ? freeA : freeB;
  const start = batch.length + (side === 0 ? 0 : freeA.length);
  return merge(
    paired.length + free.length,
    paired,
    [...i.slice(0, batch.length), ...r],
    i.slice(start, start + free.length),
  );
}

/** An axis of a random case, by its role: b batch, k contracted, m free in the first, n in the second. */
interface NamedAxis {
  readonly id: string;
  readonly size: number;
}

const namedAxes = (letter: string, sizes: readonly number[]): NamedAxis[] =>
  sizes.map((size, at) => ({ id: `${letter}${at}`, size }));

const pairOf = (x: readonly NamedAxis[], y: readonly NamedAxis[], { id }: NamedAxis): [number, number] => [
  x.findIndex((axis) => axis.id === id),
  y.findIndex((axis) => axis.id === id),
];

function cases(fc: typeof FastCheck): FastCheck.Arbitrary<OpCase> {
  const sizes = (maxLength: number) => fc.array(fc.integer({ min: 1, max: 3 }), { maxLength });
  const mixed = (axes: NamedAxis[]) => fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length });
  const dtypes = fc.constantFrom<DType>('f32', 'f32', 'f32', 'i32');
  return fc.tuple(sizes(2), sizes(2), sizes(1), sizes(1), dtypes).chain(([b, k, m, n, dtype]) => {
    const [batch, contract] = [namedAxes('b', b), namedAxes('k', k)];
    const shared = [...batch, ...contract];
    return fc
      .tuple(mixed([...shared, ...namedAxes('m', m)]), mixed([...shared, ...namedAxes('n', n)]))
      .chain(([x, y]) => {
        const operands = [x, y].map((axes) =>
          tensorOf(
            fc,
            dtype,
            axes.map(({ size }) => size),
          ),
        );
        const attrs = {
          batch: batch.map((axis) => pairOf(x, y, axis)),
          contract: contract.map((axis) => pairOf(x, y, axis)),
        };
        return fc.tuple(...operands).map((inputs) => ({ inputs, attrs }));
      });
  });
}

export default defineOp({
  name: 'dot',
  doc: 'Sum of products over the `contract` axes, for each point of the `batch` axes. The result has the batch axes, the free axes of the first operand, then those of the second. f16 accumulates in f32.',
  attrs: {
    batch: 'pairs [axis of the first, axis of the second] that run together',
    contract: 'pairs that are summed over',
  },
  infer(inputs, attrs, facts) {
    arity(inputs, 2);
    const [a, b] = [operand(inputs, 0), operand(inputs, 1)];
    requireSameDType(a, b);
    requireClass(a, 'number');
    const { batch, contract, freeA, freeB } = rolesOf(attrs, a.shape.length, b.shape.length);
    const used = [...batch, ...contract];
    requireAxes(
      a,
      used.map(([axis]) => axis),
    );
    requireAxes(
      b,
      used.map(([, axis]) => axis),
    );
    for (const [p, q] of used) {
      requireEqual(facts, extent(a, p), extent(b, q), `axis ${p} of ${typeText(a)} and axis ${q} of ${typeText(b)}`);
    }
    const shape = [
      ...batch.map(([p]) => extent(a, p)),
      ...freeA.map((p) => extent(a, p)),
      ...freeB.map((q) => extent(b, q)),
    ];
    return [{ dtype: a.dtype, shape }];
  },
  vjp(b, { inputs, attrs, cotangents: [ct], needs }) {
    if (!ct) return [null, null];
    const [x, y] = [inputAt(inputs, 0), inputAt(inputs, 1)];
    const roles = rolesOf(attrs, x.type.shape.length, y.type.shape.length);
    return [needs[0] ? operandVjp(b, ct, y, 0, roles) : null, needs[1] ? operandVjp(b, ct, x, 1, roles) : null];
  },
  lower(k, [a, b], attrs) {
    if (!a || !b) return [];
    const roles = rolesOf(attrs, a.type.shape.length, b.type.shape.length);
    const accumulator = a.type.dtype === 'f16' ? 'f32' : a.type.dtype;
    const factor = (x: Operand, side: Side, i: readonly Dim[], r: readonly Dim[]): Expr =>
      k.cast(accumulator, x.at(indexOf(roles, side, i, r)));
    return [
      k.reduce(
        roles.contract.map(([p]) => extent(a.type, p)),
        { name: 'sum', arity: 1 },
        (i, r) => [k.binary('mul', factor(a, 0, i, r), factor(b, 1, i, r))],
      ),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const [a, b] = [tensorAt(inputs, 0), tensorAt(inputs, 1)];
    const roles = rolesOf(attrs, a.shape.length, b.shape.length);
    const { batch, contract, freeA, freeB } = roles;
    const shape = [...batch.map(([p]) => p), ...freeA].map((p) => a.shape[p] ?? 1);
    const contracted = contract.map(([p]) => a.shape[p] ?? 1);
    const round = rounder(a.dtype, cx);
    return [
      build(a.dtype, [...shape, ...freeB.map((q) => b.shape[q] ?? 1)], (i) => {
        let sum = 0;
        forEachIndex(contracted, (r) => {
          const [x, y] = [element(a, indexOf(roles, 0, i, r)), element(b, indexOf(roles, 1, i, r))];
          sum = round(evaluateBinary('add', a.dtype, sum, round(evaluateBinary('mul', a.dtype, x, y))));
        });
        return sum;
      }),
    ];
  },
  cost([a], [out], attrs) {
    const contracted = a ? pairsOf(attrs, 'contract').map(([p]) => extent(a, p)) : [];
    return { flops: product([2, ...(out?.shape ?? []), ...contracted]) };
  },
  arbitrary: cases,
});
