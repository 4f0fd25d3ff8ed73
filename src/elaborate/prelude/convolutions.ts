// Convolution and its transpose over [b, channels, ...s], for any number of spatial axes.
import { add, asConstant, constant, divideExactly, dim, floorDiv, mul, sub, zero, type Dim } from '../../ir/dim.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import { messages } from '../../support/messages.gen.ts';
import { divides } from '../dims.ts';
import { reject } from '../frame.ts';
import type { Value } from '../values.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';
import { padsOf, perAxisDims, perAxisNumbers, spanOf, type SlidingAxis } from './window-arguments.ts';

/** Cuts an axis into `groups` equal parts: [.., g·n, ..] -> [.., g, n, ..]. */
function grouped(call: PrimitiveCall, x: GraphValue, axis: number, groups: Dim): GraphValue {
  const extent = x.type.shape[axis] ?? zero;
  if (divides(call.frame, groups, extent) !== 'proved')
    reject(
      call.frame,
      messages.E0304(call.span, {
        expression: `${extent.key} / ${groups.key}`,
        reason: `${extent.key} channels in ${groups.key} groups`,
      }),
    );
  const part = divideExactly(extent, groups) ?? floorDiv(extent, groups);
  return call.builder.reshape(x, [...x.type.shape.slice(0, axis), groups, part, ...x.type.shape.slice(axis + 1)]);
}

/** [b, g, o, ...y] -> [b, g·o, ...y]. */
function merged(call: PrimitiveCall, y: GraphValue): GraphValue {
  const [b = zero, g = zero, o = zero, ...rest] = y.type.shape;
  return call.builder.reshape(y, [b, mul(g, o), ...rest]);
}

interface Operands {
  readonly x: GraphValue;
  readonly weight: GraphValue;
  readonly axes: readonly SlidingAxis[];
  readonly groups: Dim;
}

function operandsOf(call: PrimitiveCall): Operands {
  const [x, weight] = [call.float('x'), call.float('weight')];
  const count = x.type.shape.length - 2;
  if (count < 1) call.wrong('x', 'a tensor [b, channels, ...s]');
  if (weight.type.shape.length !== count + 2) call.wrong('weight', `a tensor of rank ${count + 2}, as \`x\``);
  const strides = perAxisNumbers(call, 'stride', count, 1);
  const dilations = perAxisNumbers(call, 'dilation', count, 1);
  const axes = x.type.shape.slice(2).map((extent, at) => ({
    extent,
    taps: weight.type.shape[at + 2] ?? zero,
    stride: strides[at] ?? 1,
    dilation: dilations[at] ?? 1,
  }));
  return { x, weight, axes, groups: call.has('groups') ? call.dim('groups') : constant(1) };
}

function conv(call: PrimitiveCall): Value {
  const { x, weight, axes, groups } = operandsOf(call);
  const pads = padsOf(call, axes);
  const y = call.builder.op('conv', [grouped(call, x, 1, groups), grouped(call, weight, 0, groups)], {
    stride: axes.map((axis) => axis.stride),
    dilation: axes.map((axis) => axis.dilation),
    base: axes.map(() => 1),
    lo: pads.map(({ lo }) => lo),
    hi: pads.map(({ hi }) => hi),
  });
  return call.result(merged(call, y), 'x');
}

// Weights [g, i, o, ...k] with their taps from last to first, and outputs before inputs.
function turned(call: PrimitiveCall, weight: GraphValue): GraphValue {
  const { builder } = call;
  const rank = weight.type.shape.length;
  const swapped = builder.permute(weight, [0, 2, 1, ...Array.from({ length: rank - 3 }, (_, at) => at + 3)]);
  const { shape } = swapped.type;
  return builder.op('slice', [swapped], {
    start: shape.map((d, axis) => (axis < 3 ? zero : sub(d, 1))),
    size: [...shape],
    stride: shape.map((_, axis) => (axis < 3 ? 1 : -1)),
  });
}

// y = (n − 1)·s − 2p + d·(k − 1) + output_padding + 1: a conv over elements that lie `stride` apart.
function convTranspose(call: PrimitiveCall): Value {
  const { x, weight, axes, groups } = operandsOf(call);
  const count = axes.length;
  const pads = perAxisDims(call, 'padding', count, 0);
  const extra = perAxisDims(call, 'output_padding', count, 0);
  extra.forEach((d, at) => {
    const axis = axes[at];
    if (axis && (asConstant(d) ?? 0) >= Math.max(axis.stride, axis.dilation))
      call.wrong('output_padding', 'less than the stride or the dilation');
  });
  const lo = axes.map((axis, at) => sub(spanOf(axis), pads[at] ?? zero));
  const y = call.builder.op('conv', [grouped(call, x, 1, groups), turned(call, grouped(call, weight, 0, groups))], {
    stride: axes.map(() => 1),
    dilation: axes.map((axis) => axis.dilation),
    base: axes.map((axis) => axis.stride),
    lo,
    hi: lo.map((d, at) => add(d, extra[at] ?? dim(0))),
  });
  return call.result(merged(call, y), 'x');
}

/** Convolutions. */
export const convolutionPrimitives: readonly Primitive[] = [
  {
    name: 'conv',
    params: ['x', 'weight', 'stride?', 'padding?', 'dilation?', 'groups?'],
    doc: 'Convolution of [b, c, ...s] with [o, c / groups, ...k]. Padding: a number, (before, after), "valid", "same" or "causal", for all axes or one per axis.',
    run: conv,
  },
  {
    name: 'conv_transpose',
    params: ['x', 'weight', 'stride?', 'padding?', 'output_padding?', 'groups?', 'dilation?'],
    doc: 'Transposed convolution of [b, c, ...s] with [c, o / groups, ...k].',
    run: convTranspose,
  },
];
