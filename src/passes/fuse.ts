// Fusion: inline what costs only index arithmetic, merge consumers into their producers, then inline
// the elementwise work that is left into the nests that read it. Pure nest → nest; results agree up
// to the rounding of recomputed values, because no reduction is reordered.
import { ExprPool } from '../ir/expr-rewrite.ts';
import { stepScalars, type Nest, type NestFunction, type NestModule, type Stage } from '../ir/nest.ts';
import { inlineElementwise, inlineViews } from './fusion/inline.ts';
import { mergeVertically } from './fusion/merge.ts';
import { NestGraph } from './fusion/nest-graph.ts';
import type { Pass, PassContext } from './pass.ts';

function fuseFunction(fn: NestFunction, cx: PassContext): NestFunction {
  const graph = new NestGraph(fn);
  const scalars = stepScalars(fn);
  const isScalar = (buffer: string): boolean => scalars.has(buffer);
  cx.count('inline-view', inlineViews(graph));
  cx.count('merge-vertical', mergeVertically(graph, isScalar));
  cx.count('inline-elementwise', inlineElementwise(graph));
  cx.count('merge-vertical', mergeVertically(graph, isScalar));
  return shareInNests(graph.finish());
}

// Equal expressions of one nest become one object, which schedules compute once.
function shareInNests(fn: NestFunction): NestFunction {
  return { ...fn, body: fn.body.map((step) => (step.kind === 'nest' ? shareInNest(step) : step)) };
}

function shareInNest(nest: Nest): Nest {
  const pool = new ExprPool();
  const stages = nest.stages.map((stage): Stage => stage.kind === 'reduce'
    ? { ...stage, args: stage.args.map((arg) => pool.intern(arg)) }
    : { ...stage, indices: stage.indices.map((index) => pool.internIndex(index)), value: pool.intern(stage.value) });
  return { ...nest, stages };
}

export const fuse: Pass<NestModule, NestModule> = {
  name: 'fuse',
  summary: 'merge nests where that saves bytes or launches',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => fuseFunction(fn, cx)) }),
};
