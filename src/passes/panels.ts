// Nest → nest, for the CPU: an operand that is the same in many products is laid out once in the panels of the register
// kernel: one of a product in a loop (the weights of a recurrent layer) before the loop; weights of an entry before
// the first product that reads them, since its plan keeps from call to call what depends on weights alone.
import { add, asConstant, ceilDiv, constant, mul, negate, product, sub, variable, type Dim } from '../ir/dim.ts';
import type { Expr } from '../ir/expr.ts';
import { Rewriter, type Load } from '../ir/expr-rewrite.ts';
import type { Axis, Buffer, LoopNest, Nest, NestFunction, NestModule, NestStep, Stage } from '../ir/nest.ts';
import { writesOf } from './fusion/nest-graph.ts';
import type { Pass, PassContext } from './pass.ts';
import { asContraction } from './schedule/cpu/contraction.ts';
import { defaultTiles, panelIndex } from './schedule/cpu/matrix-product.ts';
import { flattenNest } from './schedule/flatten.ts';
import { linearIn } from './schedule/linear.ts';

type Reduce = Extract<Stage, { kind: 'reduce' }>;

/** An operand that can lie in panels: where it is loaded, its own axis, and the width of its panels. */
interface Operand {
  readonly load: Load;
  readonly axis: Axis;
  readonly depth: Axis;
  readonly width: number;
}

const factorsOf = (stage: Stage | undefined): readonly Expr[] => {
  const [arg] = stage?.kind === 'reduce' ? stage.args : [];
  return arg?.kind === 'binary' ? [arg.a, arg.b] : [];
};

/** The operands of the product `nest` that are whole matrices, read as they are. */
function operandsOf(nest: Nest, scope: NestFunction): Operand[] {
  const flat = flattenNest(nest, scope);
  const product = asContraction(flat);
  const [reduce] = nest.stages;
  const [arg] = reduce?.kind === 'reduce' ? reduce.args : [];
  if (!product || reduce?.kind !== 'reduce' || arg?.kind !== 'binary') return [];
  const [flatReduce] = flat.stages;
  const [flatArg] = flatReduce?.kind === 'reduce' ? flatReduce.args : [];
  const depth = reduce.axes.find(({ name }) => name === product.depth.name);
  if (!depth || flatArg?.kind !== 'binary') return [];
  return (['a', 'b'] as const).flatMap((side): Operand[] => {
    const isLeft = flatArg[side] === product.left;
    const flatAxis = isLeft ? product.rows : product.columns;
    const axis = nest.axes.find(({ name }) => name === flatAxis.name);
    const [load, seen] = [arg[side], flatArg[side]];
    if (load.kind !== 'load' || seen.kind !== 'load' || load.dtype !== 'f32' || !axis) return [];
    if (asConstant(axis.extent) === undefined || axis.extent.key !== flatAxis.extent.key) return [];
    if (!isMatrix(seen, axis.name, depth.name)) return [];
    return [{ load, axis, depth, width: isLeft ? defaultTiles.registerRows : defaultTiles.registerColumns }];
  });
}

// Whether the element is that of one position along each of two axes and nothing else.
function isMatrix({ indices: [index] }: Load, axis: string, depth: string): boolean {
  if (!index || 'kind' in index) return false;
  const first = linearIn(index, axis);
  const second = first && linearIn(first.rest, depth);
  const steps = [first?.coefficient, second?.coefficient].map((step) => step && asConstant(step));
  return steps.every((step) => step !== undefined && step !== 0) && asConstant(second?.rest ?? variable(axis)) === 0;
}

// Elements of weights that are laid out: smaller ones take no longer to pack than a call to start; of larger ones the
// copy would take much memory, and products of few rows read them as they lie.
const [leastWeight, mostWeight] = [2 ** 15, 2 ** 20];

function weightsOf({ kind, inputs, buffers, body }: NestFunction): Set<string> {
  if (kind !== 'entry') return new Set();
  const written = new Set(body.flatMap(writesOf));
  const sizes = new Map(buffers.map(({ id, type }) => [id, asConstant(product(type.shape)) ?? 0]));
  const weights = inputs.filter(({ role, buffer }) => (role === 'param' || role === 'state') && !written.has(buffer));
  const isLaidOut = (size = 0): boolean => size >= leastWeight && size <= mostWeight;
  return new Set(weights.map(({ buffer }) => buffer).filter((id) => isLaidOut(sizes.get(id))));
}

/** Lays out operands of the products of one function. */
class Panels {
  readonly buffers: Buffer[] = [];
  private readonly weights: ReadonlySet<string>;
  private readonly knownWeights = new Map<string, string>();
  private readonly known = new Map<string, string>();

  constructor(
    private readonly fn: NestFunction,
    private readonly cx: PassContext,
  ) {
    this.weights = weightsOf(fn);
  }

  steps(steps: readonly NestStep[]): NestStep[] {
    return steps.flatMap((step): NestStep[] => {
      if (step.kind === 'opaque') return [step];
      const before: Nest[] = [];
      if (step.kind === 'nest') {
        const nest = this.nest(step, (id) => this.weights.has(id), before);
        return [...before, nest];
      }
      this.known.clear();
      const written = new Set(writesOf(step));
      const loop = this.loop(step, (id) => !written.has(id), before);
      return [...before, loop];
    });
  }

  // Of nested loops the outermost decides what is the same in every step.
  private loop(loop: LoopNest, isSame: (buffer: string) => boolean, before: Nest[]): LoopNest {
    const body = loop.body.map((step): NestStep => {
      if (step.kind === 'loop') return this.loop(step, isSame, before);
      return step.kind === 'nest' ? this.nest(step, isSame, before) : step;
    });
    return { ...loop, body };
  }

  private nest(nest: Nest, isSame: (buffer: string) => boolean, before: Nest[]): Nest {
    const [reduce, ...rest] = nest.stages;
    if (!factorsOf(reduce).some((factor) => factor.kind === 'load' && isSame(factor.buffer))) return nest;
    const found = operandsOf(nest, this.fn).filter(({ load }) => isSame(load.buffer));
    if (reduce?.kind !== 'reduce' || found.length === 0) return nest;
    const loads = new Map(found.map((operand): [Expr, Expr] => [operand.load, this.reading(operand, nest, before)]));
    const rewriter = new Rewriter({ nodes: loads });
    const stage: Reduce = { ...reduce, args: reduce.args.map((arg) => rewriter.expr(arg)) };
    return { ...nest, stages: [stage, ...rest] };
  }

  private reading(operand: Operand, nest: Nest, before: Nest[]): Expr {
    const { axis, depth, width } = operand;
    const indices = panelIndex(variable(axis.name), variable(depth.name), width);
    return { kind: 'load', dtype: 'f32', buffer: this.layOut(operand, nest, before), indices };
  }

  // One layout serves every product that reads the same matrix the same way.
  private layOut({ load, axis, depth, width }: Operand, nest: Nest, before: Nest[]): string {
    const [panel, step, lane] = ['%panel', '%step', '%lane'].map((name) => variable(name)) as [Dim, Dim, Dim];
    const at = add(mul(panel, width), lane);
    const moved = new Rewriter({
      axes: new Map([
        [axis.name, at],
        [depth.name, step],
      ]),
    }).expr(load);
    const key = JSON.stringify([
      load.buffer,
      moved.kind === 'load' ? moved.indices.map((i) => ('kind' in i ? '' : i.key)) : '',
      width,
    ]);
    const known = this.weights.has(load.buffer) ? this.knownWeights : this.known;
    const laidOut = known.get(key);
    if (laidOut !== undefined) return laidOut;
    const id = `panels${this.buffers.length}`;
    known.set(key, id);
    const panels = ceilDiv(axis.extent, width);
    const shape = [panels, depth.extent, constant(width)];
    this.buffers.push({ id, type: { dtype: 'f32', shape } });
    const isWhole = product([panels, width]).key === axis.extent.key;
    const inside = { kind: '>=0', lhs: add(negate(at), sub(axis.extent, 1)) } as const;
    const value: Expr = isWhole
      ? moved
      : {
          kind: 'guard',
          dtype: 'f32',
          conditions: [inside],
          then: moved,
          otherwise: { kind: 'const', dtype: 'f32', value: 0 },
        };
    before.push({
      kind: 'nest',
      name: 'panels',
      axes: [
        { name: '%panel', extent: panels },
        { name: '%step', extent: depth.extent },
        { name: '%lane', extent: constant(width) },
      ],
      stages: [{ kind: 'store', axes: [], buffer: id, indices: [panel, step, lane], value, combine: 'set' }],
      origin: nest.origin,
    });
    this.cx.count('lay-out-panels');
    return id;
  }
}

function layOutFunction(fn: NestFunction, cx: PassContext): NestFunction {
  const panels = new Panels(fn, cx);
  const body = panels.steps(fn.body);
  return panels.buffers.length === 0 ? fn : { ...fn, body, buffers: [...fn.buffers, ...panels.buffers] };
}

/** Lays out what many products read. */
export const panels: Pass<NestModule, NestModule> = {
  name: 'panels',
  summary: 'lay out weights, and operands of products in loops, as the register kernel reads them (CPU)',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => layOutFunction(fn, cx)) }),
};
