// cumreduce: running sum, product or extremum along an axis.
import type { Builder } from '../builder.ts';
import { asConstant, product, sub, zero, type Dim } from '../dim.ts';
import { highest, isFloat, lowest } from '../dtype.ts';
import type { Expr } from '../expr.ts';
import type { Attrs, TensorType, Value } from '../graph.ts';
import type { LowerContext, Operand } from '../lower.ts';
import type { Nest, OpaqueNest } from '../nest.ts';
import { defineOp, ShapeError } from '../op.ts';
import { evaluateBinary } from '../scalar-semantics.ts';
import { oneDType, tensorOf, tensors } from './arbitrary.ts';
import { numberOf, textOf } from './attributes.ts';
import { identity } from './reduce.ts';
import { arity, axesWithout, extent, operand, requireClass, requireDType, requireSameShape } from './shapes.ts';
import { element, fill, forEachIndex, positionOf, rounder, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

const kinds = ['sum', 'max', 'min', 'prod'] as const;
/** How the results of a kind combine. */
export const combineOf = { sum: 'add', max: 'max', min: 'min', prod: 'mul' } as const;

/** What to combine, and along what. */
export interface Run {
  readonly kind: (typeof kinds)[number];
  readonly axis: number;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

/** The attributes of a running reduction. */
export const runOf = (attrs: Attrs): Run => ({
  kind: textOf(attrs, 'kind', kinds),
  axis: numberOf(attrs, 'axis'),
  reverse: attrs['reverse'] === true,
  exclusive: attrs['exclusive'] === true,
});

const running = (b: Builder, x: Value, run: Run): Value => b.op('cumreduce', [x], { ...run });

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
// a record, and a run of results up to the next record shares it: sums of runs, added up from their ends.
function extremumVjp(b: Builder, x: Value, ct: Value, run: Run): Value {
  const best = running(b, x, { ...run, exclusive: true });
  const beats = run.kind === 'max' ? b.binary('lt', best, x) : b.binary('lt', x, best);
  const shares = run.exclusive ? following(b, ct, run) : ct;
  const back: Run = { kind: 'sum', axis: run.axis, reverse: !run.reverse, exclusive: false };
  const sums = b.op('cumreduce', [shares, following(b, beats, run)], { ...back });
  return b.select(beats, sums, b.zero(sums));
}

// Each element's successor in the direction of the run; 0 behind the last.
function following(b: Builder, x: Value, { axis, reverse }: Pick<Run, 'axis' | 'reverse'>): Value {
  const place = b.op('iota', [], { dtype: 'i32', shape: [extent(x.type, axis)], axis: 0 });
  return b.op('gather', [x, b.add(place, b.like(place, reverse ? -1 : 1))], { axis });
}

// Runs that begin anew at `starts` go back from their ends: the last element of a run is the one whose
// successor starts another.
function segmentsVjp(b: Builder, starts: Value, ct: Value, run: Run): Value {
  return b.op('cumreduce', [ct, following(b, starts, run)], { ...run, reverse: !run.reverse });
}

// Short rows stay a reduction for each result, which fuses with what is around it.
const shortRow = 16;

// The run as one kernel, in f32 where the operand is f16.
function whole(k: LowerContext, operands: readonly Operand[], attrs: Attrs): (Nest | OpaqueNest)[] {
  const { kind, axis, reverse, exclusive } = runOf(attrs);
  const out = k.output();
  const isHalf = out.type.dtype === 'f16';
  const wide: TensorType = { ...out.type, dtype: 'f32' };
  const held = operands.map((x) => {
    if (x.type.dtype !== 'f16') return k.held(x);
    const copy = k.temporary(wide);
    return { held: copy, nests: [k.mapTo(copy, (i) => k.cast('f32', x.at(i)))] };
  });
  const reads = held.map((x) => x.held);
  const result = isHalf ? k.temporary(wide) : out;
  const run = k.opaque(reads, [result], { kind, axis, reverse, exclusive });
  // Over nothing, an extremum of f32 is further out than f16 goes.
  const inHalf = (x: Expr): Expr => {
    const [low, high] = [k.constant('f32', lowest.f16), k.constant('f32', highest.f16)];
    return k.cast('f16', k.binary('max', low, k.binary('min', high, x)));
  };
  const narrowed = isHalf ? [k.map((i) => inHalf(result.at(i)))] : [];
  return [...held.flatMap(({ nests }) => nests), run, ...narrowed];
}

export default defineOp({
  name: 'cumreduce',
  doc: 'Running sum, product, maximum or minimum along `axis`: result i combines the elements up to and with i (without, where `exclusive`), or from i on where `reverse`. Over no elements it is the identity: 0, 1, the lowest or the highest number of the dtype. f16 accumulates in f32. With operand 1 (bool, sums only) the run starts anew at the elements where it is true.',
  attrs: {
    kind: 'sum, max, min or prod',
    axis: 'the axis to run along',
    reverse: 'whether to run from the last element to the first',
    exclusive: 'whether element i itself is left out',
  },
  infer(inputs, attrs, facts) {
    const x = operand(inputs, 0);
    const { axis, kind, exclusive } = runOf(attrs);
    requireClass(x, 'number');
    extent(x, axis);
    if (inputs.length === 1) return [x];
    arity(inputs, 2);
    requireSameShape(facts, x, operand(inputs, 1));
    requireDType(operand(inputs, 1), 'bool', 'where runs start');
    if (kind !== 'sum' || exclusive) throw new ShapeError('attribute', 'only inclusive sums can start anew');
    return [x];
  },
  vjp(b, { inputs, attrs, cotangents: [ct] }) {
    if (!ct) return [null];
    const [x, starts, run] = [inputAt(inputs, 0), inputs[1], runOf(attrs)];
    if (starts) return [segmentsVjp(b, starts, ct, run), null];
    if (run.kind === 'sum') return [backwards(b, ct, run)];
    return [run.kind === 'prod' ? productVjp(b, x, ct, run) : extremumVjp(b, x, ct, run)];
  },
  lower(k, [x, starts], attrs) {
    if (!x) return [];
    const { kind, axis, reverse, exclusive } = runOf(attrs);
    const n = extent(x.type, axis);
    if (starts || (asConstant(n) ?? Infinity) > shortRow) return whole(k, starts ? [x, starts] : [x], attrs);
    const accumulator = x.type.dtype === 'f16' ? 'f32' : x.type.dtype;
    const nothing = k.constant(accumulator, identity(kind, x.type.dtype));
    const isIncluded = (i: Dim, r: Dim): Dim => sub(reverse ? sub(r, i) : sub(i, r), exclusive ? 1 : 0);
    return [
      k.reduce([n], { name: kind, arity: 1 }, (i, [r = zero]) => {
        const value = k.cast(accumulator, x.at(i.map((at, other) => (other === axis ? r : at))));
        return [k.guard([{ kind: '>=0', lhs: isIncluded(i[axis] ?? zero, r) }], value, nothing)];
      }),
    ];
  },
  evaluate(inputs, attrs, cx) {
    const [x, starts] = [tensorAt(inputs, 0), inputs[1]];
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
          if (starts && element(starts, index) !== 0) sofar = identity(kind, x.dtype);
          const next = round(evaluateBinary(combineOf[kind], x.dtype, sofar, element(x, index)));
          out.data[positionOf(x.shape, index)] = exclusive ? sofar : next;
          sofar = next;
        }
      },
    );
    return [out];
  },
  cost: ([x]) => ({ flops: product(x?.shape ?? []) }),
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
            isSegmented: fc.nat({ max: 3 }).map((n) => n === 0),
            flags: tensorOf(fc, 'bool', x.shape),
          })
          .map(({ isExclusive, isSegmented, flags, ...run }) => {
            if (isSegmented) return { inputs: [x, flags], attrs: { ...run, kind: 'sum', exclusive: false } };
            const exclusive = isExclusive && (!isFloat(x.dtype) || run.kind === 'sum' || run.kind === 'prod');
            return { inputs: [x], attrs: { ...run, exclusive } };
          }),
      ),
});
