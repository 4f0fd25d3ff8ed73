// `with { loss_scale=… }`: the gradients of s · loss, divided by s, so that small gradients are no f16 zeros. Where
// one is not finite the update is skipped; a dynamic scale is then halved, and doubled after many good steps.
import type { Value as GraphValue } from '../ir/graph.ts';
import { elementwiseSelect } from './expressions/select.ts';
import { graphOf } from './expressions/tensors.ts';
import type { Frame } from './frame.ts';
import type { OptimizerSlot, Prepared, StepCondition } from './optimize.ts';
import { asFloat } from './precision.ts';
import { asNumber, type Value } from './values.ts';

/** What `loss_scale` asks for: a number that stays, or one that follows the gradients. */
export interface LossScale {
  readonly initial: number;
  /** Good steps after which a dynamic scale doubles. */
  readonly interval?: number;
}

const usual: LossScale = { initial: 65_536, interval: 2000 };

/** The value of the option: a positive number, or what `dynamic(…)` gives. Undefined for anything else. */
export function lossScaleOf(value: Value): LossScale | undefined {
  const parts = value.kind === 'tuple' && value.names.join() === 'initial,interval' ? value.items : [value];
  const [initial, interval] = parts.map(asNumber);
  if (initial === undefined || !(initial > 0)) return undefined;
  if (parts.length === 1) return { initial };
  return interval !== undefined && interval >= 1 ? { initial, interval } : undefined;
}

/** Gradients as the optimizer sees them. */
export interface Gradients {
  readonly values: readonly GraphValue[];
  /** False where one of them is infinite or NaN; null where nobody asks. */
  readonly finite: GraphValue | null;
}

/** The gradients of a minimize. Losses that are computed in f16 are scaled even where nothing says so. */
export function lossGradients(
  frame: Frame,
  one: Prepared,
  condition: StepCondition,
  slots: OptimizerSlot[],
): Gradients {
  const graph = graphOf(frame);
  const { builder } = graph;
  builder.origin = [one.member.span];
  const option = one.optimizer.options.get('loss_scale');
  const rule = option ? lossScaleOf(option.value) : one.isHalf ? usual : undefined;
  const parameters = one.slots.map((slot) => graph.read(slot));
  const gradientsOf = (loss: GraphValue): readonly GraphValue[] =>
    builder.node('gradient', [loss, ...parameters]).map((g) => asFloat(builder, g, 'f32'));
  if (!rule) return { values: gradientsOf(one.loss), finite: null };
  const state = rule.interval === undefined ? null : new ScaleState(frame, slots, rule.initial, rule.interval);
  const scale = state?.scale.value ?? builder.full('f32', rule.initial);
  const scaled = gradientsOf(builder.mul(one.loss, scale));
  const finite = scaled.map((g) => isFinite(frame, g)).reduce((a, b) => builder.binary('and', a, b));
  const values = scaled.map((g) => builder.div(g, builder.broadcast(scale, [], g.type.shape)));
  state?.settle(finite, condition);
  return { values, finite };
}

// Tested on bits: comparisons may be compiled as if there were no NaN.
function isFinite(frame: Frame, x: GraphValue): GraphValue {
  const { builder } = graphOf(frame);
  const bits = builder.op('bitcast', [x], { dtype: 'u32' });
  const exponent = builder.like(bits, 0x7f800000);
  const own = builder.binary('ne', builder.binary('and', bits, exponent), exponent);
  const axes = x.type.shape.map((_, axis) => axis);
  return axes.length === 0 ? own : builder.op('reduce', [own], { kind: 'and', axes });
}

const smallest = 2 ** -24;

/** The scale and the number of good steps since it changed: slots of the train, saved with it. */
class ScaleState {
  readonly scale: OptimizerSlot;
  readonly #good: OptimizerSlot;

  constructor(
    private readonly frame: Frame,
    private readonly slots: OptimizerSlot[],
    initial: number,
    private readonly interval: number,
  ) {
    this.scale = this.#slot('loss_scale', 'f32', initial);
    this.#good = this.#slot('good_steps', 'i32', 0);
  }

  #slot(plain: string, dtype: 'f32' | 'i32', initial: number): OptimizerSlot {
    const taken = this.slots.filter(({ name }) => name === plain || name.startsWith(`${plain}.`)).length;
    const name = taken === 0 ? plain : `${plain}.${taken}`;
    const type = { dtype, shape: [] };
    const slot: OptimizerSlot = { name, type, initial, value: graphOf(this.frame).input(name, 'slot', type) };
    this.slots.push(slot);
    return slot;
  }

  /** The scale of the next step. */
  settle(finite: GraphValue, condition: StepCondition): void {
    const { builder } = graphOf(this.frame);
    const number = (value: number): GraphValue => builder.full('f32', value);
    const choose = (cond: GraphValue, then: GraphValue, otherwise: GraphValue): GraphValue =>
      elementwiseSelect(this.frame, cond, then, otherwise);
    const scale = this.scale.value;
    const good = builder.add(this.#good.value, builder.full('i32', 1));
    const grows = builder.binary('le', builder.full('i32', this.interval), good);
    const none = builder.full('i32', 0);
    const larger = choose(grows, builder.mul(scale, number(2)), scale);
    const smaller = builder.binary('max', builder.mul(scale, number(0.5)), number(smallest));
    const next = choose(finite, larger, smaller);
    const count = choose(finite, choose(grows, none, good), none);
    const { when } = condition;
    this.scale.value = when ? choose(when, next, scale) : next;
    this.#good.value = when ? choose(when, count, this.#good.value) : count;
  }
}
