// `@regularize(f)` and `@constrain(f)` on members: penalties whose gradient joins that of the loss, and
// functions that bring a parameter back after each update. The argument also sees the names of std/regularize
// or std/constrain, so that `l2(1e-4)` there is a penalty.
import type { Value as GraphValue } from '../ir/graph.ts';
import type { Attribute, Expr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { callValue } from './calls.ts';
import { evaluate } from './expressions/evaluate.ts';
import { graphOf, toTensor } from './expressions/tensors.ts';
import { reject, Rejected, report, type Frame } from './frame.ts';
import type { Instance, Slot } from './instances.ts';
import { asFloat } from './precision.ts';
import { Scope } from './scope.ts';
import { describe, tensor, typeText, type Value } from './values.ts';

/** What an attribute asks of the parameters below its member. */
export interface ParameterRule {
  readonly kind: 'regularize' | 'constrain';
  readonly argument: Expr;
  readonly frame: Frame;
}

/** The rule that an attribute states; null where it states none. */
export function readRule(frame: Frame, attribute: Attribute): ParameterRule | null {
  const { name } = attribute;
  if (name.name !== 'regularize' && name.name !== 'constrain') return null;
  const [only, ...more] = attribute.args ?? [];
  if (only && more.length === 0 && only.value.kind !== 'hole') return { kind: name.name, argument: only.value, frame };
  const got = attribute.args?.length ?? 0;
  report(
    frame,
    messages.E0206(attribute.span, { what: 'attribute', callee: `@${name.name}`, expected: '1 argument', got }),
  );
  return null;
}

/** The rules of every parameter below an instance, outer ones first. */
export function collectRules(
  instance: Instance,
  into: Map<Slot, Set<ParameterRule>> = new Map(),
  outer: readonly ParameterRule[] = [],
): ReadonlyMap<Slot, ReadonlySet<ParameterRule>> {
  const walk = (value: Value, rules: readonly ParameterRule[]): void => {
    if (value.kind === 'instance') collectRules(value.instance, into, rules);
    else if (value.kind === 'list' || value.kind === 'tuple') for (const item of value.items) walk(item, rules);
    else if (value.kind === 'parameter') into.set(value.slot, new Set([...(into.get(value.slot) ?? []), ...rules]));
  };
  for (const value of instance.config.values()) walk(value, outer);
  for (const [name, value] of instance.members) walk(value, [...outer, ...(instance.rules.get(name) ?? [])]);
  return into;
}

// The value of the attribute's argument, a function of one tensor, at `parameter`.
function apply(frame: Frame, { kind, argument, frame: place }: ParameterRule, parameter: GraphValue): GraphValue {
  const scope = new Scope(place.scope);
  for (const [name, value] of frame.session.std(kind)) scope.define(name, value);
  const around = { ...place, scope, graph: frame.graph, keys: frame.keys, caller: null, precision: frame.precision };
  const rule = evaluate(around, argument);
  if (rule.kind === 'unknown') throw new Rejected();
  if (!isFunction(rule))
    return reject(
      frame,
      messages.E0402(argument.span, {
        what: `\`@${kind}\``,
        expected: 'a function of a parameter',
        got: describe(rule),
      }),
    );
  const result = callValue(frame, rule, [tensor(parameter)], argument.span);
  if (result.kind === 'unknown') throw new Rejected();
  const { dtype } = parameter.type;
  return asFloat(graphOf(frame).builder, toTensor(frame, result, dtype, argument.span), dtype);
}

const isFunction = (value: Value): boolean => ['fn', 'lambda', 'primitive'].includes(value.kind);

/** The gradient of the loss with those of the penalties. */
export function regularized(
  frame: Frame,
  rules: Iterable<ParameterRule>,
  parameter: GraphValue,
  gradient: GraphValue,
): GraphValue {
  const { builder } = graphOf(frame);
  let total = gradient;
  for (const rule of rules) {
    if (rule.kind !== 'regularize') continue;
    const penalty = apply(frame, rule, parameter);
    if (penalty.type.shape.length > 0)
      reject(frame, messages.E0704(rule.argument.span, { got: typeText(penalty.type, true) }));
    const [own] = builder.node('gradient', [penalty, parameter]);
    if (own) total = builder.add(total, own);
  }
  return total;
}

/** The new value of a parameter under its constraints, in textual order. */
export function constrained(frame: Frame, rules: Iterable<ParameterRule>, next: GraphValue): GraphValue {
  let value = next;
  for (const rule of rules) {
    if (rule.kind !== 'constrain') continue;
    const kept = apply(frame, rule, value);
    if (typeText(kept.type, true) !== typeText(next.type, true))
      reject(
        frame,
        messages.E0402(rule.argument.span, {
          what: 'what `@constrain` gives',
          expected: typeText(next.type, true),
          got: typeText(kept.type, true),
        }),
      );
    value = kept;
  }
  return value;
}
