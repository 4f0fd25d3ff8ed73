// scan: a run-time loop whose steps hand a carry to the next. Its region is one step; values of the
// enclosing region may be used inside. Slices and stacked results lie along axis 0.
import type * as FastCheck from 'fast-check';
import { constant } from '../dim.ts';
import type { Attrs, Node, Region, TensorType, Value } from '../graph.ts';
import { defineOp, ShapeError, type OpCase, type Tensor } from '../op.ts';
import { shapes, tensorOf } from './arbitrary.ts';
import { dimOf, numberOf } from './attributes.ts';
import { extent, operand, requireEqual, typeText } from './shapes.ts';
import { sizeOf } from './tensor.ts';
import type { Facts } from '../dim-solver.ts';

/** The parts of a scan. Region params are [t, carries…, slices…], its results [carries…, outs…]. */
export interface ScanParts<T> {
  readonly carries: readonly T[];
  readonly sliced: readonly T[];
}

/** Splits a scan's operands (or its region's params after t) into carries and slices. */
export function scanParts<T>(items: readonly T[], attrs: Attrs): ScanParts<T> {
  const count = numberOf(attrs, 'carries');
  return { carries: items.slice(0, count), sliced: items.slice(count) };
}

function requireSame(facts: Facts, a: TensorType, b: TensorType, what: string): void {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) {
    throw new ShapeError('rank', `${what} is ${typeText(a)}, not ${typeText(b)}`);
  }
  a.shape.forEach((d, axis) => requireEqual(facts, d, extent(b, axis), `axis ${axis} of ${what}`));
}

function bodyOf(regions: readonly Region[]): Region {
  const [region] = regions;
  if (!region) throw new ShapeError('attribute', 'a scan needs a region');
  return region;
}

const slice = (x: Tensor, at: number): Tensor => {
  const shape = x.shape.slice(1);
  const size = sizeOf(shape);
  return { dtype: x.dtype, shape, data: x.data.slice(at * size, (at + 1) * size) };
};

// Ops of random bodies. None makes numbers larger than sums of what is there, so that no draw overflows.
const unary = ['tanh', 'sigmoid', 'neg', 'abs'] as const;
const binary = ['add', 'sub', 'max', 'gate'] as const;

interface Drawn {
  readonly op: (typeof unary)[number] | (typeof binary)[number];
  readonly operands: readonly [number, number];
}

/** A region under construction: all values are f32 of one shape. */
class Body {
  readonly nodes: Node[] = [];

  constructor(private readonly type: TensorType) {}

  node(op: string, inputs: readonly Value[], attrs: Attrs = {}, type = this.type): Value {
    const output: Value = { type };
    this.nodes.push({ op, inputs, attrs, outputs: [output], regions: [], origin: [] });
    return output;
  }

  /** The step number as a tensor. */
  counted(t: Value): Value {
    const number = this.node('cast', [t], { dtype: 'f32' }, { dtype: 'f32', shape: [] });
    return this.node('broadcast', [number], { axes: [], shape: this.type.shape });
  }

  apply(op: Drawn['op'], a: Value, b: Value): Value {
    if (op === 'gate') return this.node('mul', [a, this.node('tanh', [b])]);
    return this.node(op, unary.some((name) => name === op) ? [a] : [a, b]);
  }
}

interface Plan {
  readonly shape: readonly number[];
  readonly length: number;
  readonly carries: readonly { readonly pick: number; readonly bounded: boolean }[];
  readonly slices: number;
  readonly drawn: readonly Drawn[];
  readonly outs: readonly number[];
  readonly reverse: boolean;
}

// A carry is one of the params as it is (so that carries trade places), or a bounded function of anything.
function regionOf({ shape, carries, slices, drawn, outs }: Plan): Region {
  const type: TensorType = { dtype: 'f32', shape: shape.map(constant) };
  const body = new Body(type);
  const t: Value = { type: { dtype: 'i32', shape: [] } };
  const own = Array.from({ length: carries.length + slices }, (): Value => ({ type }));
  const pool = [...own, body.counted(t)];
  const from = (values: readonly Value[], at: number): Value => values[at % values.length] ?? t;
  for (const { op, operands } of drawn) pool.push(body.apply(op, from(pool, operands[0]), from(pool, operands[1])));
  const next = carries.map(({ pick, bounded }) => (bounded ? body.node('tanh', [from(pool, pick)]) : from(own, pick)));
  return { params: [t, ...own], nodes: body.nodes, results: [...next, ...outs.map((at) => from(pool, at))] };
}

const cases = (fc: typeof FastCheck): FastCheck.Arbitrary<OpCase> => {
  const drawn = fc.record({ op: fc.constantFrom(...unary, ...binary), operands: fc.tuple(fc.nat(), fc.nat()) });
  return fc
    .record({
      shape: shapes(fc, { maxRank: 2, max: 3 }),
      length: fc.integer({ min: 1, max: 4 }),
      carries: fc.array(fc.record({ pick: fc.nat(), bounded: fc.boolean() }), { minLength: 1, maxLength: 3 }),
      slices: fc.nat({ max: 2 }),
      drawn: fc.array(drawn, { maxLength: 4 }),
      outs: fc.array(fc.nat(), { maxLength: 2 }),
      reverse: fc.boolean(),
    })
    .chain((plan) => {
      const attrs = { carries: plan.carries.length, length: constant(plan.length), reverse: plan.reverse };
      const carries = plan.carries.map(() => tensorOf(fc, 'f32', plan.shape));
      const sliced = Array.from({ length: plan.slices }, () => tensorOf(fc, 'f32', [plan.length, ...plan.shape]));
      return fc.tuple(...carries, ...sliced).map((inputs) => ({ inputs, attrs, regions: [regionOf(plan)] }));
    });
};

export default defineOp({
  name: 'scan',
  doc: 'Runs its region `length` times. Operands: the initial carries, then tensors sliced along axis 0. The region takes (t: i32[], carries, slices) and gives (next carries, outs); results are the last carries and the outs stacked along axis 0. With `reverse`, t counts down from length − 1.',
  attrs: {
    carries: 'how many operands are carries',
    length: 'number of steps',
    reverse: 'whether t counts down',
    saved: 'first result that stacks carries, then products, for the gradient (made by autodiff)',
    segments: 'whether each step is a segment of a longer loop (made by autodiff); work stays in it',
  },
  infer(inputs, attrs, facts, regions = []) {
    const region = bodyOf(regions);
    const length = dimOf(attrs, 'length');
    const { carries, sliced } = scanParts(inputs, attrs);
    const params = scanParts(
      region.params.slice(1).map(({ type }) => type),
      attrs,
    );
    const results = scanParts(
      region.results.map(({ type }) => type),
      attrs,
    );
    carries.forEach((type, at) => {
      requireSame(facts, operand(params.carries, at), type, `carry ${at}`);
      requireSame(facts, operand(results.carries, at), type, `the next carry ${at}`);
    });
    sliced.forEach((type, at) => {
      requireEqual(facts, extent(type, 0), length, `the length of operand ${carries.length + at}`);
      requireSame(facts, operand(params.sliced, at), { dtype: type.dtype, shape: type.shape.slice(1) }, `slice ${at}`);
    });
    return [...carries, ...results.sliced.map(({ dtype, shape }) => ({ dtype, shape: [length, ...shape] }))];
  },
  vjp: 'region',
  lower: 'region',
  evaluate(inputs, attrs, cx) {
    const region = bodyOf(cx.regions);
    const length = cx.dims(dimOf(attrs, 'length'));
    const { carries, sliced } = scanParts(inputs, attrs);
    const outs = cx.types.slice(carries.length).map(({ dtype, shape }): Tensor => {
      const sizes = shape.map((d) => cx.dims(d));
      return { dtype, shape: sizes, data: new Float64Array(sizeOf(sizes)) };
    });
    let state = carries;
    for (let step = 0; step < length; step++) {
      const t = attrs['reverse'] === true ? length - 1 - step : step;
      const counter: Tensor = { dtype: 'i32', shape: [], data: Float64Array.of(t) };
      const results = scanParts(cx.region(region, [counter, ...state, ...sliced.map((x) => slice(x, t))]), attrs);
      state = results.carries;
      outs.forEach((out, at) => out.data.set(results.sliced[at]?.data ?? [], (t * out.data.length) / length));
    }
    return [...state, ...outs];
  },
  arbitrary: cases,
});
