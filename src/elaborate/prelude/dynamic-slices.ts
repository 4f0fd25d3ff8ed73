// Boxes whose place along an axis is a run-time number: reading one, and writing one (caches, queues).
import type { Value as GraphValue } from '../../ir/graph.ts';
import { assumeRoom } from '../caches.ts';
import type { Value } from '../values.ts';
import { asFloat } from '../precision.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';

function startsOf(call: PrimitiveCall, x: GraphValue, axis: number): readonly GraphValue[] {
  const at = call.tensor('at', 'i32');
  if (at.type.dtype !== 'i32' || at.type.shape.length > 0) call.wrong('at', 'an i32[]');
  const none = call.builder.full('i32', 0);
  return x.type.shape.map((_, k) => (k === axis ? at : none));
}

function take(call: PrimitiveCall): Value {
  const x = call.tensor('x', 'f32');
  const axis = call.axis('axis', x, 0);
  const size = x.type.shape.map((d, k) => (k === axis ? call.dim('size') : d));
  return call.result(call.builder.op('dynamic_slice', [x, ...startsOf(call, x, axis)], { size }), 'x');
}

function put(call: PrimitiveCall): Value {
  const x = call.tensor('x', 'f32');
  const values = asFloat(call.builder, call.tensor('values', 'f32'), x.type.dtype);
  if (values.type.dtype !== x.type.dtype) call.wrong('values', `a tensor of ${x.type.dtype}`);
  const axis = call.axis('axis', x, 0);
  const [size, room] = [values.type.shape[axis], x.type.shape[axis]];
  if (size && room) assumeRoom(call.frame, size, room);
  return call.result(call.builder.op('dynamic_update_slice', [x, values, ...startsOf(call, x, axis)]), 'x');
}

/** Dynamic slices. */
export const dynamicSlicePrimitives: readonly Primitive[] = [
  {
    name: 'take',
    params: ['x', 'at', 'size', 'axis?'],
    doc: '`size` elements along an axis from position `at` (a run-time number) on, moved back where they would not fit.',
    run: take,
  },
  {
    name: 'put',
    params: ['x', 'values', 'at', 'axis?'],
    doc: 'x with `values` in place of what lies along an axis from position `at` on, moved back where they would not fit.',
    run: put,
  },
];
