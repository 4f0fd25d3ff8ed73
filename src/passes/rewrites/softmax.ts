// The gradient of rows that are divided by their sum, p = e / Σ e, from p alone: what autodiff makes of the quotient
// and of the sum asks for e too, which is as large.
import { asConstant, zero } from '../../ir/dim.ts';
import type { Value } from '../../ir/graph.ts';
import type { RewriteContext } from '../../ir/op.ts';
import { input, isIdentity, numbers, type Rule, type Rules } from './rule.ts';

const operandsOf = (value: Value, op: string, cx: RewriteContext): readonly Value[] => {
  const node = cx.producer(value);
  return node?.op === op ? node.inputs : [];
};

/** A sum over some axes, spread along them again: what is summed, and the axes. */
function sumOfRow(
  value: Value,
  cx: RewriteContext,
): { readonly x: Value; readonly axes: readonly number[] } | undefined {
  const spread = cx.producer(value);
  const [source] = spread?.inputs ?? [];
  if (spread?.op !== 'broadcast' || !source) return undefined;
  const [whole = source] = operandsOf(source, 'reshape', cx);
  const sum = cx.producer(whole);
  const [x] = sum?.inputs ?? [];
  if (sum?.op !== 'reduce' || sum.attrs['kind'] !== 'sum' || !x) return undefined;
  const axes = numbers(sum.attrs['axes']);
  const rank = value.type.shape.length;
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.includes(axis));
  const to = numbers(spread.attrs['axes']);
  const isInPlace =
    whole === source
      ? to.length === kept.length && to.every((axis, at) => axis === kept[at])
      : to.length === rank && isIdentity(to) && axes.every((axis) => asConstant(source.type.shape[axis] ?? zero) === 1);
  return x.type.shape.length === rank && isInPlace ? { x, axes } : undefined;
}

const pairs = ([a, b]: readonly Value[]): readonly (readonly [Value, Value])[] =>
  a && b
    ? [
        [a, b],
        [b, a],
      ]
    : [];

// (c / z + Σ −(c · (p / z))) · e, where z = Σ e and p = e / z, is c · p − (Σ c · p) · p.
const softmaxGradient: Rule = (b, cx) => {
  const e = input(cx, 1);
  for (const [quotient, row] of pairs(operandsOf(input(cx, 0), 'add', cx))) {
    const [c, z] = operandsOf(quotient, 'div', cx);
    const [total, other] = [z && sumOfRow(z, cx), sumOfRow(row, cx)];
    const [product] = other ? operandsOf(other.x, 'neg', cx) : [];
    if (!c || !other || !product || total?.x !== e || total.axes.join() !== other.axes.join()) continue;
    for (const [ct, share] of pairs(operandsOf(product, 'mul', cx))) {
      const [p, by] = operandsOf(share, 'div', cx);
      const [over, under] = p ? operandsOf(p, 'div', cx) : [];
      if (!p || ct !== c || by !== z || over !== e || under !== z) continue;
      const { shape } = p.type;
      const weighed = b.mul(c, p);
      const sum = b.reduce('sum', weighed, other.axes);
      const kept = shape.map((_, axis) => axis).filter((axis) => !other.axes.includes(axis));
      return [b.sub(weighed, b.mul(b.broadcast(sum, kept, shape), p))];
    }
  }
  return null;
};

/** Rules of what autodiff makes of a softmax. */
export const softmaxRules: Rules = { mul: { 'softmax-gradient': softmaxGradient } };
