// Order along an axis: sorting, the largest k, running sums, products and extrema.
import type { Value } from '../values.ts';
import { tuple } from '../values.ts';
import { argsort, sortedFirst, sortValues } from '../../ir/ops/sort-graph.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';

function sorted(call: PrimitiveCall, what: 'values' | 'indices'): Value {
  const x = call.tensor('x', 'f32');
  const sort = what === 'values' ? sortValues : argsort;
  return call.result(sort(call.builder, x, call.axis('axis', x, -1), call.bool('descending', false)), 'x');
}

function topk(call: PrimitiveCall): Value {
  const x = call.tensor('x', 'f32');
  const first = sortedFirst(call.builder, x, call.dim('k'), call.axis('axis', x, -1), call.bool('largest', true));
  return tuple([call.result(first.values, 'x'), call.result(first.indices, 'x')], ['values', 'indices']);
}

const running = (name: string, kind: 'sum' | 'prod' | 'max' | 'min', what: string): Primitive => ({
  name,
  params: ['x', 'axis?', 'reverse?', 'exclusive?'],
  doc: `Running ${what} along an axis (the last by default): of the elements up to and with each one; without it where \`exclusive\`, from it on where \`reverse\`.`,
  run: (call) => {
    const x = call.tensor('x', 'f32');
    if (x.type.dtype === 'bool') call.wrong('x', 'a tensor of numbers');
    const attrs = {
      kind,
      axis: call.axis('axis', x, -1),
      reverse: call.bool('reverse', false),
      exclusive: call.bool('exclusive', false),
    };
    return call.result(call.builder.op('cumreduce', [x], attrs), 'x');
  },
});

/** Sorting and running reductions. */
export const orderingPrimitives: readonly Primitive[] = [
  {
    name: 'sort',
    params: ['x', 'axis?', 'descending?'],
    doc: 'The elements along an axis (the last by default) in order; equal ones keep their order, NaN comes last.',
    run: (call) => sorted(call, 'values'),
  },
  {
    name: 'argsort',
    params: ['x', 'axis?', 'descending?'],
    doc: 'The positions along an axis (the last by default) that sort it, i32.',
    run: (call) => sorted(call, 'indices'),
  },
  {
    name: 'topk',
    params: ['x', 'k', 'axis?', 'largest?'],
    doc: 'The k largest elements along an axis (the last by default), largest first, as `.values` and `.indices`.',
    run: topk,
  },
  running('cumsum', 'sum', 'sum'),
  running('cumprod', 'prod', 'product'),
  running('cummax', 'max', 'maximum'),
  running('cummin', 'min', 'minimum'),
];
