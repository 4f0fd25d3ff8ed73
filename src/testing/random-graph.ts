// Random well-typed graph functions: every op family over symbolic dims, with inputs to run them on.
import fc from 'fast-check';
import { Builder } from '../ir/builder.ts';
import { mul, sub, variable, type Dim } from '../ir/dim.ts';
import { Facts } from '../ir/dim-solver.ts';
import type { DType } from '../ir/dtype.ts';
import type { BinaryOp, UnaryOp } from '../ir/expr.ts';
import type { FunctionInput, GraphFunction, GraphModule, InputRole, Value } from '../ir/graph.ts';
import type { Tensor } from '../ir/op.ts';
import { createSource } from '../support/source.ts';

/** A function and arguments for it. */
export interface GraphCase {
  readonly fn: GraphFunction;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

const [n, m] = [variable('n'), variable('m')];
const source = createSource('random.dlm', 'x'.repeat(400));

/** One random decision list; each step of a graph takes four numbers. */
export type Choice = readonly [number, number, number, number];

interface Scope {
  readonly b: Builder;
  readonly values: readonly Value[];
  readonly pick: (at: number, test: (value: Value) => boolean) => Value | undefined;
}

type Step = (scope: Scope, x: Value, a: number, c: number) => readonly Value[];

const isFloatValue = (value: Value): boolean => value.type.dtype === 'f32';
const rank = (value: Value): number => value.type.shape.length;
const sameType =
  (x: Value) =>
  (y: Value): boolean =>
    x.type.dtype === y.type.dtype &&
    rank(x) === rank(y) &&
    x.type.shape.every((d, axis) => d.key === y.type.shape[axis]?.key);
const at = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
};

const i32Scalar = (): Value => ({ type: { dtype: 'i32', shape: [] } });

const unaries: readonly UnaryOp[] = [
  'neg',
  'abs',
  'sign',
  'tanh',
  'sigmoid',
  'sin',
  'cos',
  'erf',
  'floor',
  'ceil',
  'round',
  'neg',
];
const binaries: readonly BinaryOp[] = ['add', 'sub', 'mul', 'min', 'max', 'add', 'mul', 'sub'];
const extents: readonly Dim[] = [n, m, mul(n, 2), mul(n, m)];

// Rank-4 and larger tensors grow without showing anything new.
const maxRank = 3;

const steps: readonly Step[] = [
  ({ b }, x, a) => (isFloatValue(x) ? [b.unary(at(unaries, a), x)] : []),
  ({ b, pick }, x, a, c) => (x.type.dtype === 'bool' ? [] : [b.binary(at(binaries, c), x, pick(a, sameType(x)) ?? x)]),
  ({ b }, x, a, c) =>
    isFloatValue(x)
      ? [b.binary(at(['add', 'mul', 'sub', 'div', 'pow'], c), x, b.like(x, at([0, 1, 2, 1, -1], a)))]
      : [],
  ({ b }, x, a) => (isFloatValue(x) ? [b.binary(at(['add', 'mul', 'sub'], a), b.like(x, a % 2), x)] : []),
  ({ b, pick }, x, a, c) => {
    if (x.type.dtype === 'bool') return [];
    const y = pick(a, sameType(x)) ?? x;
    return [b.select(b.binary(at(['lt', 'le', 'eq', 'ne'], c), x, y), x, y)];
  },
  ({ b }, x, a) => [b.cast(x, at<DType>(['f32', 'i32', 'bool', 'f32'], a))],
  ({ b }, x) => [b.reshape(x, [x.type.shape.reduce<Dim>((size, d) => mul(size, d), mul(1, 1))])],
  ({ b }, x) =>
    rank(x) < 2
      ? []
      : [b.reshape(x, [x.type.shape.slice(0, 2).reduce((size, d) => mul(size, d)), ...x.type.shape.slice(2)])],
  ({ b }, x) => (rank(x) >= maxRank ? [] : [b.reshape(x, [...x.type.shape, 1])]),
  ({ b }, x, a) =>
    rank(x) < 2
      ? []
      : [
          b.permute(
            x,
            x.type.shape.map((_, axis) => (axis + 1 + (a % (rank(x) - 1))) % rank(x)),
          ),
        ],
  ({ b }, x, a, c) => {
    if (rank(x) >= maxRank) return [];
    const place = a % (rank(x) + 1);
    const axes = x.type.shape.map((_, axis) => (axis < place ? axis : axis + 1));
    return [b.broadcast(x, axes, [...x.type.shape.slice(0, place), at(extents, c), ...x.type.shape.slice(place)])];
  },
  ({ b }, x, a, c) =>
    rank(x) === 0 || !isFloatValue(x)
      ? []
      : [b.op('reduce', [x], { kind: at(['sum', 'max', 'min', 'sum'], c), axes: [a % rank(x)] })],
  ({ b }, x, a) =>
    rank(x) === 0 || !isFloatValue(x)
      ? []
      : [b.op('argreduce', [x], { kind: at(['max', 'min'], a), axis: a % rank(x) })],
  ({ b, pick }, x, a) => {
    if (rank(x) !== 2 || !isFloatValue(x)) return [];
    const y = pick(
      a,
      (value) => rank(value) === 2 && isFloatValue(value) && value.type.shape[0]?.key === x.type.shape[1]?.key,
    );
    return y ? [b.dot(x, y, [], [[1, 0]])] : [b.dot(x, x, [], [[a % 2, a % 2]])];
  },
  ({ b }, x, a) => (rank(x) === 0 ? [] : [b.op('slice', [x], sliceAll(x, a))]),
  ({ b }, x, a) => {
    if (rank(x) === 0 || x.type.dtype === 'bool') return [];
    const edge = (on: number): Dim[] => x.type.shape.map((_, axis) => mul(axis === 0 ? on : 0, 1));
    return [
      b.op('pad', [x], {
        lo: edge(a % 3),
        hi: edge(a % 2),
        interior: x.type.shape.map((_, axis) => (axis === 0 ? a % 2 : 0)),
        value: 0,
      }),
    ];
  },
  ({ b }, x, a) => (rank(x) === 0 ? [] : [b.op('concat', a % 2 === 0 ? [x, x] : [x], { axis: a % rank(x) })]),
  ({ b }, x) => {
    if (rank(x) === 0 || !isFloatValue(x)) return [];
    const ids = b.op('iota', [], { dtype: 'i32', shape: [n], axis: 0 });
    return [b.op('gather', [x, ids], { axis: 0 })];
  },
  ({ b }, x) => {
    if (rank(x) === 0 || !isFloatValue(x)) return [];
    const ids = b.op('iota', [], { dtype: 'i32', shape: [x.type.shape[0] ?? n], axis: 0 });
    return [b.op('scatter', [x, ids, b.unary('neg', x)], { axis: 0, combine: 'add' })];
  },
  ({ b }, x) => (isFloatValue(x) ? [b.op('copy', [x]), b.op('stop_gradient', [x])] : []),
  // h' = h/2 + row, with a value of the enclosing region inside.
  ({ b, values }, x, a) => {
    const [rows, ...rest] = x.type.shape;
    const outer = values.find((value) => isFloatValue(value) && rank(value) === 0);
    if (!rows || !isFloatValue(x) || !outer) return [];
    const inner = new Builder(b.facts);
    const [t, h, row] = [
      i32Scalar(),
      { type: { dtype: 'f32' as const, shape: rest } },
      { type: { dtype: 'f32' as const, shape: rest } },
    ];
    const next = inner.add(inner.mul(h, inner.like(h, 0.5)), inner.add(row, inner.broadcast(outer, [], rest)));
    const region = { params: [t, h, row], nodes: inner.nodes, results: [next, inner.mul(next, inner.one(next))] };
    return b.node('scan', [b.full('f32', 0, rest), x], { carries: 1, length: rows, reverse: a % 2 === 1 }, [region]);
  },
  ({ b, values }, _, a) => {
    const [k0, k1] = values.filter((value) => value.type.dtype === 'u32' && rank(value) === 0);
    if (!k0 || !k1) return [];
    const keys = b.node('fold_in', [k0, k1, b.full('u32', a % 7)]);
    const [f0, f1] = keys;
    return f0 && f1
      ? [
          ...keys,
          b.cast(b.binary('shr', b.op('random_bits', [f0, f1], { shape: [n, 2] }), b.full('u32', 24, [n, 2])), 'f32'),
        ]
      : [];
  },
  ({ b }, x, a) =>
    isFloatValue(x) && rank(x) > 0
      ? [b.mul(x, b.broadcast(b.unary('tanh', b.cast(b.dimValue(at(extents, a)), 'f32')), [], x.type.shape))]
      : [],
];

function sliceAll(x: Value, a: number): { start: Dim[]; size: Dim[]; stride: number[] } {
  const shape = x.type.shape;
  return a % 2 === 0
    ? { start: shape.map(() => mul(0, 1)), size: [...shape], stride: shape.map(() => 1) }
    : {
        start: shape.map((d, axis) => (axis === 0 ? sub(d, 1) : mul(0, 1))),
        size: [...shape],
        stride: shape.map((_, axis) => (axis === 0 ? -1 : 1)),
      };
}

const signature: readonly (readonly [string, InputRole, DType, readonly Dim[]])[] = [
  ['x', 'argument', 'f32', [n, m]],
  ['y', 'argument', 'f32', [n, m]],
  ['w', 'param', 'f32', [m, n]],
  ['lr', 'option', 'f32', []],
  ['iteration', 'iteration', 'i32', []],
  ['key.0', 'key', 'u32', []],
  ['key.1', 'key', 'u32', []],
];

/** The inputs of every random function. */
export const graphInputs = (): FunctionInput[] =>
  signature.map(([name, role, dtype, shape]) => ({ name, role, value: { type: { dtype, shape }, name } }));

/** Adds to `b` and to `values` what a choice says, made from one of the values; gives what is new. */
export function drawStep(b: Builder, values: Value[], [op, operand, a, c]: Choice): readonly Value[] {
  const pick = (from: number, test: (value: Value) => boolean): Value | undefined => {
    const found = values.filter(test);
    return found.length === 0 ? undefined : at(found, from);
  };
  b.origin = [{ source, start: operand % 300, end: (operand % 300) + (a % 50) }];
  // Later values more often, so that chains grow.
  const x = at(values, operand % 2 === 0 ? Math.max(0, values.length - 1 - (operand % 5)) : operand);
  const made = at(steps, op)({ b, values, pick }, x, a, c);
  values.push(...made);
  return made;
}

/** The function that a list of choices describes. */
export function graphOf(choices: readonly Choice[]): GraphFunction {
  const dims = [
    { name: 'n', min: 1 },
    { name: 'm', min: 1 },
  ];
  const inputs = graphInputs();
  const b = new Builder(new Facts(dims));
  const values: Value[] = inputs.map(({ value }) => value);
  const drawn = choices.flatMap((choice) => drawStep(b, values, choice));
  const last = drawn.slice(-3);
  const results = [...last, at(values, choices.length)].map((value, index) => ({
    name: String(index),
    role: 'output' as const,
    value,
  }));
  return { name: 'random', kind: 'entry', dims, facts: [], inputs, nodes: b.nodes, results, host: [] };
}

/** A tensor of multiples of 1/8: sums and products are exact, so that comparisons and floors do not flip. */
export const argument = (shape: readonly number[], values: readonly number[]): Tensor => ({
  dtype: 'f32',
  shape,
  data: Float64Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, e) => ((values[e % values.length] ?? 0) + (e % 3)) / 8,
  ),
});

/** A tensor of rank 0. */
export const scalar = (dtype: DType, value: number): Tensor => ({ dtype, shape: [], data: Float64Array.of(value) });

/** A random function with arguments: at most `length` steps over dims of at most `extent`. */
export const graphCases = (length = 14, extent = 3): fc.Arbitrary<GraphCase> =>
  fc
    .record({
      choices: fc.array(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99)), {
        minLength: 1,
        maxLength: length,
        size: 'max',
      }),
      n: fc.integer({ min: 1, max: extent }),
      m: fc.integer({ min: 1, max: extent }),
      values: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 7, maxLength: 7 }),
      key: fc.tuple(fc.nat(2 ** 31), fc.nat(2 ** 31)),
      iteration: fc.nat(50),
    })
    .map(({ choices, n, m, values, key, iteration }) => ({
      fn: graphOf(choices),
      inputs: {
        x: argument([n, m], values),
        y: argument([n, m], values.toReversed()),
        w: argument([m, n], values.slice(2)),
        lr: scalar('f32', (values[0] ?? 1) / 8),
        iteration: scalar('i32', iteration),
        'key.0': scalar('u32', key[0]),
        'key.1': scalar('u32', key[1]),
      },
    }));

/** A module of one function. */
export const moduleOf = (fn: GraphFunction): GraphModule => ({
  name: 'random',
  functions: [fn],
  entries: {},
  models: [],
  trains: [],
});

/** The largest difference between two runs, relative to 1 + |value|; NaN equals NaN. */
export function difference(a: Readonly<Record<string, Tensor>>, b: Readonly<Record<string, Tensor>>): number {
  let most = Object.keys(a).length === Object.keys(b).length ? 0 : Infinity;
  for (const [name, x] of Object.entries(a)) {
    const y = b[name];
    if (!y || x.shape.join() !== y.shape.join() || x.dtype !== y.dtype) return Infinity;
    for (const [e, p] of x.data.entries()) {
      const q = y.data[e] ?? NaN;
      if (Object.is(p, q) || (Number.isNaN(p) && Number.isNaN(q))) continue;
      const apart = Math.abs(p - q) / (1 + Math.abs(p));
      most = Number.isNaN(apart) ? Infinity : Math.max(most, apart);
    }
  }
  return most;
}
