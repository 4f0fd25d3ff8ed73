// A product, the softmax of its rows and a product with that, as one nest.
import { asVariable, variable } from '../../ir/dim.ts';
import type { Expr } from '../../ir/expr.ts';
import type { Axis, Nest, Stage } from '../../ir/nest.ts';
import { joinNames, rewriteStage } from '../fusion/merge.ts';
import { loadsOf } from '../fusion/nest-graph.ts';
import { factorsOf, inlined, productMatrix, times } from './matrix.ts';
import {
  axesAt,
  isBinary,
  isResult,
  moved,
  nodesIn,
  onlyLoad,
  stagesOf,
  unrounded,
  weight,
  type Softmax,
} from './parts.ts';

/** Attention as one nest, of a product, the softmax of its rows and a product with what is stored of that. */
export function attentionOf(first: Nest, softmax: Softmax, second: Nest): Nest | undefined {
  const scores = productMatrix(first, 'score');
  const score = scores && inlined(softmax.score, [scores]);
  const after = stagesOf(second);
  const product = after?.sum.args[0];
  const weights = onlyLoad(loadsOf(second), ...softmax.stores.map(({ buffer }) => buffer));
  const store = softmax.stores.find(({ buffer }) => buffer === weights?.buffer);
  if (score?.products.length !== 1 || !after || !weights || !store) return undefined;
  if (!isBinary(product, 'mul') || after.sum.axes.length !== 1) return undefined;
  const axes = axesAt(weights.indices, store.indices);
  const [key] = after.sum.axes;
  if (!axes || !key || asVariable(axes.get(key.name) ?? key.extent) !== softmax.axis.name) return undefined;
  const isWeights = (e: Expr): boolean => e === weights || (e.kind === 'cast' && e.x === weights);
  const value = isWeights(product.a) ? product.b : isWeights(product.b) ? product.a : undefined;
  const [column, ...more] = second.axes.filter(({ name }) => !axes.has(name));
  const rest = factorsOf(store.value).filter((e) => e !== weight);
  if (!value || !column || more.length > 0 || rest.length + 1 !== factorsOf(store.value).length) return undefined;
  if (rest.flatMap(nodesIn).includes(weight)) return undefined;
  const ownColumn: Axis = { name: '%column', extent: column.extent };
  axes.set(column.name, variable(ownColumn.name));
  const result = (part: number): Expr => ({ kind: 'reduced', dtype: 'f32', stage: 'mean', part });
  const mean: Expr = { kind: 'binary', dtype: 'f32', op: 'div', a: result(2), b: result(1) };
  const sums = after.stores.flatMap((each) => nodesIn(each.value).filter((e) => isResult(e, after.sum)));
  const inSecond = moved(axes, { nodes: new Map(sums.map((e) => [e, mean])) });
  const one: Expr = { kind: 'const', dtype: 'f32', value: 1 };
  const weighed = inSecond.expr(value);
  const stages: Stage[] = [
    ...score.products,
    {
      kind: 'reduce',
      id: 'mean',
      axes: [softmax.axis],
      monoid: { name: 'softmax', arity: 3 },
      args: [unrounded(score.value), one, times([...rest, weighed]) ?? weighed],
      dtypes: ['f32', 'f32', 'f32'],
    },
    ...after.stores.map((each) => rewriteStage(each, [], inSecond)),
  ];
  return {
    ...second,
    name: joinNames(joinNames(first.name, softmax.nest.name), second.name),
    axes: [...softmax.nest.axes, ownColumn],
    stages,
    origin: [...first.origin, ...softmax.nest.origin, ...second.origin],
  };
}
