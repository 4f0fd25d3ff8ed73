// Reductions over one axis, several, or all; keepdim leaves a literal 1 that broadcasts back.
import { asConstant, one, product, type Dim } from '../../ir/dim.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import { messages } from '../../support/messages.gen.ts';
import { lessEqualDims } from '../dims.ts';
import { indexBelow } from '../expressions/index-range.ts';
import { reject } from '../frame.ts';
import { describe, int, type Value } from '../values.ts';
import { extremum } from './elementwise.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';

/** The axes of the argument `axis` (an int, a list, or absent for all), in order. */
export function axesOf(call: PrimitiveCall, x: GraphValue): readonly number[] {
  if (!call.has('axis')) return x.type.shape.map((_, i) => i);
  const axes = call.shape('axis').map((d) => call.checkAxis(asConstant(d) ?? call.wrong('axis', 'an int'), x, 'axis'));
  const unique = [...new Set(axes)].sort((a, b) => a - b);
  if (unique.length < axes.length) call.wrong('axis', 'a list of different axes');
  return unique;
}

function reduction(
  name: string,
  kind: 'sum' | 'max' | 'min' | 'prod' | 'and' | 'or',
  accepts: (x: GraphValue) => boolean,
  expected: string,
): Primitive['run'] {
  return (call) => {
    const x = call.tensor('x', 'f32');
    if (!accepts(x)) call.wrong('x', expected);
    const axes = axesOf(call, x);
    if (kind === 'max' || kind === 'min') notEmpty(call, name, x, axes);
    const reduced = axes.length === 0 ? x : call.builder.op('reduce', [x], { kind, axes });
    return call.result(call.bool('keepdim', false) ? keepAxes(call, reduced, x, axes) : reduced, 'x');
  };
}

const keepAxes = (call: PrimitiveCall, reduced: GraphValue, x: GraphValue, axes: readonly number[]): GraphValue =>
  call.builder.reshape(
    reduced,
    x.type.shape.map((d, i): Dim => (axes.includes(i) ? one : d)),
  );

function notEmpty(call: PrimitiveCall, name: string, x: GraphValue, axes: readonly number[]): void {
  for (const axis of axes) {
    const d = x.type.shape[axis] ?? one;
    if (lessEqualDims(call.frame, one, d) !== 'proved')
      reject(
        call.frame,
        messages.E0308(
          call.span,
          { operation: name, axis },
          {
            notes: [`its size ${d.key} of ${describe({ kind: 'tensor', value: x })} is not proved to be at least 1`],
            helps: [{ text: `require it of the caller: \`requires ${d.key} >= 1\`` }],
          },
        ),
      );
  }
}

const numbers = (x: GraphValue): boolean => x.type.dtype !== 'bool';
const bools = (x: GraphValue): boolean => x.type.dtype === 'bool';
const params = ['x', 'axis?', 'keepdim?'];

const over = (
  name: string,
  kind: Parameters<typeof reduction>[1],
  doc: string,
  accepts = numbers,
  expected = 'a tensor of numbers',
): Primitive => ({ name, params, doc, run: reduction(name, kind, accepts, expected) });

// max(a, b) is elementwise, max(x, axis=…) reduces: the second argument decides by its name or place.
const both = (op: 'max' | 'min'): Primitive => {
  const reduce = reduction(op, op, numbers, 'a tensor of numbers');
  return {
    name: op,
    params: ['x', 'other?', 'axis?', 'keepdim?'],
    elementwise: true,
    doc: `${op}(a, b): the ${op === 'max' ? 'larger' : 'smaller'}, element by element. ${op}(x, axis=…): over axes.`,
    run: (call): Value => {
      if (call.has('other')) return extremum(call, op, 'x', 'other');
      if (call.frame.tabulating) call.wrong('x', 'two scalars in a tabulation');
      const x = call.value('x');
      return x.kind === 'list' || x.kind === 'tuple' ? extremumOfList(call, op, x.items) : reduce(call);
    },
  };
};

function extremumOfList(call: PrimitiveCall, op: 'max' | 'min', items: readonly Value[]): Value {
  const ints = items.map((item) => (item.kind === 'int' ? asConstant(item.dim) : undefined));
  if (ints.length === 0 || ints.some((n) => n === undefined)) return call.wrong('x', 'a list of known ints');
  return int(Math[op](...ints.flatMap((n) => (n === undefined ? [] : [n]))));
}

const argreduce = (name: 'argmax' | 'argmin', kind: 'max' | 'min'): Primitive => ({
  name,
  params: ['x', 'axis?'],
  doc: `Index of the ${kind === 'max' ? 'largest' : 'smallest'} element along an axis (the last by default), the lowest on ties.`,
  run: (call) => {
    const x = call.tensor('x');
    if (!numbers(x)) call.wrong('x', 'a tensor of numbers');
    const axis = call.axis('axis', x, -1);
    notEmpty(call, name, x, [axis]);
    const found = call.builder.op('argreduce', [x], { kind, axis });
    const extent = x.type.shape[axis];
    if (found.type.shape.length === 0 && extent) return indexBelow(call.frame, found, extent);
    return call.result(found, 'x');
  },
});

/** The reductions. */
export const reductionPrimitives: readonly Primitive[] = [
  over('sum', 'sum', 'Sum over axes.'),
  over('prod', 'prod', 'Product over axes.'),
  over('all', 'and', 'Whether all are true.', bools, 'a tensor of bool'),
  over('any', 'or', 'Whether one is true.', bools, 'a tensor of bool'),
  both('max'),
  both('min'),
  argreduce('argmax', 'max'),
  argreduce('argmin', 'min'),
  {
    name: 'size',
    params: ['x', 'axis?', 'for?'],
    doc: 'The number of elements along axes, a static int; `for="mean"` says which operation needs at least one of them.',
    run: (call) => {
      const x = call.tensor('x', 'f32');
      const needs = call.value('for');
      if (needs.kind === 'str') notEmpty(call, needs.value, x, axesOf(call, x));
      return int(product(axesOf(call, x).map((axis) => x.type.shape[axis] ?? one)));
    },
  },
];
