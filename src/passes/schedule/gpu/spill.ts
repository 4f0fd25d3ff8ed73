// A map that reads more buffers than a kernel may bind (a concatenation of many) is computed in steps:
// subexpressions that read as many buffers as fit go to temporaries first. So do the updates of a scatter.
import { add, mul, product, variable, zero, type Dim } from '../../../ir/dim.ts';
import { loadsIn, walkExprs } from '../../../ir/expr-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { Buffer, Nest } from '../../../ir/nest.ts';
import { maxStorageBindings, type Surroundings } from './writer.ts';

/** Nests to run in order, with the temporaries between them. */
export interface Spilled {
  readonly nests: readonly Nest[];
  readonly buffers: readonly Buffer[];
}

const valueOf = (stage: Nest['stages'][number]): readonly Expr[] =>
  stage.kind === 'reduce' ? stage.args : [stage.value];

function buffersBelow(roots: readonly Expr[], surroundings: Surroundings): Set<string> {
  return new Set(
    loadsIn(roots)
      .map((load) => load.buffer)
      .filter((id) => !surroundings.scalars.has(id)),
  );
}

/** Buffers that the nest binds. */
function bindings(nest: Nest, surroundings: Surroundings): number {
  const all = buffersBelow(nest.stages.flatMap(valueOf), surroundings);
  for (const stage of nest.stages) if (stage.kind === 'store') all.add(stage.buffer);
  return all.size;
}

const isPlainMap = (nest: Nest): boolean =>
  nest.stages.every((stage) => stage.kind === 'store' && stage.axes.length === 0 && stage.combine === 'set');

// The subexpression that reads the most buffers that one kernel can bind beside its result.
function largestPart(nest: Nest, surroundings: Surroundings): Expr | undefined {
  let best: { readonly expr: Expr; readonly reads: number } | undefined;
  walkExprs(nest.stages.flatMap(valueOf), (expr) => {
    const reads = buffersBelow([expr], surroundings).size;
    if (reads > (best?.reads ?? 1) && reads < maxStorageBindings) best = { expr, reads };
  });
  return best?.expr;
}

const position = (nest: Nest): Dim =>
  nest.axes.reduce(
    (sum, axis, at) => add(sum, mul(variable(axis.name), product(nest.axes.slice(at + 1).map((a) => a.extent)))),
    zero,
  );

// `value` with the node `part` replaced; its parents are rebuilt once each, the rest is shared.
function replaced(value: Expr, part: Expr, by: Expr): Expr {
  const known = new Map<Expr, Expr>([[part, by]]);
  const walk = (e: Expr): Expr => {
    let result = known.get(e);
    if (!result) known.set(e, (result = rebuilt(e)));
    return result;
  };
  const rebuilt = (e: Expr): Expr => {
    switch (e.kind) {
      case 'unary':
      case 'cast':
      case 'bitcast':
        return { ...e, x: walk(e.x) };
      case 'binary':
        return { ...e, a: walk(e.a), b: walk(e.b) };
      case 'select':
        return { ...e, cond: walk(e.cond), then: walk(e.then), otherwise: walk(e.otherwise) };
      case 'guard':
        return { ...e, then: walk(e.then), otherwise: walk(e.otherwise) };
      case 'load':
        return { ...e, indices: e.indices.map((i) => ('kind' in i ? { kind: 'dynamic', expr: walk(i.expr) } : i)) };
      case 'threefry':
        return { ...e, key: [walk(e.key[0]), walk(e.key[1])], counter: [walk(e.counter[0]), walk(e.counter[1])] };
      case 'const':
      case 'index':
      case 'reduced':
        return e;
    }
  };
  return walk(value);
}

/** Cuts a flat nest until each part binds few enough buffers; nests that are no maps stay as they are. */
export function spill(nest: Nest, surroundings: Surroundings, done = 0): Spilled {
  const part =
    isPlainMap(nest) && bindings(nest, surroundings) > maxStorageBindings ? largestPart(nest, surroundings) : undefined;
  if (!part) return { nests: [nest], buffers: [] };
  const [store] = nest.stages;
  const id = `${store?.kind === 'store' ? store.buffer : nest.name}.part${done}`;
  const buffer: Buffer = { id, type: { dtype: part.dtype, shape: [product(nest.axes.map((axis) => axis.extent))] } };
  const index = position(nest);
  const first: Nest = {
    ...nest,
    stages: [{ kind: 'store', axes: [], buffer: id, indices: [index], value: part, combine: 'set' }],
  };
  const load: Expr = { kind: 'load', dtype: part.dtype, buffer: id, indices: [index] };
  const stages = nest.stages.map((stage) =>
    stage.kind === 'store' ? { ...stage, value: replaced(stage.value, part, load) } : stage,
  );
  const rest = spill({ ...nest, stages }, surroundings.with([buffer]), done + 1);
  return { nests: [first, ...rest.nests], buffers: [buffer, ...rest.buffers] };
}

// Ids and order of updates that are sorted.
const sortedBuffers = 2;

/**
 * A scatter that reads more buffers than a kernel may bind, in two nests (not yet flat): the updates go to a temporary,
 * which is then scattered. Nothing where that is not needed, or other stages stand before the scatter.
 */
export function spillUpdates(nest: Nest, surroundings: Surroundings): Spilled | undefined {
  const [store, ...more] = nest.stages;
  if (store?.kind !== 'store' || more.length > 0) return undefined;
  const places = store.indices.flatMap((index) => ('kind' in index ? [index.expr] : []));
  const bound = buffersBelow([store.value, ...places], surroundings).add(store.buffer);
  if (bound.size + sortedBuffers <= maxStorageBindings) return undefined;
  const axes = [...nest.axes, ...store.axes];
  const indices = axes.map((axis) => variable(axis.name));
  const { dtype } = store.value;
  const buffer: Buffer = { id: `${store.buffer}.updates`, type: { dtype, shape: axes.map((axis) => axis.extent) } };
  const updates: Nest = {
    ...nest,
    axes,
    stages: [{ kind: 'store', axes: [], buffer: buffer.id, indices, value: store.value, combine: 'set' }],
  };
  const value: Expr = { kind: 'load', dtype, buffer: buffer.id, indices };
  return { nests: [updates, { ...nest, stages: [{ ...store, value }] }], buffers: [buffer] };
}
