// A train as two graph functions: the step (forward, gradients, optimizer) and the evaluation. Members
// run in textual order; a step's updates are written when its members have been evaluated.
import type { FunctionResult, GraphFunction, OptionInfo, TensorType, TrainInfo } from '../ir/graph.ts';
import type { BatchMember, LetMember, Param, StepMember, TrainDecl, TrainMember, UpdateMember } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { derive } from './derivation.ts';
import { bindLet, evaluate, read } from './expressions/evaluate.ts';
import { toTensor } from './expressions/tensors.ts';
import { reject, report, type Frame, type Session } from './frame.ts';
import { GraphContext } from './graph-context.ts';
import { collectPaths, type PathTable, type Slot } from './instances.ts';
import { constructModel, guarded, ordered, rootFrame, type Model } from './models.ts';
import { staticFrame, type Module } from './modules.ts';
import { applyMinimize, prepareMinimize, type OptimizerSlot, type Prepared } from './optimize.ts';
import { Scope } from './scope.ts';
import { bindFreshDims, inputType, settingValue } from './signatures.ts';
import { assignUpdate } from './train-update.ts';
import { stepCondition } from './train-step.ts';
import { didYouMean, lookupPath } from './types.ts';
import { asNumber, tensor, unknown, type Value } from './values.ts';

/** A train parameter, resolved. */
type Parameter =
  | { readonly kind: 'model'; readonly name: string; readonly model: Model }
  | { readonly kind: 'option'; readonly name: string; readonly type: TensorType; readonly info: OptionInfo }
  | { readonly kind: 'static'; readonly name: string; readonly value: Value };

/** A train with its models. */
export interface TrainPlan {
  readonly decl: TrainDecl;
  readonly module: Module;
  readonly parameters: readonly Parameter[];
  readonly table: PathTable;
}

/** Resolves the parameters of a train; models that are new are put into `models`. */
export function planTrain(
  session: Session,
  module: Module,
  decl: TrainDecl,
  models: Map<string, Model>,
): TrainPlan | null {
  const used = new Set<string>();
  const frame = staticFrame(session, module.scope);
  const parameters: Parameter[] = [];
  for (const param of decl.params) {
    const found = guarded(() => resolveParameter(frame, decl, param, models, used), {
      session,
      span: param.span,
      what: `the default of \`${param.name.name}\``,
    });
    if (!found) return null;
    parameters.push(found);
  }
  const owners = parameters.filter((p) => p.kind === 'model');
  const table: PathTable = { paths: new Map(), aliases: new Map(), frozen: new Set() };
  for (const { name, model } of owners) collectPaths(model.instance, owners.length > 1 ? `${name}.` : '', table);
  return { decl, module, parameters, table };
}

function resolveParameter(
  frame: Frame,
  decl: TrainDecl,
  param: Param,
  models: Map<string, Model>,
  used: Set<string>,
): Parameter | null {
  const { name } = param.name;
  const setting = frame.session.settings.get(name) ?? frame.session.settings.get(`${decl.name.name}.${name}`);
  const given = setting === undefined ? undefined : settingValue(frame, param.type, setting);
  if (param.type.kind === 'tensor-type') return option(frame, decl, param, setting);
  const fallback = given ?? (param.default ? evaluate(frame, param.default) : undefined);
  const named = param.type.kind === 'named-type' ? lookupPath(frame, param.type) : undefined;
  if (fallback?.kind === 'unknown' || named?.kind === 'unknown') return null;
  if (fallback?.kind === 'instance') {
    const model: Model = {
      decl: fallback.instance.decl,
      instance: fallback.instance,
      table: collectPaths(fallback.instance),
    };
    return modelParameter(name, model, models, used);
  }
  const unit = fallback?.kind === 'unit' ? fallback : named?.kind === 'unit' ? named : undefined;
  if (unit) {
    const unitName = unit.decl.name.name;
    const model =
      (used.has(unitName) ? undefined : models.get(unitName)) ?? constructModel(frame.session, unit.decl, unit.scope);
    if (model) return modelParameter(name, model, models, used);
    const missing = unit.decl.params.find((p) => !p.default)?.name.name ?? 'its config';
    return reject(
      frame,
      messages.E0205(
        param.span,
        { what: 'model', callee: unitName, argument: missing },
        {
          helps: [
            {
              text: `fix its config with a default: \`${name}: ${unitName} = ${unitName}(${missing}=…)\`, or \`--set ${unitName}.${missing}=…\``,
            },
          ],
        },
      ),
    );
  }
  if (fallback) return { kind: 'static', name, value: fallback };
  if (
    param.type.kind === 'named-type' &&
    !named &&
    !['int', 'real', 'bool', 'str'].includes(param.type.path[0]?.name ?? '')
  )
    return reject(
      frame,
      messages.E0213(
        param.type.span,
        { name: param.type.path[0]?.name ?? '' },
        didYouMean(param.type.path[0]?.name ?? '', frame.scope.names(), param.type.span),
      ),
    );
  return reject(
    frame,
    messages.E0205(param.span, { what: 'train', callee: decl.name.name, argument: `a default for ${name}` }),
  );
}

function modelParameter(name: string, model: Model, models: Map<string, Model>, used: Set<string>): Parameter {
  const unitName = model.decl.name.name;
  used.add(unitName);
  if (!models.has(unitName)) models.set(unitName, model);
  return { kind: 'model', name, model };
}

// A scalar that the host sets: `lr: f32[] = 1e-3`.
function option(frame: Frame, decl: TrainDecl, param: Param, setting: string | undefined): Parameter {
  const type = param.type.kind === 'tensor-type' ? inputType(frame, param.type) : null;
  if (!type || type.shape.length > 0)
    return reject(
      frame,
      messages.E0901(param.span, {
        entry: decl.name.name,
        reason: `the option \`${param.name.name}\` must be a scalar such as \`f32[]\``,
      }),
    );
  const value = param.default ? evaluate(frame, param.default) : undefined;
  const number =
    setting === undefined
      ? value && (asNumber(value) ?? (value.kind === 'bool' ? Number(value.value) : undefined))
      : Number(setting);
  if (value && value.kind !== 'unknown' && number === undefined)
    return reject(
      frame,
      messages.E0404(param.default?.span ?? param.span, { what: `the default of \`${param.name.name}\`` }),
    );
  return {
    kind: 'option',
    name: param.name.name,
    type,
    info: { name: param.name.name, dtype: type.dtype, default: number ?? null },
  };
}

/** What elaborating one function of a train gives. */
interface TrainRun {
  readonly graph: GraphContext;
  readonly batch: { readonly name: string; readonly type: TensorType }[];
  readonly losses: string[];
  readonly metrics: string[];
  readonly slots: OptimizerSlot[];
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
    span: decl.span,
  };
  return {
    functions: [ordered(step.graph.finish(), plan.table), ordered(evaluation.graph.finish(), plan.table)],
    info,
  };
}

function runTrain(session: Session, plan: TrainPlan, kind: 'step' | 'evaluate'): TrainRun | null {
  const { decl } = plan;
  const graph = new GraphContext(`${decl.name.name}.${kind}`, kind, session.holes, plan.table.paths);
  const frame = rootFrame(session, graph, plan.module.scope, null, null, kind === 'step');
  const run: TrainRun = { graph, batch: [], losses: [], metrics: [], slots: [] };
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
    if (!this.#failed) this.#results();
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
        const type =
          input.type.kind === 'tensor-type'
            ? inputType(this.frame, input.type)
            : reject(
                this.frame,
                messages.E0402(input.type.span, {
                  what: `the batch input \`${input.name.name}\``,
                  expected: 'a tensor',
                  got: 'another type',
                }),
              );
        if (!type) {
          this.frame.scope.define(input.name.name, unknown);
          this.#failed = true;
          return;
        }
        if (this.frame.scope.has(input.name.name))
          report(this.frame, messages.E0204(input.name.span, { name: input.name.name }));
        const value = this.out.graph.input(input.name.name, 'argument', type);
        this.out.batch.push({ name: input.name.name, type });
        this.frame.scope.define(
          input.name.name,
          tensor(value, derive(input.name.name, type, `batch \`${input.name.name}\``)),
        );
      });
    }
  }

  // Members of one step: lets and metrics as they come, then all its minimizes at the same parameters.
  #members(frame: Frame, members: readonly TrainMember[], step: StepMember | null): void {
    const prepared: Prepared[] = [];
    for (const member of members) {
      this.#try(() => {
        if (member.kind === 'let') bindLet(frame, member);
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
    if (this.kind === 'evaluate') return;
    const updates: FunctionResult[] = [];
    for (const slot of graph.updated) {
      graph.slotInput(slot);
      updates.push({ name: this.plan.table.paths.get(slot) ?? slot.name, role: 'update', value: graph.read(slot) });
    }
    for (const slot of this.out.slots) updates.push({ name: slot.name, role: 'update', value: slot.value });
    graph.results.push(...updates);
  }
}

function namesOf(member: LetMember): readonly string[] {
  const names: string[] = [];
  const walk = (pattern: LetMember['pattern']): void => {
    if (pattern.kind === 'name-pattern') names.push(pattern.name);
    else if (pattern.kind === 'tuple-pattern') pattern.elements.forEach(walk);
  };
  walk(member.pattern);
  return names;
}
