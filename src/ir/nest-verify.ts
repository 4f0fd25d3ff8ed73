// Checks what every pass must keep true of nest modules: names in scope, types that agree, reductions
// before their use, positions that are not provably outside. Returns what is wrong, in words.
import { sub, variables, type Dim } from './dim.ts';
import { Facts } from './dim-solver.ts';
import type { DType } from './dtype.ts';
import { operands } from './expr-rewrite.ts';
import type { Expr, Index } from './expr.ts';
import type { TensorType } from './graph.ts';
import type { Axis, Nest, NestFunction, NestModule, NestStep, Stage } from './nest.ts';
import { outerAxes } from './nest-scope.ts';
import { isComparison } from './scalar-semantics.ts';

/** Everything that is wrong with a module. */
export const verifyNests = (module: NestModule): string[] =>
  module.functions.flatMap((fn) => new FunctionCheck(fn).run().map((problem) => `${fn.name}: ${problem}`));

class FunctionCheck {
  private readonly problems: string[] = [];
  private readonly types = new Map<string, TensorType>();
  private readonly written = new Set<string>();

  constructor(private readonly fn: NestFunction) {}

  run(): string[] {
    const { fn } = this;
    for (const { id, type } of fn.buffers) {
      if (this.types.has(id)) this.report(`two buffers are named ${id}`);
      this.types.set(id, type);
    }
    for (const { name, buffer } of fn.inputs) {
      this.type(buffer, `input ${name}`);
      this.written.add(buffer);
    }
    this.steps(fn.body, new Facts(fn.dims, fn.facts), new Set(fn.dims.map(({ name }) => name)));
    for (const { name, buffer } of fn.results) {
      this.type(buffer, `result ${name}`);
      if (!this.written.has(buffer)) this.report(`result ${name} is ${buffer}, which nothing writes`);
    }
    return this.problems;
  }

  report(problem: string): void {
    this.problems.push(problem);
  }

  type(buffer: string, what: string): TensorType | undefined {
    const type = this.types.get(buffer);
    if (!type) this.report(`${what} names the buffer ${buffer}, which is not declared`);
    return type;
  }

  write(buffer: string): void {
    this.written.add(buffer);
  }

  private steps(steps: readonly NestStep[], facts: Facts, scope: ReadonlySet<string>): void {
    for (const step of steps) {
      if (step.kind === 'nest') new NestCheck(this, step, facts, scope).run();
      else if (step.kind === 'loop')
        this.steps(step.body, facts.withAxis(step.index, step.count), new Set([...scope, step.index]));
      else {
        for (const id of [...step.reads, ...step.writes]) this.type(id, `opaque ${step.op}`);
        for (const id of step.writes) this.write(id);
      }
    }
  }
}

/** Where an expression is evaluated. */
interface Point {
  readonly facts: Facts;
  readonly scope: ReadonlySet<string>;
}

const within = ({ facts, scope }: Point, axes: readonly Axis[]): Point =>
  axes.length === 0
    ? { facts, scope }
    : { facts: facts.withAxes(axes), scope: new Set([...scope, ...axes.map(({ name }) => name)]) };

class NestCheck {
  private readonly what: string;
  private readonly outer: ReadonlyMap<string, readonly Axis[]>;
  private readonly reduced = new Map<string, readonly DType[]>();
  private readonly axes = new Set<string>();

  constructor(
    private readonly fn: FunctionCheck,
    private readonly nest: Nest,
    private readonly facts: Facts,
    private readonly scope: ReadonlySet<string>,
  ) {
    this.outer = outerAxes(nest);
    this.what = `nest ${nest.name}`;
  }

  run(): void {
    const outer = this.inside({ facts: this.facts, scope: this.scope }, this.nest.axes);
    for (const stage of this.nest.stages) {
      const around = this.outer.get(stage.kind === 'reduce' ? stage.id : '') ?? [];
      this.stage(stage, this.inside(within(outer, around), stage.axes));
    }
  }

  private report(problem: string): void {
    this.fn.report(`${this.what}: ${problem}`);
  }

  private inside({ facts, scope }: Point, axes: readonly Axis[]): Point {
    for (const { name, extent } of axes) {
      if (!name.startsWith('%')) this.report(`the axis ${name} does not start with %`);
      if (this.axes.has(name) || scope.has(name)) this.report(`the axis ${name} is used twice`);
      this.axes.add(name);
      this.dim(extent, scope);
    }
    return within({ facts, scope }, axes);
  }

  private dim(d: Dim, scope: ReadonlySet<string>): void {
    for (const name of variables(d)) if (!scope.has(name)) this.report(`${name} is not in scope in ${d.key}`);
  }

  private stage(stage: Stage, point: Point): void {
    // A node shared between guarded and other places is looked at once, guarded if it is ever.
    const seen = new Set<Expr>();
    if (stage.kind === 'reduce') {
      for (const arg of stage.args) this.expr(arg, point, false, seen);
      if (stage.args.length !== stage.monoid.arity || stage.dtypes.length !== stage.monoid.arity)
        this.report(`${stage.id} has ${stage.args.length} parts, ${stage.monoid.name} has ${stage.monoid.arity}`);
      this.reduced.set(stage.id, stage.dtypes);
      return;
    }
    const type = this.fn.type(stage.buffer, this.what);
    this.expr(stage.value, point, false, seen);
    if (type) this.position(stage.buffer, type, stage.indices, point, false, seen);
    if (type && stage.value.dtype !== type.dtype)
      this.report(`stores ${stage.value.dtype} to ${stage.buffer}, which is ${type.dtype}`);
    this.fn.write(stage.buffer);
  }

  private position(
    buffer: string,
    { shape }: TensorType,
    indices: readonly Index[],
    point: Point,
    guarded: boolean,
    seen: Set<Expr>,
  ): void {
    if (indices.length !== shape.length)
      this.report(`${indices.length} indices into ${buffer}, which has rank ${shape.length}`);
    for (const [axis, index] of indices.entries()) {
      if ('kind' in index) this.expr(index.expr, point, guarded, seen);
      else {
        this.dim(index, point.scope);
        const extent = shape[axis];
        if (!guarded && extent && this.outside(index, extent, point.facts))
          this.report(`${index.key} is outside axis ${axis} of ${buffer}, which has ${extent.key}`);
      }
    }
  }

  private outside(index: Dim, extent: Dim, facts: Facts): boolean {
    return facts.lessEqual(0, index) === 'refuted' || facts.lessEqual(index, sub(extent, 1)) === 'refuted';
  }

  private expr(e: Expr, point: Point, guarded: boolean, seen: Set<Expr>): void {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.kind === 'index') this.dim(e.dim, point.scope);
    if (e.kind === 'load') this.load(e, point, guarded, seen);
    if (e.kind === 'reduced') this.part(e, point);
    if (e.kind === 'guard') for (const { lhs } of e.conditions) this.dim(lhs, point.scope);
    this.dtypes(e);
    for (const operand of operands(e)) this.expr(operand, point, guarded || e.kind === 'guard', seen);
  }

  private load(e: Extract<Expr, { kind: 'load' }>, point: Point, guarded: boolean, seen: Set<Expr>): void {
    const type = this.fn.type(e.buffer, this.what);
    if (!type) return;
    if (type.dtype !== e.dtype) this.report(`loads ${e.dtype} from ${e.buffer}, which is ${type.dtype}`);
    this.position(e.buffer, type, e.indices, point, guarded, seen);
  }

  private part({ stage, part, dtype }: Extract<Expr, { kind: 'reduced' }>, { scope }: Point): void {
    for (const { name } of this.outer.get(stage) ?? [])
      if (!scope.has(name)) this.report(`${stage} is reduced for each ${name}, which is not in scope where it is read`);
    const found = this.reduced.get(stage)?.[part];
    if (found === undefined) this.report(`part ${part} of ${stage} is read before it is reduced`);
    else if (found !== dtype) this.report(`part ${part} of ${stage} is ${found}, not ${dtype}`);
  }

  private dtypes(e: Expr): void {
    const differ = (a: DType, b: DType): void => {
      if (a !== b) this.report(`${e.kind === 'binary' || e.kind === 'unary' ? e.op : e.kind} joins ${a} and ${b}`);
    };
    if (e.kind === 'unary') differ(e.x.dtype, e.dtype);
    if (e.kind === 'guard' || e.kind === 'select') {
      differ(e.then.dtype, e.dtype);
      differ(e.otherwise.dtype, e.dtype);
    }
    if (e.kind !== 'binary') return;
    differ(e.a.dtype, e.b.dtype);
    differ(isComparison(e.op) ? 'bool' : e.a.dtype, e.dtype);
  }
}
