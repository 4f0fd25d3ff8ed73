// A product, the softmax of its rows and a product with that, as one nest.
import { asVariable, variable } from '../../ir/dim.ts';
import { loadsIn, walkExprs } from '../../ir/expr-rewrite.ts';
import type { Expr } from '../../ir/expr.ts';
import type { Axis, Nest, Stage } from '../../ir/nest.ts';
import { joinNames, rewriteStage } from '../fusion/merge.ts';
import { loadsOf } from '../fusion/nest-graph.ts';
import { axesAt, isBinary, isResult, moved, onlyLoad, stagesOf, type Softmax } from './parts.ts';

/** Attention as one nest, of a product, the softmax of its rows and a product with that. */
export function attentionOf(first: Nest, softmax: Softmax, second: Nest): Nest | undefined {
  const [before, after] = [stagesOf(first), stagesOf(second)];
  const [stored] = before?.stores ?? [];
  const weights = onlyLoad(loadsOf(second), softmax.store.buffer);
  const seen = stored && onlyLoad(loadsIn([softmax.score]), stored.buffer);
  const product = after?.sum.args[0];
  if (!before || !after || !stored || !seen || !weights || before.stores.length > 1) return undefined;
  if (!isBinary(product, 'mul') || after.sum.axes.length !== 1) return undefined;
  const [scoreAxes, weightAxes] = [
    axesAt(stored.indices, seen.indices),
    axesAt(weights.indices, softmax.store.indices),
  ];
  if (!scoreAxes || !weightAxes) return undefined;
  const [key] = after.sum.axes;
  if (!key || asVariable(weightAxes.get(key.name) ?? key.extent) !== softmax.axis.name) return undefined;
  const value = product.a === weights ? product.b : product.b === weights ? product.a : undefined;
  const columns = second.axes.filter(({ name }) => !weightAxes.has(name));
  const depth = before.sum.axes.map(({ extent }, at): Axis => ({ name: `%depth${at}`, extent }));
  const [column] = columns;
  if (!value || !column || columns.length !== 1 || first.axes.some(({ name }) => !scoreAxes.has(name)))
    return undefined;
  const ownColumn: Axis = { name: '%column', extent: column.extent };
  before.sum.axes.forEach(({ name }, at) => scoreAxes.set(name, variable(depth[at]?.name ?? name)));
  weightAxes.set(column.name, variable(ownColumn.name));
  const inFirst = moved(scoreAxes, { stages: new Map([[before.sum.id, 'score']]) });
  const score = inFirst.expr(stored.value);
  const result = (part: number): Expr => ({ kind: 'reduced', dtype: 'f32', stage: 'mean', part });
  const mean: Expr = { kind: 'binary', dtype: 'f32', op: 'div', a: result(2), b: result(1) };
  const nodes = new Map<Expr, Expr>();
  walkExprs(
    after.stores.map((store) => store.value),
    (e) => isResult(e, after.sum) && nodes.set(e, mean),
  );
  const inSecond = moved(weightAxes, { nodes });
  const stages: Stage[] = [
    { ...before.sum, id: 'score', axes: depth, args: before.sum.args.map((arg) => inFirst.expr(arg)) },
    {
      kind: 'reduce',
      id: 'mean',
      axes: [softmax.axis],
      monoid: { name: 'softmax', arity: 3 },
      args: [
        moved(new Map(), { load: (load) => (load.buffer === stored.buffer ? score : undefined) }).expr(softmax.score),
        { kind: 'const', dtype: 'f32', value: 1 },
        inSecond.expr(value),
      ],
      dtypes: ['f32', 'f32', 'f32'],
    },
    ...after.stores.map((store) => rewriteStage(store, [], inSecond)),
  ];
  return {
    ...second,
    name: joinNames(joinNames(first.name, softmax.nest.name), second.name),
    axes: [...softmax.nest.axes, ownColumn],
    stages,
    origin: [...first.origin, ...softmax.nest.origin, ...second.origin],
  };
}
