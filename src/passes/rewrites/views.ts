// Views of views become one view, and views that change nothing go.
import { add, asConstant, one, sameDim, zero, type Dim } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import type { RewriteContext } from '../../ir/op.ts';
import {
  allConstant,
  dims,
  input,
  isIdentity,
  numbers,
  operandOf,
  output,
  sameShape,
  type Rule,
  type Rules,
} from './rule.ts';

const same: Rule = (_, cx) => (sameShape(input(cx, 0).type.shape, output(cx).type.shape) ? [input(cx, 0)] : null);

const source = (cx: RewriteContext, op: string) => operandOf(input(cx, 0), op, cx);

// A view of a filled scalar is the scalar, filled to the new shape.
const ofFilled: Rule = (b, cx) => {
  const scalar = source(cx, 'broadcast');
  return scalar && scalar.type.shape.length === 0 ? [b.broadcast(scalar, [], output(cx).type.shape)] : null;
};

const reshapeOfReshape: Rule = (b, cx) => {
  const x = source(cx, 'reshape');
  return x ? [b.reshape(x, output(cx).type.shape)] : null;
};

const permuteOfPermute: Rule = (b, cx) => {
  const x = source(cx, 'permute');
  const inner = numbers(cx.producer(input(cx, 0))?.attrs['order']);
  return x
    ? [
        b.permute(
          x,
          numbers(cx.attrs['order']).map((axis) => inner[axis] ?? axis),
        ),
      ]
    : null;
};

const broadcastOfBroadcast: Rule = (b, cx) => {
  const x = source(cx, 'broadcast');
  const [inner, outer] = [numbers(cx.producer(input(cx, 0))?.attrs['axes']), numbers(cx.attrs['axes'])];
  return x
    ? [
        b.broadcast(
          x,
          inner.map((axis) => outer[axis] ?? axis),
          output(cx).type.shape,
        ),
      ]
    : null;
};

const broadcastSame: Rule = (b, cx) => (isIdentity(numbers(cx.attrs['axes'])) ? same(b, cx) : null);

const permuteSame: Rule = (_, cx) => (isIdentity(numbers(cx.attrs['order'])) ? [input(cx, 0)] : null);

const sliceAll: Rule = (b, cx) => {
  const [start, stride] = [dims(cx.attrs['start']), numbers(cx.attrs['stride'])];
  return allConstant(start, 0) && stride.every((s) => s === 1) ? same(b, cx) : null;
};

const padNothing: Rule = (_, cx) => {
  const edges = [...dims(cx.attrs['lo']), ...dims(cx.attrs['hi'])];
  return allConstant(edges, 0) && numbers(cx.attrs['interior']).every((n) => n === 0) ? [input(cx, 0)] : null;
};

// Zeros around a value: how far it lies from the start and from the end of each axis.
function zerosAround(value: Value, cx: RewriteContext) {
  const node = cx.producer(value);
  const [x] = node?.inputs ?? [];
  if (node?.op !== 'pad' || !x || node.attrs['value'] !== 0 || numbers(node.attrs['interior']).some((n) => n !== 0))
    return undefined;
  return { x, lo: dims(node.attrs['lo']), hi: dims(node.attrs['hi']) };
}

const partsAlong = (value: Value, axis: number, cx: RewriteContext): readonly Value[] => {
  const node = cx.producer(value);
  return node?.op === 'concat' && node.attrs['axis'] === axis ? node.inputs : [value];
};

// Neighbours that were widened by zeros and added up, as are gradients of parts, lie one after the other.
const addNeighbours: Rule = (b, cx) => {
  const [left, right] = [zerosAround(input(cx, 0), cx), zerosAround(input(cx, 1), cx)];
  if (!left || !right) return null;
  const differ = left.lo.flatMap((lo, axis) =>
    sameDim(lo, right.lo[axis] ?? -1) && sameDim(left.hi[axis] ?? 0, right.hi[axis] ?? -1) ? [] : [axis],
  );
  const [axis = -1] = differ;
  const end = ({ x, lo }: typeof left): Dim => add(lo[axis] ?? zero, x.type.shape[axis] ?? zero);
  const [first, second] = sameDim(end(left), right.lo[axis] ?? -1) ? [left, right] : [right, left];
  if (differ.length !== 1 || !sameDim(end(first), second.lo[axis] ?? -1)) return null;
  const parts = [first, second].flatMap(({ x }) => partsAlong(x, axis, cx));
  const joined = b.op('concat', parts, { axis });
  const hi = first.hi.map((dim, at) => (at === axis ? (second.hi[at] ?? dim) : dim));
  return [b.op('pad', [joined], { lo: first.lo, hi, interior: hi.map(() => 0), value: 0 })];
};

const concatOne: Rule = (_, cx) => (cx.inputs.length === 1 ? [input(cx, 0)] : null);

const reduceNothing: Rule = (b, cx) => {
  const { shape } = input(cx, 0).type;
  const axes = numbers(cx.attrs['axes']);
  if (axes.length === 0) return [input(cx, 0)];
  return axes.every((axis) => asConstant(shape[axis] ?? one) === 1)
    ? [b.reshape(input(cx, 0), output(cx).type.shape)]
    : null;
};

// Rows of a table are taken before they are narrowed: the table may be large, and so its gradient adds up in f32.
const gatherOfNarrowed: Rule = (b, cx) => {
  const table = source(cx, 'cast');
  const narrowed = cx.producer(input(cx, 0));
  if (!narrowed || table?.type.dtype !== 'f32' || input(cx, 0).type.dtype !== 'f16') return null;
  return [b.op('cast', [b.op('gather', [table, input(cx, 1)], cx.attrs)], narrowed.attrs)];
};

/** Rules of views by op. */
export const viewRules: Rules = {
  reshape: { 'reshape-same': same, 'reshape-of-reshape': reshapeOfReshape, 'reshape-of-filled': ofFilled },
  permute: { 'permute-same': permuteSame, 'permute-of-permute': permuteOfPermute, 'permute-of-filled': ofFilled },
  broadcast: { 'broadcast-same': broadcastSame, 'broadcast-of-broadcast': broadcastOfBroadcast },
  slice: { 'slice-all': sliceAll, 'slice-of-filled': ofFilled },
  pad: { 'pad-nothing': padNothing },
  add: { 'add-neighbours': addNeighbours },
  concat: { 'concat-one': concatOne },
  gather: { 'gather-of-narrowed': gatherOfNarrowed },
  reduce: { 'reduce-nothing': reduceNothing },
};

const operand: Rule = (_, cx) => [input(cx, 0)];

/** What only autodiff needed: identities that mark where gradients stop or are taken. */
export const finalRules: Rules = {
  stop_gradient: { 'drop-stop-gradient': operand },
  copy: { 'drop-copy': operand },
};
