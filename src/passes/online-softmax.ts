// Nest → nest: a product whose rows go through softmax and then into a second product (attention, with any
// mask or bias) becomes one nest. Its softmax is a reduction that carries the largest score so far and rescales what it
// has when a larger one comes, so that scores and weights never lie in memory. Nor do they for gradients, where computing
// them again pays.
import { Facts } from '../ir/dim-solver.ts';
import { NotAffine } from '../ir/expr-rewrite.ts';
import type { Buffer, Nest, NestFunction, NestModule, NestStep } from '../ir/nest.ts';
import { outerAxes } from '../ir/nest-scope.ts';
import type { TargetProgram } from '../ir/plan.ts';
import { attentionOf } from './attention/forward.ts';
import { withGradients, type Users } from './attention/gradient.ts';
import { asSoftmax, type Softmax } from './attention/parts.ts';
import { bindingCount, readsOf, writesOf } from './fusion/nest-graph.ts';
import type { Pass, PassContext } from './pass.ts';
import { dropUnitAxes, flattenNest } from './schedule/flatten.ts';
import { asAttention as asAttentionOnCpu, paysToRecompute } from './schedule/cpu/attention.ts';
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
  readonly made: Buffer[] = [];

  constructor(
    private readonly fn: NestFunction,
    private readonly target: Target,
    private readonly cx: PassContext,
  ) {}

  private get surroundings(): Surroundings {
    return (this.known ??= new Surroundings(this.fn, new Facts(this.fn.dims, this.fn.facts)));
  }

  steps(steps: readonly NestStep[]): NestStep[] {
    let result = steps.map((step): NestStep => {
      if (step.kind === 'loop') return { ...step, body: this.steps(step.body) };
      return step.kind === 'nest' ? dropUnitAxes(step) : step;
    });
    for (const step of result) {
      const softmax = step.kind === 'nest' ? asSoftmax(step) : undefined;
      const joined = softmax && (this.join(result, softmax) ?? this.joinGradients(result, softmax));
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
    const [weights, ...more] = writesOf(softmax.nest);
    const middle = steps.indexOf(softmax.nest);
    const end = steps.findIndex((step, at) => at > middle && readsOf(step).some((buffer) => buffer === weights));
    const second = steps[end];
    if (weights === undefined || more.length > 0 || !this.isBetween(weights) || second?.kind !== 'nest')
      return undefined;
    for (const scores of readsOf(softmax.nest).filter((buffer) => this.isBetween(buffer))) {
      const start = steps.findIndex((step, at) => at < middle && writesOf(step).includes(scores));
      const first = steps[start];
      const between = steps.slice(start + 1, end).filter((step) => step !== softmax.nest);
      if (first?.kind !== 'nest' || this.overwrites(between, [first, softmax.nest].flatMap(readsOf))) continue;
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

  // Attention whose weights only its gradients read.
  private joinGradients(steps: readonly NestStep[], softmax: Softmax): NestStep[] | undefined {
    const found = this.affine(() => withGradients(softmax, (buffer) => this.usersOf(steps, buffer)));
    if (!found) return undefined;
    const scope = { ...this.fn, buffers: [...this.fn.buffers, ...found.buffers] };
    const made = [...found.nests.values()].filter((nest) => nest !== undefined);
    if (!made.every((nest) => isPlain(nest) || this.recomputes(nest, scope))) return undefined;
    const placeOf = (nest: Nest): number => steps.indexOf(nest);
    const places = [...found.nests].flatMap(([nest, by]) => (by ? [placeOf(nest)] : []));
    const [first, last] = [placeOf(found.attention), Math.max(...places)];
    const isLate = (nest: Nest): boolean => this.overwrites(steps.slice(placeOf(nest) + 1, last), readsOf(nest));
    const isLost = this.overwrites(steps.slice(first + 1, last), writesOf(found.attention));
    if (first > Math.min(...places) || isLost || found.moved.some(isLate)) return undefined;
    this.cx.count('attention-gradient');
    for (const buffer of found.gone) this.gone.add(buffer);
    this.made.push(...found.buffers);
    return steps.flatMap((step) =>
      step.kind === 'nest' && found.nests.has(step) ? (found.nests.get(step) ?? []) : [step],
    );
  }

  private usersOf(steps: readonly NestStep[], buffer: string): Users | undefined {
    this.uses ??= usesOf(this.fn);
    const isNest = (step: NestStep): step is Nest => step.kind === 'nest';
    const [writer, ...more] = steps.filter((step) => writesOf(step).includes(buffer));
    const readers = steps.filter((step) => readsOf(step).includes(buffer));
    const isAll = this.uses.get(buffer) === readers.length + 1;
    if (!writer || !isNest(writer) || more.length > 0 || !isAll || !readers.every(isNest)) return undefined;
    return { writer, readers };
  }

  private overwrites(steps: readonly NestStep[], buffers: readonly string[]): boolean {
    return steps.flatMap(writesOf).some((buffer) => buffers.includes(buffer));
  }

  private hasSchedule(nest: Nest, scope = this.fn): boolean {
    if (this.target === 'cpu') return asAttentionOnCpu(flattenNest(nest, scope)) !== undefined;
    const bindings = bindingCount(nest, (buffer) => this.surroundings.scalars.has(buffer));
    return (
      bindings <= maxStorageBindings && asAttentionOnGpu(flattenNest(nest, scope), this.surroundings) !== undefined
    );
  }

  // Whether the schedule of the target computes weights, rather than reading them.
  private recomputes(nest: Nest, scope: NestFunction): boolean {
    if (this.target === 'gpu') return this.hasSchedule(nest, scope);
    const attention = asAttentionOnCpu(flattenNest(nest, scope));
    return attention !== undefined && paysToRecompute(attention, this.surroundings.facts);
  }

  private fused(first: Nest, softmax: Softmax, second: Nest): Nest | undefined {
    const nest = this.affine(() => attentionOf(first, softmax, second));
    return nest && this.hasSchedule(nest) ? nest : undefined;
  }

  private affine<T>(make: () => T | undefined): T | undefined {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof NotAffine)) throw error;
      return undefined;
    }
  }
}

// Without a reduction inside of another: any schedule does.
const isPlain = (nest: Nest): boolean => outerAxes(nest).size === 0;

function joinFunction(fn: NestFunction, target: Target, cx: PassContext): NestFunction {
  const attention = new Attention(fn, target, cx);
  const body = attention.steps(fn.body);
  if (attention.gone.size === 0) return fn;
  const buffers = [...fn.buffers.filter(({ id }) => !attention.gone.has(id)), ...attention.made];
  return { ...fn, body, buffers };
}

/** The pass that makes attention one nest where the schedules of `target` compute it at once. */
export const onlineSoftmaxFor = (target: Target): Pass<NestModule, NestModule> => ({
  name: `online-softmax-${target}`,
  summary: 'scores, their softmax and the product with values become one nest, and gradients need no matrix of weights',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => joinFunction(fn, target, cx)) }),
});
