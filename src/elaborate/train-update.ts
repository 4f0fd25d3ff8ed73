// `update m = e` in a train: a model, layer or parameter takes the values of another one at the end of
// the step, or `lerp(a, b, w)` of two, parameter by parameter.
import { isFloat } from '../ir/dtype.ts';
import type { Value as GraphValue } from '../ir/graph.ts';
import type { Expr, UpdateMember } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { writtenOut } from './arguments.ts';
import { evaluate } from './expressions/evaluate.ts';
import { elementwiseSelect } from './expressions/select.ts';
import { graphOf, stretch, toOwnTensor, toTensor } from './expressions/tensors.ts';
import { reject, Rejected, type Frame } from './frame.ts';
import { collectPaths, type Instance, type PathTable, type Slot } from './instances.ts';
import { asFloat } from './precision.ts';
import { isWritable } from './quantize.ts';
import { didYouMean } from './spelling.ts';
import { describe, typeText, unknown, type Value } from './values.ts';

/** Writes the new values into the graph. */
export function assignUpdate(frame: Frame, update: UpdateMember, table: PathTable): void {
  const target = targetOf(frame, update);
  if (target.kind === 'unknown') throw new Rejected();
  const when = update.when ? evaluate(frame, update.when) : null;
  if (when?.kind === 'unknown') throw new Rejected();
  if (when?.kind === 'bool' && !when.value) return;
  if (
    when &&
    when.kind !== 'bool' &&
    !(when.kind === 'tensor' && when.value.type.dtype === 'bool' && when.value.type.shape.length === 0)
  )
    return reject(frame, messages.E0406(update.when?.span ?? update.span, { got: describe(when) }));
  const condition = when?.kind === 'tensor' ? when.value : null;
  const graph = graphOf(frame);
  for (const [slot, next] of newValues(frame, update, target)) {
    if (!table.paths.has(slot))
      reject(
        frame,
        messages.E0601(update.path[0]?.span ?? update.span, {
          name: slot.name,
          what: 'not part of a model of this train',
        }),
      );
    const place = update.path[0]?.span ?? update.span;
    if (!isWritable(frame, slot, table.paths.get(slot) ?? slot.name, place)) throw new Rejected();
    const before = graph.read(slot);
    graph.write(slot, condition ? elementwiseSelect(frame, condition, next, before) : next);
  }
}

function targetOf(frame: Frame, update: UpdateMember): Value {
  const [first, ...rest] = update.path;
  let value: Value | undefined = first && frame.scope.lookup(first.name);
  if (first && value === undefined)
    reject(
      frame,
      messages.E0202(first.span, { name: first.name }, didYouMean(first.name, frame.scope.names(), first.span)),
    );
  for (const part of rest) {
    const members: ReadonlyMap<string, Value> = value?.kind === 'instance' ? value.instance.members : new Map();
    const next = members.get(part.name);
    if (!next)
      return reject(
        frame,
        messages.E0209(
          part.span,
          { what: describe(value ?? unknown), member: part.name },
          didYouMean(part.name, members.keys(), part.span),
        ),
      );
    value = next;
  }
  return value ?? unknown;
}

type Pairs = readonly (readonly [Slot, GraphValue])[];

function newValues(frame: Frame, update: UpdateMember, target: Value): Pairs {
  if (target.kind === 'parameter') {
    const { type } = target.slot;
    const given = toTensor(frame, evaluate(frame, update.value), type.dtype, update.value.span);
    const value = asFloat(graphOf(frame).builder, given, type.dtype);
    if (value.type.dtype !== type.dtype || (value.type.shape.length > 0 && typeText(value.type) !== typeText(type)))
      return reject(
        frame,
        messages.E0402(update.value.span, {
          what: `the new value of \`${target.slot.name}\``,
          expected: typeText(type, true),
          got: typeText(value.type, true),
        }),
      );
    return [[target.slot, stretch(frame, value, type.shape)]];
  }
  if (target.kind !== 'instance')
    return reject(
      frame,
      messages.E0601(update.path[0]?.span ?? update.span, {
        name: update.path.map((p) => p.name).join('.'),
        what: describe(target),
      }),
    );
  return instanceValues(frame, update.value, target.instance);
}

function instanceValues(frame: Frame, expr: Expr, target: Instance): Pairs {
  const graph = graphOf(frame);
  const { builder } = graph;
  const isLerp =
    expr.kind === 'call' && expr.callee.kind === 'name' && expr.callee.name === 'lerp' && expr.args.length === 3;
  const sources = isLerp ? expr.args.map((arg) => writtenOut(frame, arg, 'lerp')) : [expr];
  const [a, b, share = unknown] = sources.map((e) => evaluate(frame, e));
  if (a?.kind === 'unknown' || b?.kind === 'unknown') throw new Rejected();
  const from = matching(frame, expr, target, a);
  if (!isLerp) return from.map(([slot, source]) => [slot, graph.read(source)]);
  const to = new Map(matching(frame, expr, target, b));
  const given = toOwnTensor(frame, share, 'f32', expr.span);
  if (!isFloat(given.type.dtype) || given.type.shape.length > 0)
    return reject(
      frame,
      messages.E0402(sources[2]?.span ?? expr.span, {
        what: 'the share of the second in `lerp`',
        expected: 'a float of shape `[]`',
        got: describe(share),
      }),
    );
  const weight = asFloat(builder, given, 'f32');
  return from.map(([slot, source]) => {
    const [x, y] = [graph.read(source), graph.read(to.get(slot) ?? source)];
    if (!isFloat(slot.type.dtype)) return [slot, y] as const;
    const [from32, to32] = [asFloat(builder, x, 'f32'), asFloat(builder, y, 'f32')];
    const mixed = builder.add(from32, builder.mul(builder.sub(to32, from32), stretch(frame, weight, x.type.shape)));
    return [slot, asFloat(builder, mixed, slot.type.dtype)] as const;
  });
}

// Caches belong to the session, whichever model they are in.
const lastingSlots = (instance: Instance): readonly (readonly [Slot, string])[] =>
  [...collectPaths(instance).paths].filter(([slot]) => slot.role !== 'cache');

// Slots of two instances of one layer and config, in the order of their paths.
function matching(
  frame: Frame,
  expr: Expr,
  target: Instance,
  source: Value | undefined,
): readonly (readonly [Slot, Slot])[] {
  if (source?.kind !== 'instance')
    return reject(
      frame,
      messages.E0402(expr.span, {
        what: 'the new value',
        expected: `an instance of \`${target.decl.name.name}\``,
        got: describe(source ?? unknown),
      }),
    );
  const [own, other] = [lastingSlots(target), lastingSlots(source.instance)];
  const pairs = own.map(([slot, path], i) => {
    const [twin, twinPath] = other[i] ?? [];
    const same = twin && twinPath === path && typeText(twin.type, true) === typeText(slot.type, true);
    return same
      ? ([slot, twin] as const)
      : reject(
          frame,
          messages.E0503(expr.span, {
            target: path,
            source: twinPath ?? 'nothing',
            reason: 'both sides need the same parameters',
          }),
        );
  });
  return pairs;
}
