// grad(f, x): the derivative of a scalar function, with the type of x. Differentiable again.
import type { Value as GraphValue } from '../../ir/graph.ts';
import { messages } from '../../support/messages.gen.ts';
import { callValue } from '../calls.ts';
import { asFloat } from '../precision.ts';
import { toTensor, graphOf } from '../expressions/tensors.ts';
import { reject } from '../frame.ts';
import { list, tensor, tuple, typeText, unknown, type Value } from '../values.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';

function run(call: PrimitiveCall): Value {
  const graph = graphOf(call.frame);
  const { builder } = graph;
  const leaves: GraphValue[] = [];
  // Copies give the gradient something of its own to be taken of: x itself may be used elsewhere.
  const copied = mapTensors(call, call.value('x'), (x) => {
    if (x.type.dtype !== 'f32' && x.type.dtype !== 'f16') call.wrong('x', 'a tensor of floats');
    const copy = builder.op('copy', [x]);
    leaves.push(copy);
    return copy;
  });
  const updated = new Set(graph.updated);
  const before = [...updated].map((slot) => graph.read(slot));
  const value = callValue(call.frame, call.value('f'), [copied], call.spanOf('f'));
  if (value.kind === 'unknown') return unknown;
  const touched =
    [...graph.updated].find((slot) => !updated.has(slot)) ??
    [...updated].find((slot, i) => graph.read(slot) !== before[i]);
  if (touched) return reject(call.frame, messages.E0603(call.span, { state: touched.name }));
  const loss = asFloat(builder, toTensor(call.frame, value, 'f32', call.spanOf('f')), 'f32');
  if (loss.type.shape.length > 0 || loss.type.dtype !== 'f32')
    return reject(call.frame, messages.E0704(call.spanOf('f'), { got: typeText(loss.type, true) }));
  const gradients = [...builder.node('gradient', [loss, ...leaves])];
  return mapTensors(call, call.value('x'), () => gradients.shift() ?? loss);
}

function mapTensors(call: PrimitiveCall, value: Value, change: (x: GraphValue) => GraphValue): Value {
  if (value.kind === 'tuple')
    return tuple(
      value.items.map((item) => mapTensors(call, item, change)),
      value.names,
    );
  if (value.kind === 'list') return list(value.items.map((item) => mapTensors(call, item, change)));
  return tensor(change(toTensor(call.frame, value, 'f32', call.spanOf('x'))));
}

/** The gradient of a function. */
export const gradientPrimitives: readonly Primitive[] = [
  {
    name: 'grad',
    params: ['f', 'x'],
    doc: 'The derivative of the scalar f(x) with respect to x, a tensor or a tuple of them.',
    run,
  },
];
