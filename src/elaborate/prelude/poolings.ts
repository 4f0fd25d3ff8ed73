// Windows that slide over the last axes: the largest element of each, sums, means, and the way back.
import { add, mul, one, zero, type Dim } from '../../ir/dim.ts';
import type { Attrs, Value as GraphValue } from '../../ir/graph.ts';
import type { Value } from '../values.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';
import { ceilPads, padsOf, perAxisDims, perAxisNumbers, type Pads, type SlidingAxis } from './window-arguments.ts';

interface Window {
  readonly axes: readonly SlidingAxis[];
  readonly pads: readonly Pads[];
  readonly attrs: Attrs;
}

// As many windowed axes as `window` has entries; a single int is for all axes after [b, channels].
function windowOf(call: PrimitiveCall, shape: readonly Dim[]): Window {
  const given = call.shape('window');
  const count = call.value('window').kind === 'int' ? Math.max(shape.length - 2, 1) : given.length;
  if (count > shape.length) call.wrong('window', `at most ${shape.length} ints`);
  const taps = perAxisDims(call, 'window', count);
  const strides = call.has('stride') ? perAxisNumbers(call, 'stride', count) : perAxisNumbers(call, 'window', count);
  const dilations = perAxisNumbers(call, 'dilation', count, 1);
  const axes = shape.slice(shape.length - count).map((extent, at) => ({
    extent,
    taps: taps[at] ?? one,
    stride: strides[at] ?? 1,
    dilation: dilations[at] ?? 1,
  }));
  const written = padsOf(call, axes);
  const pads = call.bool('ceil_mode', false) ? ceilPads(axes, written) : written;
  const attrs = {
    window: [...taps],
    stride: axes.map((axis) => axis.stride),
    dilation: axes.map((axis) => axis.dilation),
    base: axes.map(() => 1),
    lo: pads.map(({ lo }) => lo),
    hi: pads.map(({ hi }) => hi),
  };
  return { axes, pads: written, attrs };
}

// Result `at` of an op over windows.
const windowed = (op: 'window_sum' | 'window_max', at = 0): Primitive['run'] =>
  function run(call): Value {
    const x = call.tensor('x', 'f32');
    if (x.type.dtype === 'bool') call.wrong('x', 'a tensor of numbers');
    const { attrs } = windowOf(call, x.type.shape);
    return call.result(call.builder.op(op, [x], attrs, at), 'x');
  };

// Elements that a window covers: those of x, or also the padding that was asked for (not what ceil_mode adds).
function covered(call: PrimitiveCall, x: GraphValue, { axes, pads, attrs }: Window): GraphValue {
  const first = x.type.shape.length - axes.length;
  const counted = call.bool('count_include_pad', true);
  const extents = axes.map(({ extent }, at) => {
    const { lo, hi } = pads[at] ?? { lo: zero, hi: zero };
    return counted ? add(add(extent, lo), hi) : extent;
  });
  const shifted = (name: 'lo' | 'hi'): readonly Dim[] =>
    (attrs[name] as readonly Dim[]).map((d, at) => (counted ? add(d, mul(-1, pads[at]?.[name] ?? zero)) : d));
  const ones = call.builder.full(x.type.dtype, 1, [...Array.from({ length: first }, () => one), ...extents]);
  const count = call.builder.op('window_sum', [ones], { ...attrs, lo: shifted('lo'), hi: shifted('hi') });
  return count;
}

function avgPool(call: PrimitiveCall): Value {
  const x = call.float('x');
  const window = windowOf(call, x.type.shape);
  const { builder } = call;
  const sum = builder.op('window_sum', [x], window.attrs);
  if (call.has('divisor_override'))
    return call.result(builder.mul(sum, builder.like(sum, 1 / call.int('divisor_override'))), 'x');
  const count = covered(call, x, window);
  const along = sum.type.shape.map((_, at) => at);
  return call.result(builder.div(sum, builder.broadcast(count, along, sum.type.shape)), 'x');
}

function maxUnpool(call: PrimitiveCall): Value {
  const [y, taps] = [call.tensor('y', 'f32'), call.tensor('taps', 'i32')];
  const shape = call.shape('shape');
  const lead = y.type.shape.length - shape.length;
  if (lead < 0) call.wrong('shape', `at most ${y.type.shape.length} ints`);
  const { attrs } = windowOf(call, [...y.type.shape.slice(0, lead), ...shape]);
  return call.result(call.builder.op('window_unpick', [y, taps], { ...attrs, shape: [...shape] }), 'y');
}

const places = ['window', 'stride?', 'padding?', 'dilation?', 'ceil_mode?'];

/** Pooling. */
export const poolingPrimitives: readonly Primitive[] = [
  {
    name: 'max_pool',
    params: ['x', ...places],
    doc: 'The largest element under each window of the last axes; the stride is the window by default.',
    run: windowed('window_max'),
  },
  {
    name: 'max_pool_taps',
    params: ['x', ...places],
    doc: 'Where in its window the largest element lies: the row-major position of its tap, i32. `max_unpool` takes it.',
    run: windowed('window_max', 1),
  },
  {
    name: 'sum_pool',
    params: ['x', ...places],
    doc: 'The sum under each window of the last axes.',
    run: windowed('window_sum'),
  },
  {
    name: 'avg_pool',
    params: ['x', 'window', 'stride?', 'padding?', 'ceil_mode?', 'count_include_pad?', 'divisor_override?'],
    doc: 'The mean under each window of the last axes; padding counts as elements unless `count_include_pad` is false.',
    run: avgPool,
  },
  {
    name: 'max_unpool',
    params: ['y', 'taps', 'shape', 'window', 'stride?', 'padding?', 'dilation?'],
    doc: 'A tensor whose last axes are `shape`: zeros, and each element of y where `max_pool_taps` found it.',
    run: maxUnpool,
  },
];
