// A train as two graph functions: the step (forward, gradients, optimizer) and the evaluation. Members
// run in textual order; a step's updates are written when its members have been evaluated.
import type { Parameter, TrainPlan } from './train-plan.ts';
import type { FunctionResult, GraphFunction, TensorType, TrainInfo } from '../ir/graph.ts';
import type { BatchMember, LetMember, StepMember, TrainMember, UpdateMember } from '../parser/ast.ts';
import type { Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText } from '../support/source.ts';
import { aliasOf } from './aliases.ts';
import { derive } from './derivation.ts';
import { bindLet, evaluate, read } from './expressions/evaluate.ts';
import { toTensor } from './expressions/tensors.ts';
import { reject, Rejected, report, type Frame, type Session } from './frame.ts';
import { GraphContext } from './graph-context.ts';
import type { Slot } from './instances.ts';
import { mentions } from './mentions.ts';
import { guarded, ordered, rootFrame } from './models.ts';
import { applyMinimize, prepareMinimize, type OptimizerSlot, type Prepared } from './optimize.ts';
import { Scope } from './scope.ts';
import { argumentOf, bindFreshDims, inputType } from './signatures.ts';
import { precisionInside } from './precision.ts';
import { assignUpdate } from './train-update.ts';
import { stepCondition } from './train-step.ts';
import { Totals } from './totals.ts';
import { tensor, unknown, type Value } from './values.ts';

/** What elaborating one function of a train gives. */
interface TrainRun {
  readonly graph: GraphContext;
  readonly batch: { readonly name: string; readonly type: TensorType }[];
  readonly losses: string[];
  readonly metrics: string[];
  readonly slots: OptimizerSlot[];
  readonly totals: Totals;
  /** Computes the metrics of totals. */
  finish: GraphFunction | null;
}

/** The step and the evaluation of a train. Null after an error. */
export function elaborateTrain(
  session: Session,
  plan: TrainPlan,
): { readonly functions: readonly GraphFunction[]; readonly info: TrainInfo } | null {
  const step = runTrain(session, plan, 'step');
  const evaluation = runTrain(session, plan, 'evaluate');
  const { decl } = plan;
  if (!step || !evaluation) return null;
  const models = plan.parameters.flatMap((p) =>
    p.kind === 'model' ? [{ name: p.name, model: p.model.decl.name.name }] : [],
  );
  const info: TrainInfo = {
    name: decl.name.name,
    doc: decl.doc ?? '',
    models,
    batch: step.batch,
    options: plan.parameters.flatMap((p) => (p.kind === 'option' ? [p.info] : [])),
    slots: step.slots.map(({ name, type, initial }) => ({ name, type, initial })),
    losses: step.losses,
    metrics: step.metrics,
    step: `${decl.name.name}.step`,
    evaluate: `${decl.name.name}.evaluate`,
    ...(evaluation.finish ? { finish: evaluation.finish.name } : {}),
    span: decl.span,
  };
  const runs = [step, evaluation].map(({ graph }) => ordered(graph.finish(), plan.table));
  return {
    functions: evaluation.finish ? [...runs, evaluation.finish] : runs,
    info,
  };
}

function runTrain(session: Session, plan: TrainPlan, kind: 'step' | 'evaluate'): TrainRun | null {
  const { decl } = plan;
  const graph = new GraphContext(`${decl.name.name}.${kind}`, kind, session.holes, plan.table.paths);
  const totals = new Totals(graph, kind);
  const outer = new Scope(plan.module.scope);
  if (plan.module.scope.lookup('total') === undefined) outer.define('total', totals.value);
  const root = rootFrame(session, graph, outer, null, null, kind === 'step');
  const frame = { ...root, precision: precisionInside(root, decl.attributes) };
  const run: TrainRun = { graph, batch: [], losses: [], metrics: [], slots: [], totals, finish: null };
  for (const p of plan.parameters) frame.scope.define(p.name, parameterValue(graph, p));
  frame.scope.define('iteration', { kind: 'computed', make: () => tensor(graph.iteration()) });
  return guarded(() => new TrainRunner(frame, plan, kind, run).run()) ? run : null;
}

function parameterValue(graph: GraphContext, p: Parameter): Value {
  if (p.kind === 'model') return { kind: 'instance', instance: p.model.instance };
  if (p.kind === 'static') return p.value;
  return {
    kind: 'computed',
    make: () => tensor(graph.input(p.name, 'option', p.type), derive(p.name, p.type, `option \`${p.name}\``)),
  };
}

/** Evaluates the members of a train, in one of its two functions. */
class TrainRunner {
  #failed = false;
  readonly #updates: UpdateMember[] = [];
  readonly #used = new Set<LetMember>();
  /** Lets that nothing uses. */
  readonly #idle: Diagnostic[] = [];

  constructor(
    readonly frame: Frame,
    readonly plan: TrainPlan,
    readonly kind: 'step' | 'evaluate',
    readonly out: TrainRun,
  ) {}

  run(): boolean {
    const { decl } = this.plan;
    const steps = decl.members.filter((m): m is StepMember => m.kind === 'step');
    const top = decl.members.filter((m) => m.kind === 'optimize');
    const [first] = top;
    if (steps.length > 0 && first) report(this.frame, messages.E0705(first.span));
    if (steps.length === 0 && top.length === 0)
      reject(this.frame, messages.E0708(decl.name.span, { train: decl.name.name }));
    for (const member of decl.members) if (member.kind === 'batch') this.#batch(member);
    if (steps.length === 0) this.#members(this.frame, decl.members, null);
    else this.#steps(decl.members, steps);
    for (const update of this.#updates)
      this.#try(() => this.kind === 'step' && assignUpdate(this.frame, update, this.plan.table));
    // What failed may be what used them.
    if (!this.frame.session.failed()) for (const diagnostic of this.#idle) report(this.frame, diagnostic);
    if (!this.#failed) this.#results();
    this.#try(() => (this.out.finish = this.out.totals.cut(this.frame, `${decl.name.name}.finish`)));
    return !this.#failed;
  }

  #try(body: () => unknown): void {
    const before = guarded(() => {
      body();
      return true;
    });
    if (!before) this.#failed = true;
  }

  #batch(member: BatchMember): void {
    bindFreshDims(
      this.frame,
      member.inputs.map((i) => i.type),
    );
    for (const input of member.inputs) {
      this.#try(() => {
        if (this.frame.scope.has(input.name.name))
          report(this.frame, messages.E0204(input.name.span, { name: input.name.name }));
        this.frame.scope.define(input.name.name, unknown);
        const type = this.#batchType(input);
        const value = argumentOf(this.out.graph, input.name.name, type);
        this.out.batch.push({
          name: input.name.name,
          type: { ...type, dtype: type.dtype === 'f16' ? 'f32' : type.dtype },
        });
        this.frame.scope.define(
          input.name.name,
          tensor(value, derive(input.name.name, type, `batch \`${input.name.name}\``)),
        );
      });
    }
  }

  // What depends on an input without a type stays silent.
  #batchType(input: BatchMember['inputs'][number]): TensorType {
    const { name, type: written } = input;
    const type = aliasOf(this.frame, written) ?? written;
    const own = type.kind === 'tensor-type' ? inputType(this.frame, type) : null;
    if (own) return own;
    if (type.kind === 'tensor-type' || type.kind === 'error-type') throw new Rejected();
    const got = `\`${spanText(written.span)}\``;
    return reject(
      this.frame,
      messages.E0402(written.span, { what: `the batch input \`${name.name}\``, expected: 'a tensor', got }),
    );
  }

  // Members of one step: lets and metrics as they come, then all its minimizes at the same parameters.
  #members(frame: Frame, members: readonly TrainMember[], step: StepMember | null): void {
    const prepared: Prepared[] = [];
    for (const member of members) {
      this.#try(() => {
        if (member.kind === 'let') this.#let(frame, member, members);
        else if (member.kind === 'optimize') {
          const one = prepareMinimize(
            frame,
            member,
            this.plan.table,
            this.plan.parameters.flatMap((p) => (p.kind === 'model' ? [p.model.instance] : [])),
          );
          if (one) prepared.push(one);
          else this.#failed = true;
        } else if (member.kind === 'metric') this.#metric(frame, member);
        else if (member.kind === 'update') this.#updates.push(member);
      });
    }
    prepared.forEach((one, i) => this.#loss(one, step, prepared.length > 1 ? i : null));
    if (this.kind === 'evaluate') return;
    this.#checkGroups(prepared);
    const condition = step ? stepCondition(frame, step) : { when: null, every: 1, from: 0 };
    this.#try(() => applyMinimize(frame, prepared, condition, step?.name.name ?? '', this.out.slots));
  }

  // A `let` that updates states and that nothing reads is a slip (E0604): in a train, only what is used takes place.
  #let(frame: Frame, member: LetMember, members: readonly TrainMember[]): void {
    const changed = this.out.graph.watch();
    bindLet(frame, member);
    const names = mentions(members.filter((other) => other !== member));
    if (changed().length > 0 && !namesOf(member).some((name) => names.has(name))) this.#unused(member, changed());
  }

  #unused(member: LetMember, changed: readonly Slot[]): void {
    if (this.kind === 'evaluate') return;
    this.#failed = true;
    const paths = changed.map((slot) => this.plan.table.paths.get(slot) ?? slot.name);
    this.#idle.push(messages.E0604(member.span, { name: namesOf(member)[0] ?? '_' }, { label: updating(paths) }));
  }

  #metric(frame: Frame, member: TrainMember & { readonly kind: 'metric' }): void {
    const restore = this.out.graph.snapshot();
    const value = read(frame, evaluate(frame, member.value));
    restore();
    if (value.kind === 'unknown') {
      this.#failed = true;
      return;
    }
    const x = toTensor(frame, value, 'f32', member.value.span);
    const { builder } = this.out.graph;
    this.out.metrics.push(member.name.name);
    this.out.totals.noteMetric(member.name.name, member.value.span);
    this.out.graph.results.push({ name: member.name.name, role: 'output', value: builder.toFloat(x) });
  }

  #loss(one: Prepared, step: StepMember | null, index: number | null): void {
    const base = step ? step.name.name : 'loss';
    const name = index === null ? base : `${base}.${index}`;
    this.out.losses.push(name);
    this.out.graph.results.unshift({ name, role: 'output', value: one.reported });
  }

  #checkGroups(prepared: readonly Prepared[]): void {
    const seen = new Set<Slot>();
    for (const one of prepared)
      for (const slot of one.slots) {
        if (seen.has(slot)) {
          this.#failed = true;
          report(
            this.frame,
            messages.E0702(one.member.span, { parameter: this.plan.table.paths.get(slot) ?? slot.name }),
          );
          return;
        }
        seen.add(slot);
      }
  }

  // Steps run in order; a let of the train is evaluated in each step that uses it, with one key.
  #steps(members: readonly TrainMember[], steps: readonly StepMember[]): void {
    const lets = members.filter((m): m is LetMember => m.kind === 'let');
    const keys = lets.map(() => this.frame.keys?.next() ?? null);
    for (const step of steps) {
      const scope = this.#lazyLets(lets, keys);
      this.#members(
        { ...this.frame, scope: new Scope(scope), keys: this.frame.keys?.next() ?? null },
        step.members,
        step,
      );
    }
    const scope = this.#lazyLets(lets, keys);
    for (const member of members) {
      if (member.kind === 'metric') this.#try(() => this.#metric({ ...this.frame, scope }, member));
      else if (member.kind === 'update') this.#updates.push(member);
    }
    this.#try(() => this.#checkLets(lets, this.#lazyLets(lets, keys)));
  }

  // What no step uses does not take place; all lets are evaluated to see whether that matters.
  #checkLets(lets: readonly LetMember[], scope: Scope): void {
    const used = new Set(this.#used);
    if (this.kind === 'evaluate' || lets.every((member) => used.has(member))) return;
    const restore = this.out.graph.snapshot();
    for (const member of lets) {
      const changed = this.out.graph.watch();
      for (const name of namesOf(member)) scope.lookup(name);
      if (!used.has(member) && changed().length > 0) this.#unused(member, changed());
    }
    restore();
  }

  #lazyLets(lets: readonly LetMember[], keys: readonly Frame['keys'][]): Scope {
    const scope = new Scope(this.frame.scope);
    let visible = scope;
    lets.forEach((member, i) => {
      const before = visible;
      const own = new Scope(before);
      let done = false;
      const run = (): void => {
        if (done) return;
        done = true;
        this.#used.add(member);
        bindLet({ ...this.frame, scope: own, keys: keys[i] ?? null }, member);
      };
      visible = new Scope(before);
      for (const name of namesOf(member))
        visible.define(name, () => {
          run();
          return own.lookup(name) ?? unknown;
        });
    });
    return visible;
  }

  #results(): void {
    const { graph } = this.out;
    const updates: FunctionResult[] = [];
    for (const slot of graph.updated) {
      // An evaluation moves its caches from batch to batch, and nothing else.
      if (this.kind === 'evaluate' && slot.role !== 'cache') continue;
      graph.slotInput(slot);
      updates.push({ name: this.plan.table.paths.get(slot) ?? slot.name, role: 'update', value: graph.read(slot) });
    }
    for (const slot of this.kind === 'step' ? this.out.slots : [])
      updates.push({ name: slot.name, role: 'update', value: slot.value });
    graph.results.push(...updates);
  }
}

const updating = (paths: readonly string[]): string =>
  `updates ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`;

function namesOf(member: LetMember): readonly string[] {
  const names: string[] = [];
  const walk = (pattern: LetMember['pattern']): void => {
    if (pattern.kind === 'name-pattern') names.push(pattern.name);
    else if (pattern.kind === 'tuple-pattern') pattern.elements.forEach(walk);
  };
  walk(member.pattern);
  return names;
}
