// Views and assembly of tensors, and static questions about shapes.
import {
  add,
  asConstant,
  constant,
  dim,
  divideExactly,
  floorDiv,
  mul,
  one,
  product,
  sub,
  type Dim,
} from '../../ir/dim.ts';
import { isDType, type DType } from '../../ir/dtype.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import { messages } from '../../support/messages.gen.ts';
import { divides, equalDims, lessEqualDims } from '../dims.ts';
import { stretch, broadcastShapes, unify } from '../expressions/tensors.ts';
import { reject } from '../frame.ts';
import { describe, int, list, shapeText, tensor, tuple, typeText, type Value } from '../values.ts';
import { asFloat, floatOf } from '../precision.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';

function reshape(call: PrimitiveCall): Value {
  const x = call.tensor('x');
  const shape = inferred(call, x, call.shape('shape'));
  const [a, b] = [product(x.type.shape), product(shape)];
  const answer = equalDims(call.frame, a, b);
  if (answer === 'unknown')
    return reject(
      call.frame,
      messages.E0303(
        call.span,
        { left: a.key, right: b.key },
        { label: `${shapeText(x.type.shape)} to ${shapeText(shape)}` },
      ),
    );
  if (answer === 'refuted')
    return reject(
      call.frame,
      messages.E0302(
        call.span,
        { operation: 'reshape between', left: typeText(x.type), right: shapeText(shape) },
        { notes: [`${a.key} elements do not fill ${b.key}`] },
      ),
    );
  return call.result(call.builder.reshape(x, shape), 'x');
}

// One -1 stands for what is left.
function inferred(call: PrimitiveCall, x: GraphValue, shape: readonly Dim[]): readonly Dim[] {
  const open = shape.findIndex((d) => asConstant(d) === -1);
  if (open < 0) return shape;
  const known = product(shape.filter((_, i) => i !== open));
  const all = product(x.type.shape);
  const rest =
    divideExactly(all, known) ?? (divides(call.frame, known, all) === 'proved' ? floorDiv(all, known) : undefined);
  if (rest === undefined)
    return reject(
      call.frame,
      messages.E0304(call.span, { expression: `${all.key} / ${known.key}`, reason: 'the size of `-1` is not whole' }),
    );
  return shape.map((d, i) => (i === open ? rest : d));
}

// Where one of several floats is f32, all are.
function joined(call: PrimitiveCall, values: readonly GraphValue[]): readonly GraphValue[] {
  const single = values.some(({ type }) => type.dtype === 'f32');
  return single ? values.map((x) => asFloat(call.builder, x, 'f32')) : values;
}

function concat(call: PrimitiveCall): Value {
  const items = call.items('xs');
  const first = items[0];
  if (!first) return call.wrong('xs', 'a list of at least one tensor');
  const values = joined(
    call,
    items.map((item) => unify(call.frame, first, item, '`concat`', call.spanOf('xs'))[1]),
  );
  const [head] = values;
  if (!head) return call.wrong('xs', 'a list of tensors');
  const axis = call.axis('axis', head, 0);
  for (const x of values) {
    const fits =
      x.type.shape.length === head.type.shape.length &&
      x.type.shape.every((d, i) => {
        const own = head.type.shape[i];
        return i === axis || (own && equalDims(call.frame, own, d) === 'proved');
      });
    if (!fits)
      reject(
        call.frame,
        messages.E0302(
          call.span,
          { operation: 'concatenate', left: typeText(head.type), right: typeText(x.type) },
          { notes: [`all axes but ${axis} must agree`] },
        ),
      );
  }
  const [only] = values;
  return tensor(values.length === 1 && only ? only : call.builder.op('concat', values, { axis }));
}

function stack(call: PrimitiveCall): Value {
  const items = call.items('xs');
  const [first] = items;
  if (!first) return call.wrong('xs', 'a list of at least one element');
  const dtype: DType = items.some((item) => item.kind === 'real') ? floatOf(call.frame) : 'i32';
  const values = joined(
    call,
    items.map((item) =>
      item.kind === 'int' || item.kind === 'real'
        ? call.builder.full(dtype, Number(describe(item)))
        : unify(call.frame, first, item, '`stack`', call.spanOf('xs'))[1],
    ),
  );
  const rank = (values[0]?.type.shape.length ?? 0) + 1;
  const wanted = call.int('axis', 0);
  const axis = wanted < 0 ? wanted + rank : wanted;
  if (axis < 0 || axis >= rank)
    return reject(call.frame, messages.E0313(call.spanOf('axis'), { axis: wanted, shape: describe(call.value('xs')) }));
  const common = broadcastShapes(
    call.frame,
    values.map((v) => v.type.shape),
  );
  if ('clash' in common || values.some((v) => v.type.shape.length !== rank - 1))
    return reject(
      call.frame,
      messages.E0302(call.span, {
        operation: 'stack',
        left: typeText(values[0]?.type ?? { dtype, shape: [] }),
        right: typeText(values.at(-1)?.type ?? { dtype, shape: [] }),
      }),
    );
  const parts = values.map((v) => call.builder.reshape(v, v.type.shape.toSpliced(axis, 0, one)));
  const [only] = parts;
  return tensor(parts.length === 1 && only ? only : call.builder.op('concat', parts, { axis }));
}

function split(call: PrimitiveCall): Value {
  const x = call.tensor('x');
  const axis = call.axis('axis', x, 0);
  const extent = x.type.shape[axis] ?? one;
  const sections = call.value('sections');
  const sizes =
    sections.kind === 'list' || sections.kind === 'tuple' ? call.shape('sections') : equalParts(call, extent);
  const total = sizes.reduce<Dim>((sum, d) => add(sum, d), constant(0));
  if (equalDims(call.frame, total, extent) !== 'proved')
    return reject(
      call.frame,
      messages.E0302(
        call.span,
        { operation: 'split', left: typeText(x.type), right: `parts of ${sizes.map((d) => d.key).join(', ')}` },
        { notes: [`axis ${axis} has ${extent.key}, the parts have ${total.key}`] },
      ),
    );
  let at = constant(0);
  return tuple(
    sizes.map((d) => {
      const start = x.type.shape.map((_, i) => (i === axis ? at : constant(0)));
      at = add(at, d);
      return call.result(
        call.builder.op('slice', [x], {
          start,
          size: x.type.shape.map((own, i) => (i === axis ? d : own)),
          stride: x.type.shape.map(() => 1),
        }),
        'x',
      );
    }),
  );
}

function equalParts(call: PrimitiveCall, extent: Dim): readonly Dim[] {
  const n = call.int('sections');
  if (n < 1) call.wrong('sections', 'at least 1');
  if (divides(call.frame, dim(n), extent) !== 'proved')
    return reject(
      call.frame,
      messages.E0304(call.span, {
        expression: `${extent.key} / ${n}`,
        reason: `axis of ${extent.key} in ${n} equal parts`,
      }),
    );
  const part = divideExactly(extent, dim(n)) ?? floorDiv(extent, dim(n));
  return Array.from({ length: n }, () => part);
}

function flip(call: PrimitiveCall): Value {
  const x = call.tensor('x');
  const axis = call.axis('axis', x);
  const start = x.type.shape.map((d, i) => (i === axis ? sub(d, 1) : constant(0)));
  return call.result(
    call.builder.op('slice', [x], {
      start,
      size: [...x.type.shape],
      stride: x.type.shape.map((_, i) => (i === axis ? -1 : 1)),
    }),
    'x',
  );
}

function pad(call: PrimitiveCall): Value {
  const x = call.tensor('x');
  const axis = call.axis('axis', x);
  const [lo, hi] = [call.dim('before'), call.dim('after')];
  for (const d of [lo, hi])
    if (lessEqualDims(call.frame, constant(0), d) !== 'proved')
      reject(call.frame, messages.E0314(call.span, { size: d.key }));
  const along = (d: Dim): Dim[] => x.type.shape.map((_, i) => (i === axis ? d : constant(0)));
  return call.result(
    call.builder.op('pad', [x], {
      lo: along(lo),
      hi: along(hi),
      interior: x.type.shape.map(() => 0),
      value: call.real('value', 0),
    }),
    'x',
  );
}

function permute(call: PrimitiveCall): Value {
  const x = call.tensor('x');
  const order = call
    .shape('order')
    .map((d) => call.checkAxis(asConstant(d) ?? call.wrong('order', 'a list of ints'), x, 'order'));
  if (order.length !== x.type.shape.length || new Set(order).size !== order.length)
    call.wrong('order', `each of the ${x.type.shape.length} axes once`);
  return call.result(call.builder.permute(x, order), 'x');
}

function transpose(call: PrimitiveCall): Value {
  const x = call.tensor('x');
  const [a, b] = [call.axis('axis0', x, -2), call.axis('axis1', x, -1)];
  return call.result(
    call.builder.permute(
      x,
      x.type.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
    ),
    'x',
  );
}

function gather(call: PrimitiveCall): Value {
  const [x, ids] = [call.tensor('x'), call.tensor('ids', 'i32')];
  if (ids.type.dtype !== 'i32') call.wrong('ids', 'a tensor of i32');
  return call.result(call.builder.op('gather', [x, ids], { axis: call.axis('axis', x, 0) }), 'x');
}

function scatter(call: PrimitiveCall): Value {
  const [x, ids] = [call.tensor('x'), call.tensor('ids', 'i32')];
  const values = asFloat(call.builder, call.tensor('values', 'f32'), x.type.dtype);
  if (ids.type.dtype !== 'i32') call.wrong('ids', 'a tensor of i32');
  if (values.type.dtype !== x.type.dtype) call.wrong('values', `a tensor of ${x.type.dtype}`);
  const combine = call.value('combine');
  const how = combine.kind === 'str' ? combine.value : 'set';
  if (!['set', 'add', 'max'].includes(how)) call.wrong('combine', '"set", "add" or "max"');
  return call.result(
    call.builder.op('scatter', [x, ids, values], { axis: call.axis('axis', x, 0), combine: how }),
    'x',
  );
}

function full(call: PrimitiveCall): Value {
  const value = call.value('value');
  const shape = call.shape('shape');
  const x = call.tensor('value', value.kind === 'int' ? 'i32' : floatOf(call.frame));
  if (x.type.shape.length > 0) call.wrong('value', 'a scalar');
  const dtype = call.has('dtype') ? dtypeArgument(call) : x.type.dtype;
  return tensor(stretch(call.frame, call.builder.cast(x, dtype), shape));
}

function dtypeArgument(call: PrimitiveCall): DType {
  const value = call.value('dtype');
  return value.kind === 'dtype' && isDType(value.dtype) ? value.dtype : call.wrong('dtype', 'a dtype');
}

function flatten(call: PrimitiveCall): Value {
  const x = call.tensor('x');
  const [from, to] = [call.axis('start_dim', x, 1), call.axis('end_dim', x, -1)];
  const { shape } = x.type;
  return call.result(
    call.builder.reshape(x, [
      ...shape.slice(0, from),
      shape.slice(from, to + 1).reduce<Dim>((p, d) => mul(p, d), one),
      ...shape.slice(to + 1),
    ]),
    'x',
  );
}

/** The shape functions. */
export const shapePrimitives: readonly Primitive[] = [
  {
    name: 'shape',
    params: ['x'],
    doc: 'The dims of a tensor, a list of static ints.',
    run: (call) => list(call.tensor('x', 'f32').type.shape.map(int)),
  },
  {
    name: 'rank',
    params: ['x'],
    doc: 'The number of axes, a static int.',
    run: (call) => int(call.tensor('x', 'f32').type.shape.length),
  },
  {
    name: 'reshape',
    params: ['x', 'shape'],
    doc: 'The same elements in row-major order under another shape; one -1 is inferred.',
    run: reshape,
  },
  {
    name: 'flatten',
    params: ['x', 'start_dim?', 'end_dim?'],
    doc: 'Merges the axes from `start_dim` to `end_dim` into one; without them all but the first.',
    run: flatten,
  },
  { name: 'permute', params: ['x', 'order'], doc: 'Reorders the axes.', run: permute },
  {
    name: 'transpose',
    params: ['x', 'axis0?', 'axis1?'],
    doc: 'Swaps two axes, the last two by default.',
    run: transpose,
  },
  { name: 'concat', params: ['xs', 'axis?'], doc: 'Joins tensors along an axis.', run: concat },
  {
    name: 'stack',
    params: ['xs', 'axis?'],
    doc: 'Joins tensors along a new axis; numbers give a constant tensor.',
    run: stack,
  },
  {
    name: 'split',
    params: ['x', 'sections', 'axis?'],
    doc: 'Cuts an axis into equal parts (a number) or parts of given sizes (a list).',
    run: split,
  },
  { name: 'flip', params: ['x', 'axis'], doc: 'Reverses an axis.', run: flip },
  {
    name: 'pad',
    params: ['x', 'before', 'after', 'axis', 'value?'],
    doc: 'Adds elements before and after along an axis.',
    run: pad,
  },
  {
    name: 'gather',
    params: ['x', 'ids', 'axis?'],
    doc: 'Takes positions along an axis by a tensor of i32; an id out of range gives 0.',
    run: gather,
  },
  {
    name: 'scatter',
    params: ['x', 'ids', 'values', 'axis?', 'combine?'],
    doc: 'x with values written (or added, or their maximum) at positions along an axis; ids out of range are dropped.',
    run: scatter,
  },
  { name: 'full', params: ['shape', 'value', 'dtype?'], doc: 'A tensor of one value.', run: full },
  {
    name: 'broadcast_to',
    params: ['x', 'shape'],
    doc: 'Repeats x along axes that it lacks or where it has a literal 1.',
    run: (call) => {
      const [x, shape] = [call.tensor('x', 'f32'), call.shape('shape')];
      const common = broadcastShapes(call.frame, [x.type.shape, shape]);
      if ('clash' in common || common.shape.some((d, i) => d.key !== shape[i]?.key))
        return reject(
          call.frame,
          messages.E0302(call.span, { operation: 'broadcast', left: typeText(x.type), right: shapeText(shape) }),
        );
      return call.result(stretch(call.frame, x, shape), 'x');
    },
  },
  {
    name: 'iota',
    params: ['n'],
    doc: '0, 1, … n - 1 as i32.',
    run: (call) => tensor(call.builder.op('iota', [], { dtype: 'i32', shape: [call.dim('n')], axis: 0 })),
  },
];
