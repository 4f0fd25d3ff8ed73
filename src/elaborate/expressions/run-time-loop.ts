// `fold` and `scan` over axes of tensors and over dims, and `for` over either: one run-time loop, the
// graph op `scan`. The body is evaluated twice: once to learn which states it updates and what its
// carries become, then for the region itself. `while` masks: a step that does not run keeps the carry
// and gives zeros.
import { inOneCall } from './fold-axis.ts';
import { one, sub, variable, type Dim } from '../../ir/dim.ts';
import type { Node, TensorType, Value as GraphValue } from '../../ir/graph.ts';
import type { Bind, Expr, FoldExpr, ForExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import type { Span } from '../../support/source.ts';
import { equalDims } from '../dims.ts';
import { reject, type Frame } from '../frame.ts';
import type { GraphContext, KeySite } from '../graph-context.ts';
import type { Slot } from '../instances.ts';
import { Scope } from '../scope.ts';
import { describe, tensor, tuple, typeText, unknown, type Value } from '../values.ts';
import { bindPattern, evaluate } from './evaluate.ts';
import { elementwiseSelect } from './select.ts';
import { limitOf } from './tabulate.ts';
import { asFloat } from '../precision.ts';
import { graphOf, toOwnTensor, toTensor } from './tensors.ts';

/** One bind of the loop: slices of a tensor brought to axis 0, or the index itself. */
interface Source {
  readonly bind: Bind;
  readonly length: Dim;
  readonly stack: GraphValue | null;
  readonly axis: number;
}

/** True where the loop runs at run time: over a tensor or a dim. Lists and static ranges are unrolled. */
export const isRunTime = (frame: Frame, bind: Bind): boolean =>
  bind.kind === 'range-bind' || ['tensor', 'parameter', 'computed'].includes(evaluate(frame, bind.over).kind);

function sourceOf(frame: Frame, bind: Bind): Source {
  if (bind.kind === 'range-bind') return { bind, length: limitOf(frame, bind), stack: null, axis: 0 };
  const over = toTensor(frame, evaluate(frame, bind.over), undefined, bind.over.span);
  const { shape } = over.type;
  const along = bind.along?.value ?? 0;
  const axis = along < 0 ? along + shape.length : along;
  const length = shape[axis];
  if (!length) return reject(frame, messages.E0313(bind.span, { axis: along, shape: typeText(over.type) }));
  const order = [axis, ...shape.map((_, k) => k).filter((k) => k !== axis)];
  const stack = axis === 0 ? over : graphOf(frame).builder.permute(over, order);
  return { bind, length, stack, axis };
}

/** A carry taken apart: its tensors, and how to put them together again. */
interface Leaves {
  readonly tensors: readonly GraphValue[];
  rebuild(tensors: readonly GraphValue[]): Value;
}

function leavesOf(frame: Frame, value: Value, span: Span, like?: readonly TensorType[], from = 0): Leaves {
  if (value.kind === 'tuple' || value.kind === 'list') {
    const parts: Leaves[] = [];
    let at = from;
    for (const item of value.items) {
      const part = leavesOf(frame, item, span, like, at);
      parts.push(part);
      at += part.tensors.length;
    }
    return {
      tensors: parts.flatMap((part) => part.tensors),
      rebuild(tensors) {
        let next = 0;
        const items = parts.map((part) => part.rebuild(tensors.slice(next, (next += part.tensors.length))));
        return value.kind === 'tuple' ? tuple(items, value.names) : { kind: 'list', items };
      },
    };
  }
  const wanted = like?.[from]?.dtype;
  const x = toOwnTensor(frame, value, wanted, span);
  return { tensors: [x], rebuild: ([only]) => (only ? tensor(only) : unknown) };
}

/** What one evaluation of the body gives. */
interface Step {
  readonly carry: Leaves;
  readonly out: Value | null;
}

/** Evaluates the body in a region of its own. */
class RegionBuild {
  readonly t: GraphValue = { type: { dtype: 'i32', shape: [] }, name: 't' };
  readonly carries: readonly GraphValue[];
  readonly slices: readonly GraphValue[];
  readonly slotParams: readonly GraphValue[];

  constructor(
    private readonly frame: Frame,
    private readonly loop: LoopText,
    private readonly sources: readonly Source[],
    private readonly initial: Leaves,
    readonly slots: readonly Slot[],
    private readonly site: KeySite | null,
  ) {
    const graph = graphOf(frame);
    this.carries = initial.tensors.map(({ type }): GraphValue => ({ type }));
    this.slices = sources.flatMap(({ stack }): GraphValue[] =>
      stack ? [{ type: { dtype: stack.type.dtype, shape: stack.type.shape.slice(1) } }] : [],
    );
    this.slotParams = slots.map((slot): GraphValue => ({ type: graph.read(slot).type }));
  }

  /** Runs `body` with the builder's nodes set aside; gives its nodes. */
  run<T>(body: (inner: Frame) => T): { result: T; nodes: Node[] } {
    const graph = graphOf(this.frame);
    const start = graph.builder.nodes.length;
    const restore = graph.snapshot();
    const { facts } = graph.builder;
    this.slots.forEach((slot, at) => graph.write(slot, this.slotParams[at] ?? graph.read(slot)));
    const inner: Frame = { ...this.frame, scope: new Scope(this.frame.scope), keys: this.site?.atStep(this.t) ?? null };
    try {
      this.bind(inner);
      const result = body(inner);
      return { result, nodes: graph.builder.nodes.slice(start) };
    } finally {
      graph.builder.nodes.length = start;
      graph.builder.facts = facts;
      restore();
    }
  }

  private bind(inner: Frame): void {
    if (this.loop.pattern) bindPattern(inner, this.loop.pattern, this.initial.rebuild(this.carries));
    let slice = 0;
    const index = this.counter();
    for (const { bind, stack } of this.sources) {
      const value = stack ? tensor(this.slices[slice++] ?? this.t) : tensor(this.t);
      if (bind.kind === 'in-bind') bindPattern(inner, bind.pattern, value);
      else inner.scope.define(bind.name.name, { ...value, index });
    }
  }

  // The number of the step as a dim, for proofs of bounds: 0 ≤ t < length.
  private counter(): Dim {
    const { builder } = graphOf(this.frame);
    const name = `%t${builder.facts.variables.length}`;
    const limits = this.sources.map(({ length }) => ({
      kind: '>=0' as const,
      lhs: sub(sub(length, 1), variable(name)),
    }));
    builder.facts = builder.facts.extend([{ name, min: 0 }], limits);
    return variable(name);
  }

  /** Value of the body: next carry and out. */
  step(inner: Frame): Step {
    const result = evaluate(inner, this.loop.body);
    const types = this.initial.tensors.map(({ type }) => type);
    const { form, body } = this.loop;
    if (form === 'for') return { carry: leavesOf(inner, tuple([]), body.span), out: result };
    if (form === 'fold') return { carry: leavesOf(inner, result, body.span, types), out: null };
    if (result.kind !== 'tuple' || result.items.length !== 2) {
      if (result.kind === 'unknown') return { carry: this.initial, out: result };
      return reject(
        inner,
        messages.E0402(body.span, {
          what: 'the body of `scan`',
          expected: 'a pair `(carry, out)`',
          got: describe(result),
        }),
      );
    }
    return { carry: leavesOf(inner, result.items[0] ?? unknown, body.span, types), out: result.items[1] ?? unknown };
  }
}

/** The parts of a loop's text that matter here. */
interface LoopText {
  readonly form: 'fold' | 'scan' | 'for';
  readonly pattern: FoldExpr['pattern'] | null;
  readonly body: Expr;
  readonly while: Expr | null;
  readonly span: Span;
  readonly initSpan: Span;
  /** What the loop runs over, where that is one thing. */
  readonly bind?: Bind | undefined;
}

/** `fold` or `scan` as one run-time loop. */
export function evaluateRunTimeFold(frame: Frame, expr: FoldExpr): Value {
  const init = evaluate(frame, expr.init);
  if (init.kind === 'unknown') return unknown;
  const loop: LoopText = {
    form: expr.form,
    pattern: expr.pattern,
    body: expr.body,
    while: expr.while ?? null,
    span: expr.span,
    initSpan: expr.init.span,
  };
  return runLoop(frame, loop, expr.binds, init);
}

/** `for x in tensor => …`, `for i < n => …`: results of all steps, stacked along the axis of the first bind; others nest. */
export function evaluateRunTimeFor(frame: Frame, expr: ForExpr): Value {
  const [first, ...rest] = expr.binds;
  const loop: LoopText = {
    form: 'for',
    pattern: null,
    body: rest.length > 0 ? { ...expr, binds: rest } : expr.body,
    while: null,
    span: expr.span,
    initSpan: expr.span,
    bind: rest.length > 0 ? undefined : first,
  };
  return runLoop(frame, loop, first ? [first] : [], tuple([]));
}

function runLoop(frame: Frame, loop: LoopText, binds: readonly Bind[], init: Value): Value {
  const graph = graphOf(frame);
  const sources = binds.map((bind) => sourceOf(frame, bind));
  const [first] = sources;
  if (!first) return unknown;
  for (const other of sources) requireSameLength(frame, loop, first.length, other.length);
  const site = frame.keys?.next() ?? null;
  const given = leavesOf(frame, init, loop.initSpan);
  const { initial, slots } = learn(frame, loop, sources, init, given, site);
  if (loop.form === 'for' && slots.length > 0) rejectUnorderedUpdates(frame, loop, slots);

  const build = new RegionBuild(frame, loop, sources, initial, slots, site);
  const alive = loop.while ? graph.builder.full('bool', 1) : null;
  const aliveParam: GraphValue = { type: { dtype: 'bool', shape: [] } };
  const { result, nodes } = build.run((inner) => finishStep(inner, loop, build, alive ? aliveParam : null));
  const carries = [...initial.tensors, ...slots.map((slot) => graph.read(slot)), ...(alive ? [alive] : [])];
  const outLeaves = result.out;
  const region = {
    params: [build.t, ...build.carries, ...build.slotParams, ...(alive ? [aliveParam] : []), ...build.slices],
    nodes,
    results: [...result.carries, ...(outLeaves?.tensors ?? [])],
  };
  const stacks = sources.flatMap(({ stack }) => (stack ? [stack] : []));
  const outputs = graph.builder.node(
    'scan',
    [...carries, ...stacks],
    { carries: carries.length, length: first.length, reverse: false },
    [region],
  );
  slots.forEach((slot, at) => {
    const last = outputs[initial.tensors.length + at];
    if (last) graph.write(slot, last);
  });
  const carry = initial.rebuild(outputs.slice(0, initial.tensors.length));
  if (!outLeaves) return carry;
  const outs = outLeaves.rebuild(outputs.slice(carries.length).map((stack) => moveFirstAxis(graph, stack, first.axis)));
  return loop.form === 'for' ? outs : tuple([outs, carry]);
}

function requireSameLength(frame: Frame, loop: LoopText, a: Dim, b: Dim): void {
  const answer = equalDims(frame, a, b);
  if (answer === 'proved') return;
  if (answer === 'refuted')
    reject(frame, messages.E0302(loop.span, { operation: 'advance together', left: `${a.key} steps`, right: b.key }));
  reject(
    frame,
    messages.E0303(
      loop.span,
      { left: a.key, right: b.key },
      { notes: ['the binds of one loop advance together, so they have one length'] },
    ),
  );
}

function rejectUnorderedUpdates(frame: Frame, loop: LoopText, slots: readonly Slot[]): never {
  const paths = slots.map((slot) => graphOf(frame).paths.get(slot) ?? slot.name);
  const keyword = { ...loop.span, end: loop.span.start + loop.form.length };
  return reject(
    frame,
    messages.E0602(
      loop.body.span,
      { state: paths.join('`, `') },
      {
        label: 'updates them',
        secondary: [{ span: keyword, label: 'iterations are independent, so the updates have no order' }],
        helps: [
          {
            text: `fold the axis into the batch and call it once${inOneCall(frame, { bind: loop.bind, body: loop.body })}`,
          },
          { text: 'or use `scan`, whose steps are ordered' },
        ],
      },
    ),
  );
}

// What a step gives as the next carry.
function carryPlace(loop: LoopText): Span {
  let at: Expr = loop.body;
  while (at.kind === 'block' && at.result) at = at.result;
  return (loop.form === 'scan' && at.kind === 'tuple' ? at.elements[0]?.value.span : undefined) ?? at.span;
}

// A first evaluation, thrown away: states that the body updates become carries, and carries that start
// as plain numbers take the dtype that the body gives them.
function learn(
  frame: Frame,
  loop: LoopText,
  sources: readonly Source[],
  init: Value,
  given: Leaves,
  site: KeySite | null,
): { initial: Leaves; slots: Slot[] } {
  const graph = graphOf(frame);
  const trial = new RegionBuild(frame, loop, sources, given, [], site);
  const before = new Map([...graph.updated].map((slot) => [slot, graph.read(slot)]));
  const { result } = trial.run((inner) => {
    const step = trial.step(inner);
    const slots = [...graph.updated].filter((slot) => graph.read(slot) !== before.get(slot));
    return { types: step.carry.tensors.map(({ type }) => type), slots };
  });
  const initial = leavesOf(frame, init, loop.initSpan, result.types);
  // A carry is f32 where its start or what a step gives is.
  const tensors = initial.tensors.map((x, at) =>
    result.types[at]?.dtype === 'f32' ? asFloat(graph.builder, x, 'f32') : x,
  );
  return { initial: { ...initial, tensors }, slots: result.slots };
}

interface FinishedStep {
  readonly carries: readonly GraphValue[];
  readonly out: Leaves | null;
}

function finishStep(inner: Frame, loop: LoopText, build: RegionBuild, alive: GraphValue | null): FinishedStep {
  const graph = graphOf(inner);
  const running = alive && loop.while ? conditionOf(inner, loop.while, alive) : null;
  const step = build.step(inner);
  const out = step.out === null ? null : leavesOf(inner, step.out, loop.body.span);
  const carried = step.carry.tensors.map((x, at) =>
    asFloat(graph.builder, x, build.carries[at]?.type.dtype ?? x.type.dtype),
  );
  const next = [...carried, ...build.slots.map((slot) => graph.read(slot))];
  const before = [...build.carries, ...build.slotParams];
  checkCarries(inner, loop, carried, build.carries);
  if (!running) return { carries: next, out };
  const masked = next.map((value, at) => elementwiseSelect(inner, running, value, before[at] ?? value));
  const tensors =
    out?.tensors.map((value) => elementwiseSelect(inner, running, value, graph.builder.zero(value))) ?? [];
  return { carries: [...masked, running], out: out && { tensors, rebuild: (stacks) => out.rebuild(stacks) } };
}

function conditionOf(inner: Frame, condition: Expr, alive: GraphValue): GraphValue {
  const value = toTensor(inner, evaluate(inner, condition), 'bool', condition.span);
  if (value.type.dtype !== 'bool' || value.type.shape.length > 0)
    return reject(
      inner,
      messages.E0402(condition.span, {
        what: 'the condition of `while`',
        expected: 'a bool[]',
        got: typeText(value.type, true),
      }),
    );
  return graphOf(inner).builder.binary('and', alive, value);
}

function checkCarries(frame: Frame, loop: LoopText, next: readonly GraphValue[], start: readonly GraphValue[]): void {
  const notes = ['a run-time loop needs one carry type; only unrolled folds may change it'];
  if (next.length !== start.length)
    return reject(
      frame,
      messages.E0312(
        carryPlace(loop),
        { form: loop.form, what: 'its parts' },
        { label: `${next.length} tensors, but it starts with ${start.length}`, notes },
      ),
    );
  next.forEach(({ type }, at) => {
    const before = start[at]?.type;
    if (!before) return;
    const sameShape =
      type.shape.length === before.shape.length &&
      type.shape.every((d, axis) => equalDims(frame, d, before.shape[axis] ?? one) === 'proved');
    if (sameShape && type.dtype === before.dtype) return;
    reject(
      frame,
      messages.E0312(
        carryPlace(loop),
        { form: loop.form, what: sameShape ? 'dtype' : 'shape' },
        {
          label: `next value is ${typeText(type, true)}`,
          secondary: [{ span: loop.initSpan, label: `starts as ${typeText(before, true)}` }],
          notes,
          helps: [{ text: 'give what grows as the output of the step and concatenate after the loop' }],
        },
      ),
    );
  });
}

function moveFirstAxis(graph: GraphContext, x: GraphValue, to: number): GraphValue {
  if (to === 0) return x;
  const order = x.type.shape.map((_, axis) => (axis < to ? axis + 1 : axis === to ? 0 : axis));
  return graph.builder.permute(x, order);
}
