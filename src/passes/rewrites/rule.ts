// What a rewrite rule is, and what rules ask about values.
import type { Builder } from '../../ir/builder.ts';
import { asConstant, constant, sameDim, type Dim } from '../../ir/dim.ts';
import type { AttrValue, Value } from '../../ir/graph.ts';
import type { RewriteContext } from '../../ir/op.ts';

/** Replacement results for a node, or null where the rule does not apply. */
export type Rule = (b: Builder, cx: RewriteContext) => readonly Value[] | null;

/** Rules by op, then by the name under which they are counted. */
export type Rules = Readonly<Record<string, Readonly<Record<string, Rule>>>>;

/** The scalar constant that fills `value`, if one does. */
export function uniformValue(value: Value, cx: RewriteContext): number | undefined {
  const node = cx.producer(value);
  if (node?.op === 'constant') return typeof node.attrs['value'] === 'number' ? node.attrs['value'] : undefined;
  const [source] = node?.inputs ?? [];
  return node?.op === 'broadcast' && source ? uniformValue(source, cx) : undefined;
}

/** True when every element of `value` is `expected`. */
export const isUniform = (value: Value, expected: number, cx: RewriteContext): boolean =>
  uniformValue(value, cx) === expected;

/** Operand `at`. */
export function input(cx: RewriteContext, at: number): Value {
  const value = cx.inputs[at];
  if (!value) throw new RangeError(`operand ${at} is missing`);
  return value;
}

/** The first result. */
export function output(cx: RewriteContext): Value {
  const [value] = cx.outputs;
  if (!value) throw new RangeError('a node without results');
  return value;
}

/** The first operand of the node that made `value`, when that node is an `op`. */
export function operandOf(value: Value, op: string, cx: RewriteContext): Value | undefined {
  const node = cx.producer(value);
  return node?.op === op ? node.inputs[0] : undefined;
}

/** An attribute that is a list of numbers. */
export const numbers = (attr: AttrValue | undefined): readonly number[] =>
  Array.isArray(attr) ? attr.filter((item): item is number => typeof item === 'number') : [];

const isDim = (attr: AttrValue | undefined): attr is Dim => typeof attr === 'object' && 'terms' in attr;

/** An attribute that is a list of dims; a number counts as one. */
export const dims = (attr: AttrValue | undefined): readonly Dim[] =>
  Array.isArray(attr)
    ? attr.flatMap((item) => (typeof item === 'number' ? [constant(item)] : isDim(item) ? [item] : []))
    : [];

/** True when both shapes are the same, dim by dim. */
export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, axis) => sameDim(d, b[axis] ?? -1));

/** True when every dim is the constant `expected`. */
export const allConstant = (list: readonly Dim[], expected: number): boolean =>
  list.every((d) => asConstant(d) === expected);

/** True when the numbers are 0, 1, 2, … */
export const isIdentity = (order: readonly number[]): boolean => order.every((from, to) => from === to);
