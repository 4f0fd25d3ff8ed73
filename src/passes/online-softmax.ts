// Nest → nest: a product whose rows go through softmax and then into a second product (attention, with any
// mask or bias) becomes one nest. Its softmax is a reduction that carries the largest score so far and rescales what it
// has when a larger one comes, so that scores and weights never lie in memory.
import { Facts } from '../ir/dim-solver.ts';
import { NotAffine } from '../ir/expr-rewrite.ts';
import type { Nest, NestFunction, NestModule, NestStep } from '../ir/nest.ts';
import type { TargetProgram } from '../ir/plan.ts';
import { attentionOf } from './attention/forward.ts';
import { asSoftmax, type Softmax } from './attention/parts.ts';
import { bindingCount, readsOf, writesOf } from './fusion/nest-graph.ts';
import type { Pass, PassContext } from './pass.ts';
import { flattenNest } from './schedule/flatten.ts';
import { asAttention as asAttentionOnCpu } from './schedule/cpu/attention.ts';
import { asAttention as asAttentionOnGpu } from './schedule/gpu/attention.ts';
import { maxStorageBindings, Surroundings } from './schedule/gpu/writer.ts';

type Target = TargetProgram['target'];

// How many steps write and read each buffer; inputs and results are used outside too.
function usesOf({ inputs, results, body }: NestFunction): Map<string, number> {
  const uses = new Map<string, number>();
  const use = (buffer: string): void => void uses.set(buffer, (uses.get(buffer) ?? 0) + 1);
  const count = (steps: readonly NestStep[]): void => {
    for (const step of steps) {
      if (step.kind === 'loop') count(step.body);
      else for (const buffer of [...readsOf(step), ...writesOf(step)]) use(buffer);
    }
  };
  count(body);
  for (const { buffer } of [...inputs, ...results]) uses.set(buffer, Infinity);
  return uses;
}

/** Puts attention in the place of its parts. */
class Attention {
  private uses: ReadonlyMap<string, number> | undefined;
  private known: Surroundings | undefined;
  readonly gone = new Set<string>();

  constructor(
    private readonly fn: NestFunction,
    private readonly target: Target,
    private readonly cx: PassContext,
  ) {}

  private get surroundings(): Surroundings {
    return (this.known ??= new Surroundings(this.fn, new Facts(this.fn.dims, this.fn.facts)));
  }

  steps(steps: readonly NestStep[]): NestStep[] {
    let result = steps.map((step): NestStep =>
      step.kind === 'loop' ? { ...step, body: this.steps(step.body) } : step,
    );
    for (const step of result) {
      const softmax = step.kind === 'nest' ? asSoftmax(step) : undefined;
      const joined = softmax && this.join(result, softmax);
      if (joined) result = joined;
    }
    return result;
  }

  // What one step writes and one reads, and nobody else.
  private isBetween(buffer: string): boolean {
    this.uses ??= usesOf(this.fn);
    return this.uses.get(buffer) === 2;
  }

  private join(steps: readonly NestStep[], softmax: Softmax): NestStep[] | undefined {
    const [weights] = writesOf(softmax.nest);
    const middle = steps.indexOf(softmax.nest);
    const end = steps.findIndex((step, at) => at > middle && readsOf(step).some((buffer) => buffer === weights));
    const second = steps[end];
    if (weights === undefined || !this.isBetween(weights) || second?.kind !== 'nest') return undefined;
    for (const scores of readsOf(softmax.nest).filter((buffer) => this.isBetween(buffer))) {
      const start = steps.findIndex((step, at) => at < middle && writesOf(step).includes(scores));
      const first = steps[start];
      const between = steps.slice(start + 1, end).filter((step) => step !== softmax.nest);
      if (first?.kind !== 'nest' || this.overwrites(between, [first, softmax.nest])) continue;
      const attention = this.fused(first, softmax, second);
      if (!attention) continue;
      this.cx.count('online-softmax');
      this.gone.add(scores).add(weights);
      return steps.flatMap((step) =>
        step === second ? [attention] : step === first || step === softmax.nest ? [] : [step],
      );
    }
    return undefined;
  }

  // Whether something between changes what the parts read before.
  private overwrites(between: readonly NestStep[], parts: readonly Nest[]): boolean {
    const read = new Set(parts.flatMap(readsOf));
    return between.flatMap(writesOf).some((buffer) => read.has(buffer));
  }

  private hasSchedule(nest: Nest): boolean {
    const flat = flattenNest(nest, this.fn);
    if (this.target === 'cpu') return asAttentionOnCpu(flat) !== undefined;
    const bindings = bindingCount(nest, (buffer) => this.surroundings.scalars.has(buffer));
    return bindings <= maxStorageBindings && asAttentionOnGpu(flat, this.surroundings) !== undefined;
  }

  private fused(first: Nest, softmax: Softmax, second: Nest): Nest | undefined {
    try {
      const nest = attentionOf(first, softmax, second);
      return nest && this.hasSchedule(nest) ? nest : undefined;
    } catch (error) {
      if (!(error instanceof NotAffine)) throw error;
      return undefined;
    }
  }
}

function joinFunction(fn: NestFunction, target: Target, cx: PassContext): NestFunction {
  const attention = new Attention(fn, target, cx);
  const body = attention.steps(fn.body);
  if (attention.gone.size === 0) return fn;
  return { ...fn, body, buffers: fn.buffers.filter(({ id }) => !attention.gone.has(id)) };
}

/** The pass that makes attention one nest where the schedules of `target` compute it at once. */
export const onlineSoftmaxFor = (target: Target): Pass<NestModule, NestModule> => ({
  name: `online-softmax-${target}`,
  summary: 'scores, their softmax and the product with values become one nest',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => joinFunction(fn, target, cx)) }),
});
