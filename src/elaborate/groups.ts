// Which parameters a `minimize` moves: all of the train's models, or what `of` names. There, `matrices(m)` are
// those of rank 2 and more, `vectors(m)` the others, and `except(m, …)` leaves some out.
import type { Expr, OptimizeMember } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { writtenOut } from './arguments.ts';
import { evaluate } from './expressions/evaluate.ts';
import { reject, Rejected, type Frame } from './frame.ts';
import { collectPaths, type Instance, type Slot } from './instances.ts';
import { describe, type Value } from './values.ts';

/** The parameters of `of`, or of all models. */
export function selected(frame: Frame, member: OptimizeMember, models: readonly Instance[]): ReadonlySet<Slot> {
  const found = new Set<Slot>();
  if (member.of.length === 0)
    for (const model of models) addSlots(frame, { kind: 'instance', instance: model }, found, member.using);
  for (const expr of member.of) for (const slot of slotsOf(frame, expr)) found.add(slot);
  return found;
}

type Group = (of: readonly ReadonlySet<Slot>[]) => Iterable<Slot>;

const union = (sets: readonly ReadonlySet<Slot>[]): readonly Slot[] => sets.flatMap((set) => [...set]);
const rank = (slot: Slot): number => slot.type.shape.length;

const groups: ReadonlyMap<string, { readonly group: Group; readonly least: number }> = new Map([
  ['matrices', { group: (of) => union(of).filter((slot) => rank(slot) >= 2), least: 1 }],
  ['vectors', { group: (of) => union(of).filter((slot) => rank(slot) <= 1), least: 1 }],
  [
    'except',
    { group: ([all = new Set(), ...less]) => [...all].filter((slot) => !less.some((set) => set.has(slot))), least: 2 },
  ],
] as const satisfies readonly (readonly [string, { readonly group: Group; readonly least: number }])[]);

function slotsOf(frame: Frame, expr: Expr): ReadonlySet<Slot> {
  const found = new Set<Slot>();
  const name = expr.kind === 'call' && expr.callee.kind === 'name' ? expr.callee.name : '';
  const known = groups.get(name);
  if (!known || expr.kind !== 'call' || frame.scope.lookup(name) !== undefined) {
    addSlots(frame, evaluate(frame, expr), found, expr);
    return found;
  }
  const args = expr.args.map((arg) => slotsOf(frame, writtenOut(frame, arg, name)));
  if (args.length < known.least)
    reject(
      frame,
      messages.E0206(expr.span, {
        what: 'group',
        callee: name,
        expected: `${known.least} or more arguments`,
        got: args.length,
      }),
    );
  return new Set(known.group(args));
}

function addSlots(frame: Frame, value: Value, into: Set<Slot>, expr: Expr): void {
  if (value.kind === 'instance') for (const slot of collectPaths(value.instance).paths.keys()) into.add(slot);
  else if (value.kind === 'parameter') into.add(value.slot);
  else if (value.kind === 'tensor' && value.slot) into.add(value.slot);
  else if (value.kind === 'list' || value.kind === 'tuple')
    for (const item of value.items) addSlots(frame, item, into, expr);
  else if (value.kind === 'unknown') throw new Rejected();
  else if (value.kind !== 'none') reject(frame, messages.E0707(expr.span, { got: describe(value) }));
}
