// `minimize L of ms using Opt`: which parameters move, their gradients, the optimizer's update of each.
import { gradientReach } from '../ir/gradient-reach.ts';
import type { TensorType, Value as GraphValue } from '../ir/graph.ts';
import { isFloat } from '../ir/dtype.ts';
import type { OptimizeMember } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText } from '../support/source.ts';
import { callFn, callValue } from './calls.ts';
import { evaluate } from './expressions/evaluate.ts';
import { selected } from './groups.ts';
import { collectRules, constrained, regularized, type ParameterRule } from './parameter-rules.ts';
import { elementwiseSelect } from './expressions/select.ts';
import { graphOf, toTensor } from './expressions/tensors.ts';
import { emptySignature, reject, Rejected, report, type Frame } from './frame.ts';
import { GraphContext } from './graph-context.ts';
import { buildMembers, type Instance, type PathTable, type Slot } from './instances.ts';
import { initialValue } from './models.ts';
import { lossGradients, type Gradients } from './loss-scale.ts';
import { asFloat, floatOf } from './precision.ts';
import { isWritable } from './quantize.ts';
import { asNumber, describe, list, tensor, typeText, type GivenArgument, type Value } from './values.ts';

/** A carried tensor of an optimizer: `m:fc1.weight`. */
export interface OptimizerSlot {
  readonly name: string;
  readonly type: TensorType;
  readonly initial: number;
  value: GraphValue;
}

/** A minimize whose loss has been evaluated. */
export interface Prepared {
  readonly member: OptimizeMember;
  readonly loss: GraphValue;
  /** What is shown to the user: the loss, or what `maximize` makes larger. */
  readonly reported: GraphValue;
  readonly optimizer: Value & { readonly kind: 'optimizer' };
  readonly slots: readonly Slot[];
  readonly table: PathTable;
  readonly rules: ReadonlyMap<Slot, ReadonlySet<ParameterRule>>;
  /** Whether the loss goes through f16. */
  readonly isHalf: boolean;
}

/** When a step takes place. */
export interface StepCondition {
  readonly when: GraphValue | null;
  readonly every: number;
  readonly from: number;
}

/** Evaluates loss, optimizer and the parameters it moves. Null after an error. */
export function prepareMinimize(
  frame: Frame,
  member: OptimizeMember,
  table: PathTable,
  models: readonly Instance[],
): Prepared | null {
  const value = evaluate(frame, member.loss);
  const optimizer = evaluate(frame, member.using);
  if (optimizer.kind !== 'optimizer' && optimizer.kind !== 'unknown')
    report(
      frame,
      messages.E0706(
        member.using.span,
        { got: describe(optimizer) },
        optimizer.kind === 'unit' ? { helps: [{ text: `call it: \`${spanText(member.using.span)}()\`` }] } : {},
      ),
    );
  if (value.kind === 'unknown' || optimizer.kind !== 'optimizer') return null;
  const reported = asFloat(graphOf(frame).builder, toTensor(frame, value, 'f32', member.loss.span), 'f32');
  if (reported.type.shape.length > 0 || !isFloat(reported.type.dtype))
    return reject(
      frame,
      messages.E0704(
        member.loss.span,
        { got: typeText(reported.type, true) },
        { helps: [{ text: 'reduce it to one number: `mean(…)` or `sum(…)`' }] },
      ),
    );
  const loss = member.direction === 'maximize' ? graphOf(frame).builder.neg(reported) : reported;
  const wanted = selected(frame, member, models);
  const place = member.of[0]?.span ?? member.using.span;
  for (const [slot, path] of table.paths)
    if (wanted.has(slot) && !table.frozen.has(slot) && !isWritable(frame, slot, path, place)) return null;
  const slots = [...table.paths.keys()].filter(
    (slot) => wanted.has(slot) && slot.role === 'param' && isFloat(slot.type.dtype) && !table.frozen.has(slot),
  );
  // What an evaluation shows of a loss needs no gradient.
  const moving = graphOf(frame).kind === 'step' ? reachable(frame, member, loss, slots, table) : slots;
  const rules = new Map(models.flatMap((model) => [...collectRules(model)]));
  const isHalf = [frame, ...(moving ?? []).map((slot) => slot.frame)].some((at) => floatOf(at) === 'f16');
  return moving && { member, loss, reported, optimizer, slots: moving, table, rules, isHalf };
}

// E0701 where the loss depends on a parameter only through steps without a gradient, E0703 where it does
// not depend on any; a parameter that this loss happens not to use stays as it is.
function reachable(
  frame: Frame,
  member: OptimizeMember,
  loss: GraphValue,
  slots: readonly Slot[],
  table: PathTable,
): readonly Slot[] | null {
  const graph = graphOf(frame);
  const values = new Map(slots.map((slot) => [slot, graph.read(slot)]));
  const { reached, blockedBy } = gradientReach(graph.builder.nodes, loss, [...values.values()]);
  const of = (test: (value: GraphValue) => boolean): readonly Slot[] =>
    slots.filter((slot) => {
      const v = values.get(slot);
      return v !== undefined && test(v);
    });
  const blocked = of((v) => blockedBy.has(v));
  const moving = of((v) => reached.has(v));
  if (blocked.length > 0) {
    const [first] = blocked;
    const node = first && blockedBy.get(values.get(first) ?? loss);
    const place = node?.origin[0];
    const names = blocked.map((slot) => table.paths.get(slot) ?? slot.name);
    const some = names.length > 3 ? names.slice(0, 2) : names;
    const others = names.length - some.length;
    const shown = some.map((name) => `\`${name}\``).join(', ') + (others > 0 ? ` and ${others} more` : '');
    report(
      frame,
      messages.E0701(
        place ?? member.loss.span,
        { parameters: shown },
        {
          ...(place ? { label: blockReason(node.op) } : {}),
          secondary: [
            {
              span: member.of[0]?.span ?? member.loss.span,
              label: `${slots.length} parameters, ${moving.length === 0 ? 'none' : moving.length} reached`,
            },
          ],
          helps: [{ text: 'use a smooth loss, such as `cross_entropy(logits, y)` or `bce_with_logits(x, y)`' }],
        },
      ),
    );
    return null;
  }
  if (moving.length > 0) return moving;
  const model = member.of.map((e) => spanText(e.span)).join(', ') || 'any model';
  report(frame, messages.E0703(member.loss.span, { model }));
  return null;
}

function blockReason(op: string): string {
  if (['lt', 'le', 'eq', 'ne', 'cast'].includes(op))
    return 'this is piecewise constant: its gradient is zero everywhere';
  if (op === 'argreduce') return 'an index has no gradient';
  if (op === 'stop_gradient') return '`stop_gradient` makes it a constant';
  return `\`${op}\` has no gradient`;
}

/** Gradients of all minimizes of a step at the same parameters, then the updates. */
export function applyMinimize(
  around: Frame,
  prepared: readonly Prepared[],
  condition: StepCondition,
  step: string,
  slots: OptimizerSlot[],
): void {
  // Gradients, slots and updates are f32, whatever the losses are computed in.
  const frame: Frame = { ...around, precision: undefined };
  const graph = graphOf(frame);
  const single = (x: GraphValue): GraphValue => asFloat(graph.builder, x, 'f32');
  const raw = prepared.map((one) => lossGradients(frame, one, condition, slots));
  const plans = prepared.map((one, i) => {
    graph.builder.origin = [one.member.using.span];
    const mean = accumulate(frame, one, raw[i] ?? { values: [], finite: null }, condition, step, slots);
    const gradients = one.slots.map((slot, k) => {
      const gradient = mean.gradients[k] ?? graph.read(slot);
      return regularized(frame, one.rules.get(slot) ?? [], single(graph.read(slot)), single(gradient));
    });
    return { one, condition: mean.condition, gradients };
  });
  const clipped = clipGroups(frame, plans);
  plans.forEach(({ one, condition: own }, i) => {
    graph.builder.origin = [one.member.using.span];
    one.slots.forEach((slot, k) => {
      const gradient = clipped[i]?.[k];
      if (gradient) updateParameter(frame, one, slot, gradient, own, step, slots);
    });
  });
  // The next step starts from these values, not from how they came about.
  if (step !== '')
    for (const slot of graph.updated) graph.write(slot, graph.builder.op('stop_gradient', [graph.read(slot)]));
}

interface Accumulated {
  readonly gradients: readonly GraphValue[];
  readonly condition: StepCondition;
}

// `with { accumulate=k }`: sums wait in slots; every k-th time their mean is the gradient, and they start anew.
function accumulate(
  frame: Frame,
  one: Prepared,
  { values: gradients, finite }: Gradients,
  condition: StepCondition,
  step: string,
  slots: OptimizerSlot[],
): Accumulated {
  const count = numberOption(one, 'accumulate') ?? 1;
  const graph = graphOf(frame);
  const { builder } = graph;
  if (count === 1) {
    const both = finite && condition.when ? builder.binary('and', condition.when, finite) : (finite ?? condition.when);
    return { gradients, condition: { ...condition, when: both } };
  }
  const done = builder.sub(updateCount(frame, condition), builder.full('i32', 1));
  const ready = builder.binary(
    'eq',
    builder.binary('rem', done, builder.full('i32', count)),
    builder.full('i32', count - 1),
  );
  const means = gradients.map((gradient, k) => {
    const slot = one.slots[k];
    const plain = `accumulate:${(slot && one.table.paths.get(slot)) ?? k}`;
    const name = slots.some((s) => s.name === plain) ? `${step}.${plain}` : plain;
    const before = graph.input(name, 'slot', gradient.type);
    // A gradient that is not finite is left out of the mean.
    const sum = builder.add(
      before,
      finite ? elementwiseSelect(frame, finite, gradient, builder.zero(gradient)) : gradient,
    );
    const kept = elementwiseSelect(frame, ready, builder.zero(sum), sum);
    slots.push({ name, type: gradient.type, initial: 0, value: when(frame, condition, kept, before) });
    return builder.mul(sum, builder.like(sum, 1 / count));
  });
  const both = condition.when ? builder.binary('and', condition.when, ready) : ready;
  return { gradients: means, condition: { when: both, every: condition.every * count, from: condition.from } };
}

function numberOption(one: Prepared, name: string): number | undefined {
  const option = one.optimizer.options.get(name);
  return option && asNumber(option.value);
}

interface GroupPlan {
  readonly one: Prepared;
  readonly gradients: readonly GraphValue[];
}

// `with { clip=f }`: f maps the list of all gradients to a list of the same shapes. Groups of one step that
// name it alike are clipped together.
function clipGroups(frame: Frame, plans: readonly GroupPlan[]): readonly (readonly GraphValue[])[] {
  const results = plans.map(({ gradients }) => gradients);
  const rules = plans.map(({ one }) => one.optimizer.options.get('clip'));
  const names = rules.map((rule) => (rule && rule.value.kind !== 'none' ? spanText(rule.span) : undefined));
  for (const name of new Set(names)) {
    const members = plans.map((_, i) => i).filter((i) => names[i] === name);
    const rule = rules[members[0] ?? 0];
    if (name === undefined || !rule) continue;
    const clipped = [
      ...clip(
        frame,
        rule,
        members.flatMap((i) => plans[i]?.gradients ?? []),
      ),
    ];
    for (const i of members) results[i] = clipped.splice(0, plans[i]?.gradients.length ?? 0);
  }
  return results;
}

function clip(frame: Frame, rule: GivenArgument, gradients: readonly GraphValue[]): readonly GraphValue[] {
  const result = callValue(frame, rule.value, [list(gradients.map((g) => tensor(g)))], rule.span);
  if (result.kind === 'unknown') throw new Rejected();
  if (result.kind !== 'list' || result.items.length !== gradients.length)
    return reject(
      frame,
      messages.E0402(rule.span, {
        what: 'the result of `clip`',
        expected: `a list of ${gradients.length} gradients`,
        got: describe(result),
      }),
    );
  return result.items.map((item) => toTensor(frame, item, 'f32', rule.span));
}

// One call of `update_param`, with slots of the parameter's shape.
function updateParameter(
  frame: Frame,
  one: Prepared,
  slot: Slot,
  gradient: GraphValue,
  condition: StepCondition,
  step: string,
  slots: OptimizerSlot[],
): void {
  const graph = graphOf(frame);
  const { optimizer, member } = one;
  const parameter = graph.read(slot);
  const path = one.table.paths.get(slot) ?? slot.name;
  const instance = instantiate(frame, optimizer.instance, { ...parameter.type, dtype: 'f32' });
  const own = ownSlots(frame, instance, path, step, slots);
  const update = instance.members.get('update_param');
  if (update?.kind !== 'fn')
    return reject(
      frame,
      messages.E0706(member.using.span, { got: `\`${instance.decl.name.name}\`, which has no \`update_param\`` }),
    );
  const span = member.using.span;
  const args = [
    tensor(asFloat(graph.builder, parameter, 'f32')),
    tensor(gradient),
    tensor(updateCount(frame, condition)),
  ].map((value) => ({
    value,
    span,
  }));
  const result = callFn(
    frame,
    update,
    { positional: args, named: new Map() },
    span,
    { name: 'update_param', what: 'function', span, text: 'update_param' },
    instance,
  );
  if (result.kind === 'unknown') throw new Rejected();
  const moved = asFloat(graph.builder, toTensor(frame, result, 'f32', span), 'f32');
  const next = asFloat(graph.builder, constrained(frame, one.rules.get(slot) ?? [], moved), parameter.type.dtype);
  graph.write(slot, when(frame, condition, next, parameter));
  for (const [state, record] of own) record.value = when(frame, condition, graph.take(state), record.value);
}

const when = (frame: Frame, condition: StepCondition, next: GraphValue, before: GraphValue): GraphValue =>
  condition.when ? elementwiseSelect(frame, condition.when, next, before) : next;

// t of update_param: updates of this step so far, from 1.
function updateCount(frame: Frame, { every, from }: StepCondition): GraphValue {
  const { builder } = graphOf(frame);
  const since =
    from === 0 ? graphOf(frame).iteration() : builder.sub(graphOf(frame).iteration(), builder.full('i32', from));
  const completed = every === 1 ? since : builder.div(since, builder.full('i32', every));
  return builder.add(completed, builder.full('i32', 1));
}

function instantiate(frame: Frame, optimizer: Instance, type: TensorType): Instance {
  const scope = optimizer.scope.parent;
  if (!scope) return optimizer;
  const signature = emptySignature();
  signature.packs.set('', type.shape);
  return buildMembers(
    { ...frame, scope, signature, fn: null, instance: null },
    optimizer.decl,
    optimizer.configSpans,
    optimizer.span,
  );
}

function ownSlots(
  frame: Frame,
  instance: Instance,
  path: string,
  step: string,
  slots: OptimizerSlot[],
): readonly (readonly [Slot, OptimizerSlot])[] {
  const graph = graphOf(frame);
  const found: (readonly [Slot, OptimizerSlot])[] = [];
  for (const [name, member] of instance.members) {
    if (member.kind !== 'parameter') continue;
    const plain = `${name}:${path}`;
    const full = slots.some((s) => s.name === plain) ? `${step}.${plain}` : plain;
    const value = graph.input(full, 'slot', member.slot.type);
    graph.adopt(member.slot, value);
    const record: OptimizerSlot = { name: full, type: member.slot.type, initial: fillValue(frame, member.slot), value };
    slots.push(record);
    found.push([member.slot, record]);
  }
  return found;
}

// Slots start at one value everywhere, so that the host can make them without a kernel.
function fillValue(frame: Frame, slot: Slot): number {
  const scratch = new GraphContext('slot', 'init', frame.session.holes, new Map());
  const value = initialValue(frame.session, scratch, { ...slot, role: 'state' }, slot.name);
  let at: GraphValue | undefined = value;
  while (at) {
    const node = scratch.builder.nodes.find((n) => n.outputs.some((out) => out === at));
    if (node?.op === 'constant' && typeof node.attrs['value'] === 'number') return node.attrs['value'];
    at = node && ['broadcast', 'reshape', 'cast'].includes(node.op) ? node.inputs[0] : undefined;
  }
  return reject(frame, messages.E0404(slot.span, { what: `the initial value of the slot \`${slot.name}\`` }));
}
