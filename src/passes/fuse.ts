// Fusion: inline what costs only index arithmetic, merge consumers into their producers, then inline
// the elementwise work that is left into the nests that read it. Pure nest → nest; results agree up
// to the rounding of recomputed values, because no reduction is reordered.
import { Facts } from '../ir/dim-solver.ts';
import { variable, type Dim } from '../ir/dim.ts';
import { ExprPool, Rewriter } from '../ir/expr-rewrite.ts';
import {
  stepScalars,
  type Axis,
  type LoopNest,
  type Nest,
  type NestFunction,
  type NestModule,
  type NestStep,
  type Stage,
} from '../ir/nest.ts';
import { inlineElementwise, inlineViews } from './fusion/inline.ts';
import { mergeVertically } from './fusion/merge.ts';
import { NestGraph, readsOf, writesOf } from './fusion/nest-graph.ts';
import { mergeSiblings } from './fusion/siblings.ts';
import type { Pass, PassContext } from './pass.ts';

function fuseFunction(fn: NestFunction, cx: PassContext): NestFunction {
  const scalars = stepScalars(fn);
  const results = new Set(fn.results.map((result) => result.buffer));
  const inputs = new Set(fn.inputs.map((input) => input.buffer));
  const inputNamed = new Map(fn.inputs.map(({ name, buffer }) => [name, buffer]));
  const updates = new Map(
    fn.results.flatMap(({ name, role, buffer }) => {
      const input = role === 'update' ? inputNamed.get(name) : undefined;
      return input === undefined ? [] : [[buffer, input] as const];
    }),
  );
  const fuseBody = (
    body: readonly NestStep[],
    facts: Facts,
    outside: ReadonlySet<string>,
    kept: ReadonlySet<string>,
  ): NestStep[] => {
    const graph = new NestGraph({ facts, body, outside, kept, updates });
    fuseGraph(graph, (buffer) => scalars.has(buffer), cx);
    return graph
      .finish()
      .map((step, _, steps) => (step.kind === 'loop' ? fuseLoop(step, steps, facts, outside, kept) : step));
  };
  // What other steps write is outside a loop's body; what they read must survive it.
  const fuseLoop = (
    loop: LoopNest,
    steps: readonly NestStep[],
    facts: Facts,
    outside: ReadonlySet<string>,
    kept: ReadonlySet<string>,
  ): NestStep => {
    const others = steps.filter((step) => step !== loop);
    const body = fuseBody(
      loop.body,
      facts.withAxes([{ name: loop.index, extent: loop.count }]),
      new Set([...outside, ...others.flatMap(writesOf)]),
      new Set([...kept, ...others.flatMap(readsOf), ...others.flatMap(writesOf)]),
    );
    return { ...loop, body };
  };
  const body = fuseBody(fn.body, new Facts(fn.dims, fn.facts), inputs, results);
  const used = new Set(body.flatMap((step) => [...readsOf(step), ...writesOf(step)]));
  const buffers = fn.buffers.filter(({ id }) => used.has(id) || inputs.has(id) || results.has(id));
  return shareInNests({ ...fn, body, buffers });
}

function fuseGraph(graph: NestGraph, isScalar: (buffer: string) => boolean, cx: PassContext): void {
  cx.count('inline-view', inlineViews(graph));
  cx.count('merge-vertical', mergeVertically(graph, isScalar));
  cx.count('inline-elementwise', inlineElementwise(graph, isScalar));
  cx.count('merge-vertical', mergeVertically(graph, isScalar));
  cx.count('merge-sibling', mergeSiblings(graph, isScalar));
}

// Equal expressions of one nest become one object, which schedules compute once.
const shareInNests = (fn: NestFunction): NestFunction => ({ ...fn, body: fn.body.map(shareInStep) });

function shareInStep(step: NestStep): NestStep {
  if (step.kind === 'loop') return { ...step, body: step.body.map(shareInStep) };
  return step.kind === 'nest' ? shareInNest(step) : step;
}

// Axes and reductions are numbered anew, so that equal nests are equal text wherever they stand.
function shareInNest(nest: Nest): Nest {
  const pool = new ExprPool();
  // Stages of one nest may share axis names; each gets its own.
  const axes = new Map<string, Dim>();
  let count = 0;
  const stages = new Map<string, string>();
  const renameAxes = (list: readonly Axis[]): Axis[] =>
    list.map(({ name, extent }) => {
      const fresh = `%i${count++}`;
      axes.set(name, variable(fresh));
      return { name: fresh, extent };
    });
  const outer = renameAxes(nest.axes);
  const body = nest.stages.map((stage): Stage => {
    const inner = renameAxes(stage.axes);
    const rewriter = new Rewriter({ axes, stages });
    if (stage.kind === 'reduce') {
      const id = `r${stages.size}`;
      const args = stage.args.map((arg) => pool.intern(rewriter.expr(arg)));
      stages.set(stage.id, id);
      return { ...stage, id, axes: inner, args };
    }
    const indices = stage.indices.map((index) => pool.internIndex(rewriter.index(index)));
    return { ...stage, axes: inner, indices, value: pool.intern(rewriter.expr(stage.value)) };
  });
  return { ...nest, axes: outer, stages: body };
}

export const fuse: Pass<NestModule, NestModule> = {
  name: 'fuse',
  summary: 'merge nests where that saves bytes or launches',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => fuseFunction(fn, cx)) }),
};
