// cumreduce: running sum, product or extremum along an axis.
import type { Builder } from '../builder.ts';
import { asConstant, constant, mul, product, sub, zero, type Dim, type DimLike } from '../dim.ts';
import { isFloat } from '../dtype.ts';
import type { Attrs, Value } from '../graph.ts';
import { defineOp } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { oneDType, tensors } from './arbitrary.ts';
import { numberOf, textOf } from './attributes.ts';
import { identity } from './reduce.ts';
import { arity, axesWithout, extent, operand, requireClass } from './shapes.ts';
import { element, fill, forEachIndex, positionOf, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

const kinds = ['sum', 'max', 'min', 'prod'] as const;
const combine = { sum: 'add', max: 'max', min: 'min', prod: 'mul' } as const;

interface Run {
  readonly kind: (typeof kinds)[number];
  readonly axis: number;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

const runOf = (attrs: Attrs): Run => ({
  kind: textOf(attrs, 'kind', kinds),
  axis: numberOf(attrs, 'axis'),
  reverse: attrs['reverse'] === true,
  exclusive: attrs['exclusive'] === true,
});

const running = (b: Builder, x: Value, run: Run): Value => b.op('cumreduce', [x], { ...run });

// Every result reduces a row of its own, which is quick in parallel and quadratic in work: long rows are
// cut into blocks of this many elements.
const block = 32;
const longest = 256;

// Running results within each block, combined with what the blocks before it give.
function inBlocks(b: Builder, x: Value, run: Run): Value | null {
  const { dtype, shape } = x.type;
  const n = asConstant(shape[run.axis] ?? zero) ?? 0;
  // A block's extremum would share its gradient among equal elements; f16 would round between blocks.
  const changes = dtype === 'f16' || (isFloat(dtype) && (run.kind === 'max' || run.kind === 'min'));
  if (n <= longest || changes) return null;
  const blocks = Math.ceil(n / block);
  const at = (items: readonly DimLike[]): DimLike[] => [
    ...shape.slice(0, run.axis),
    ...items,
    ...shape.slice(run.axis + 1),
  ];
  const rows = b.reshape(padded(b, x, run, blocks * block - n), at([blocks, block]));
  const totals = running(b, b.reduce(run.kind, rows, [run.axis + 1]), { ...run, exclusive: true });
  const before = b.broadcast(totals, axesWithout(shape.length + 1, [run.axis + 1]), rows.type.shape);
  const within = running(b, rows, { ...run, axis: run.axis + 1 });
  const whole = b.reshape(b.binary(combine[run.kind], before, within), at([blocks * block]));
  return b.op('slice', [whole], { start: shape.map(() => zero), size: shape, stride: shape.map(() => 1) });
}

// Elements that change nothing, after the last.
function padded(b: Builder, x: Value, run: Run, count: number): Value {
  const { dtype, shape } = x.type;
  const hi = shape.map((_, axis) => constant(axis === run.axis ? count : 0));
  const lo = shape.map(() => zero);
  return count === 0 ? x : b.op('pad', [x], { lo, hi, interior: shape.map(() => 0), value: identity(run.kind, dtype) });
}

/** What each element adds to all the results that it is part of. */
const backwards = (b: Builder, ct: Value, run: Run): Value =>
  running(b, ct, { ...run, kind: 'sum', reverse: !run.reverse });

// Each result's product of the others, without dividing by 0: with no factor 0 it is result / x; with
// one, only that factor gets something, the product p of the rest. Exact in the first derivative.
function productVjp(b: Builder, x: Value, ct: Value, run: Run): Value {
  const isZero = b.binary('eq', x, b.zero(x));
  const factor = b.select(isZero, b.one(x), x);
  const count = b.cast(isZero, 'i32');
  const zeros = running(b, count, { ...run, kind: 'sum' });
  const before = running(b, count, { ...run, kind: 'sum', exclusive: true });
  const p = b.mul(ct, running(b, factor, run));
  const where = (n: number): Value =>
    backwards(b, b.select(b.binary('eq', zeros, b.like(zeros, n)), p, b.zero(p)), run);
  const isFirst = b.binary('eq', before, b.zero(before));
  return b.select(isZero, b.select(isFirst, where(1), b.zero(x)), b.div(where(0), factor));
}

// The first element that reached an extremum gets its cotangent. An element that beats all before it sets
// a record; the number of the last record at a result says which one set it; counting along the run.
function extremumVjp(b: Builder, x: Value, ct: Value, run: Run): Value {
  const { shape } = x.type;
  const best = running(b, x, { ...run, exclusive: true });
  const beats = run.kind === 'max' ? b.binary('lt', best, x) : b.binary('lt', x, best);
  const place = b.op('iota', [], { dtype: 'i32', shape, axis: run.axis });
  const none = b.like(place, run.reverse ? highestPlace : -1);
  const records = b.select(beats, place, none);
  const setter = running(b, records, { ...run, kind: run.reverse ? 'min' : 'max' });
  return pulledTo(b, setter, ct, run.axis);
}

// Σ over results i with setter(i) = j of ct(i), for every j: rows that are apart never meet.
function pulledTo(b: Builder, setter: Value, ct: Value, axis: number): Value {
  const { shape } = ct.type;
  const n = shape[axis] ?? zero;
  const wide = [...shape.slice(0, axis), n, ...shape.slice(axis)];
  const along = shape.map((_, at) => (at < axis ? at : at + 1));
  const target = b.op('iota', [], { dtype: 'i32', shape: wide, axis });
  const isHere = b.binary('eq', b.broadcast(setter, along, wide), target);
  const spread = b.broadcast(ct, along, wide);
  return b.reduce('sum', b.select(isHere, spread, b.zero(spread)), [axis + 1]);
}

const highestPlace = 0x7fffffff;

export default defineOp({
  name: 'cumreduce',
  doc: 'Running sum, product, maximum or minimum along `axis`: result i combines the elements up to and with i (without, where `exclusive`), or from i on where `reverse`. Over no elements it is the identity: 0, 1, the lowest or the highest number of the dtype. f16 accumulates in f32.',
  attrs: {
    kind: 'sum, max, min or prod',
    axis: 'the axis to run along',
    reverse: 'whether to run from the last element to the first',
    exclusive: 'whether element i itself is left out',
  },
  infer(inputs, attrs) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    requireClass(x, 'number');
    extent(x, runOf(attrs).axis);
    return [x];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const [x, run] = [inputAt(inputs, 0), runOf(attrs)];
    if (run.kind === 'sum') return [backwards(b, ct, run)];
    return [run.kind === 'prod' ? productVjp(b, x, ct, run) : extremumVjp(b, x, ct, run)];
  },
  lower(k, [x], attrs) {
    if (!x) return [];
    const { kind, axis, reverse, exclusive } = runOf(attrs);
    const accumulator = x.type.dtype === 'f16' ? 'f32' : x.type.dtype;
    const nothing = k.constant(accumulator, identity(kind, x.type.dtype));
    const isIncluded = (i: Dim, r: Dim): Dim => sub(reverse ? sub(r, i) : sub(i, r), exclusive ? 1 : 0);
    return [
      k.reduce([extent(x.type, axis)], { name: kind, arity: 1 }, (i, [r = zero]) => {
        const value = k.cast(accumulator, x.at(i.map((at, other) => (other === axis ? r : at))));
        return [k.guard([{ kind: '>=0', lhs: isIncluded(i[axis] ?? zero, r) }], value, nothing)];
      }),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const x = tensorAt(inputs, 0);
    const { kind, axis, reverse, exclusive } = runOf(attrs);
    const n = x.shape[axis] ?? 1;
    const out = fill(x.dtype, x.shape, () => 0);
    const round = rounder(x.dtype, cx);
    forEachIndex(
      axesWithout(x.shape.length, [axis]).map((other) => x.shape[other] ?? 1),
      (row) => {
        let sofar = identity(kind, x.dtype);
        for (let step = 0; step < n; step++) {
          const index = [...row.slice(0, axis), reverse ? n - 1 - step : step, ...row.slice(axis)];
          const next = round(evaluateBinary(combine[kind], x.dtype, sofar, element(x, index)));
          out.data[positionOf(x.shape, index)] = exclusive ? sofar : next;
          sofar = next;
        }
      },
    );
    return [out];
  },
  rewrites: {
    'cumreduce-in-blocks': (b, { inputs, attrs }) => {
      const result = inBlocks(b, inputAt(inputs, 0), runOf(attrs));
      return result ? [result] : null;
    },
  },
  cost: ([x], _outputs, attrs) => ({ flops: mul(product(x?.shape ?? []), x ? extent(x, numberOf(attrs, 'axis')) : 1) }),
  // An extremum of no floats is near the largest number, beside which differences of a sum see nothing.
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'f32', 'f32', 'i32', 'u32')
      .chain((dtype) => tensors(fc, dtype, {}, { minRank: 1 }))
      .chain((x) =>
        fc
          .record({
            kind: fc.constantFrom(...kinds),
            axis: fc.nat({ max: x.shape.length - 1 }),
            reverse: fc.boolean(),
            isExclusive: fc.boolean(),
          })
          .map(({ isExclusive, ...run }) => {
            const exclusive = isExclusive && (!isFloat(x.dtype) || run.kind === 'sum' || run.kind === 'prod');
            return { inputs: [x], attrs: { ...run, exclusive } };
          }),
      ),
});
