// Where the buffers of a plan lie at run time: aliases resolved to one root each, roots numbered, parameters and
// slots by their path, the rest by pool, size and live interval. The same for both targets.
import { ceilDiv, mul, product, sameDim, type Dim } from '../../ir/dim.ts';
import { byteSize } from '../../ir/dtype.ts';
import { buffersOf, type Plan, type PlanBuffer } from '../../ir/plan.ts';
import { dimJs, list, text, type Names } from './js.ts';

/** The memory of one plan. */
export interface PlanMemory {
  /** Number of the root of a buffer. */
  index(buffer: string): number;
  /** Buffers that lie in one GPU buffer have the same key. */
  place(buffer: string): string;
  /** Printed {@link BufferSpec}s. */
  readonly buffers: readonly string[];
  /** Pairs (from, to) to copy at the end. */
  readonly commits: readonly number[];
}

const lasting = new Set(['param', 'state', 'cache', 'slot']);

/** Resolves the memory of `plan`; dims are printed with `names`, and intervals as `readPlan` reads them if `isLong`. */
export function planMemory(plan: Plan, names: Names, isLong: boolean): PlanMemory {
  const byId = new Map(plan.buffers.map((buffer) => [buffer.id, buffer]));
  const roots = new Map(plan.buffers.map((buffer) => [buffer.id, rootOf(buffer, byId)]));
  const root = (id: string): string => roots.get(id) ?? missing(id);
  const paths = new Map<string, string>();
  for (const { name, role, buffer } of plan.inputs)
    if (buffer !== undefined && lasting.has(role)) paths.set(root(buffer), name);
  const owned = new Set(paths.values());
  // Updates that the plan copies to their place itself.
  const copied = new Set(plan.steps.flatMap((step) => (step.kind === 'copy' ? [paths.get(root(step.to))] : [])));
  const commits: (readonly [from: string, path: string])[] = [];
  for (const { name, role, buffer } of plan.results) {
    if (role !== 'update' || paths.get(root(buffer)) === name || copied.has(name)) continue;
    if (!owned.has(name) && !paths.has(root(buffer))) {
      paths.set(root(buffer), name);
      owned.add(name);
    } else commits.push([root(buffer), name]);
  }
  const order = [...new Set([...plan.steps.flatMap(buffersOf).map(root), ...roots.values()])];
  const numbers = new Map(order.map((id, at) => [id, at]));
  const number = (id: string): number => numbers.get(id) ?? missing(id);
  const held = new Set([...plan.results.map(({ buffer }) => root(buffer)), ...commits.map(([from]) => from)]);
  const given = new Set(plan.inputs.flatMap(({ buffer }) => (buffer === undefined ? [] : [root(buffer)])));
  const members = new Map<string, PlanBuffer[]>();
  for (const buffer of plan.buffers) members.set(root(buffer.id), [...(members.get(root(buffer.id)) ?? []), buffer]);
  let before = 0;
  const buffers = order.map((id) => {
    const path = paths.get(id);
    if (path !== undefined) return text(path);
    const all = members.get(id) ?? [];
    const { pool } = byId.get(id) ?? all[0] ?? missing(id);
    if (pool === 'prepared') return list([text(preparedName(plan, id)), bytesJs(all, names)]);
    const unwritten = all.length === 1 && !held.has(id);
    const first = given.has(id) ? (unwritten ? -2 : -1) : Math.min(...all.map((buffer) => buffer.first));
    const last = held.has(id) ? plan.steps.length : Math.max(...all.map((buffer) => buffer.last));
    const interval = isLong ? [first - before, last - first] : [first, last];
    before = first;
    return list([pool === 'arena' ? '0' : '1', bytesJs(all, names), ...interval.map(String)]);
  });
  const pathIndex = (path: string): number => {
    const at = buffers.indexOf(text(path));
    return at >= 0 ? at : buffers.push(text(path)) - 1;
  };
  return {
    index: (buffer) => number(root(buffer)),
    place: (buffer) => {
      const pool = byId.get(root(buffer))?.pool;
      return (
        paths.get(root(buffer)) ??
        (pool === 'prepared' ? preparedName(plan, root(buffer)) : pool === 'arena' ? pool : 'io')
      );
    },
    commits: commits.flatMap(([from, path]) => [number(from), pathIndex(path)]),
    buffers,
  };
}

// No parameter has a path like this.
const preparedName = (plan: Plan, id: string): string => `%${plan.name}.${id}`;

function rootOf(buffer: PlanBuffer, byId: ReadonlyMap<string, PlanBuffer>): string {
  let at = buffer;
  while (at.alias !== undefined) at = byId.get(at.alias) ?? missing(at.alias);
  return at.id;
}

function missing(id: string): never {
  throw new RangeError(`the plan has no buffer ${id}`);
}

// f16 numbers lie in pairs: whole words.
const bytesOf = ({ shape, dtype }: PlanBuffer): Dim =>
  dtype === 'f16' ? mul(4, ceilDiv(product(shape), 2)) : product([...shape, byteSize[dtype]]);

function bytesJs(buffers: readonly PlanBuffer[], names: Names): string {
  const sizes = buffers.map(bytesOf);
  const distinct = sizes.filter((size, at) => sizes.findIndex((other) => sameDim(size, other)) === at);
  const printed = distinct.map((size) => dimJs(size, names));
  return printed.length === 1 ? (printed[0] ?? '0') : `Math.max(${printed.join(', ')})`;
}
