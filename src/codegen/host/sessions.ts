// What the host knows of caches: the dims and tensors of a model's or a train's sessions, and which positions
// must leave room in a cache.
import { variables } from '../../ir/dim.ts';
import type { GraphFunction, GraphModule, ModelInfo, TensorType, TrainInfo, Value } from '../../ir/graph.ts';
import { dimJs, list, text, type Names } from './js.ts';

/** A cache by its path. */
export interface Cache {
  readonly name: string;
  readonly type: TensorType;
}

/** The caches of a model. */
export const cachesOfModel = (model: ModelInfo): readonly Cache[] =>
  model.parameters.filter(({ role }) => role === 'cache').map(({ path, type }) => ({ name: path, type }));

/** The caches that a function reads or writes. */
export const cachesOf = (fn: GraphFunction): readonly Cache[] =>
  fn.inputs.filter(({ role }) => role === 'cache').map(({ name, value }) => ({ name, type: value.type }));

/** The caches of a train: those of its step and its evaluation. */
export function cachesOfTrain(train: TrainInfo, module: GraphModule): readonly Cache[] {
  const fns = module.functions.filter(({ name }) => name === train.step || name === train.evaluate);
  const all = new Map(fns.flatMap(cachesOf).map((cache) => [cache.name, cache]));
  return [...all.values()];
}

/** Names of the dims of a session, in the order in which its caches name them. */
export const sessionDims = (caches: readonly Cache[]): readonly string[] => [
  ...new Set(caches.flatMap(({ type }) => type.shape.flatMap((dim) => [...variables(dim)]))),
];

/** Dims that callers of an entry give as whole numbers. */
export function countsOf(module: GraphModule, fn: string): readonly string[] {
  const infos = Object.entries(module.entries);
  const info = infos.find(([name, { variants = {} }]) => name === fn || fn in variants)?.[1];
  return (info?.arguments ?? []).filter(({ kind }) => kind === 'dim').map(({ name }) => name);
}

/** `(…dims) => [['pos', size, capacity], …]`: writes into caches at a position that the caller gives. */
export function roomJs(fn: GraphFunction, names: Names): string | undefined {
  const caches = new Set<Value>(fn.inputs.filter(({ role }) => role === 'cache').map(({ value }) => value));
  const given = new Map(
    fn.inputs.flatMap(({ name, role, value }) => (role === 'argument' ? [[value, name] as const] : [])),
  );
  // Only what becomes the cache as it is: an update under a condition may mean to leave it alone.
  const updated = new Set(fn.results.filter(({ role }) => role === 'update').map(({ value }) => value));
  const rows = new Set<string>();
  for (const { op, inputs, outputs } of fn.nodes) {
    const [cache, update, ...starts] = inputs;
    if (op !== 'dynamic_update_slice' || !cache || !update || !caches.has(cache)) continue;
    if (!outputs.some((output) => updated.has(output))) continue;
    starts.forEach((start, axis) => {
      const name = given.get(start);
      const [size, room] = [update.type.shape[axis], cache.type.shape[axis]];
      if (name !== undefined && size && room) rows.add(list([text(name), dimJs(size, names), dimJs(room, names)]));
    });
  }
  if (rows.size === 0) return undefined;
  return `(${fn.dims.map((dim) => names.of(dim.name)).join(', ')}) => ${list([...rows])}`;
}

/** True where a dim of a session is bound by the shape of an argument too. */
export const isBoundByShape = (fn: GraphFunction | undefined, dim: string): boolean =>
  fn?.inputs.some(({ role, value }) => role === 'argument' && value.type.shape.some((d) => d.key === dim)) ?? false;
