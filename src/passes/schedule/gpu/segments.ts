// Scatters of many updates into many rows: the updates are sorted by the row that they name, and the first
// of each row adds up all of its row, in the order in which they came. No update is looked at by rows that
// it does not name, and the sums have the same bits as when every row walks all updates.
import { ceilDiv, mul, one, product, variable, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis, Buffer, Nest } from '../../../ir/nest.ts';
import { rowMajor } from '../../../ir/lower.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { flattenNest, flattenLoads, mapStage, type StoreStage } from '../flatten.ts';
import { estimate } from '../linear.ts';
import { sortKeys } from '../order/argsort-gpu.ts';
import type { Scheduled } from '../schedule.ts';
import { binary, int, less, minus, named, plus, quotient, remainder, select } from './expressions.ts';
import { decode, points, storeIndex, tableOf } from './loops.ts';
import { schedulePerThread } from './per-thread.ts';
import { combined, scatterOf, type Scatter } from './scatter.ts';
import { Scope } from './scope.ts';
import { invocationNumber, KernelWriter, linearGrid, type Surroundings, type Written } from './writer.ts';

const workgroupSize = 64;
const fewUpdates = 256;
const littleWork = 2 ** 20;

/** A scatter whose updates name rows of the output along one axis. */
interface Segments extends Scatter {
  /** The output axis along which rows are named, and the number that names one. */
  readonly rows: Axis;
  readonly id: Expr;
  /** Ids of the updates, and the updates in the order of their ids. */
  readonly ids: Buffer;
  readonly order: Buffer;
}

/** Schedules a nest (not yet flat) that scatters so much that walking all updates for each element is slow. */
export function scheduleSegments(nest: Nest, surroundings: Surroundings): Scheduled | undefined {
  const segments = segmentsOf(nest, surroundings);
  if (!segments) return undefined;
  const { ids, order, scan } = segments;
  const within = surroundings.with([ids, order]);
  const named = schedulePerThread(flattenNest(idsNest(nest, segments), within.scope), within);
  const n = points(scan);
  const sorting = sortKeys(nest, within.scope, { keys: ids.id, order: order.id, rows: one, n, count: n });
  const added = writeSegments(nest, within, segments);
  return {
    kernels: [named.kernel, ...sorting.kernels, added.kernel],
    steps: [named.step, ...sorting.steps, added.step],
    buffers: [ids, order, ...sorting.buffers],
  };
}

function segmentsOf(nest: Nest, surroundings: Surroundings): Segments | undefined {
  const scatter = scatterOf(nest, surroundings);
  const { store, target, scan, before } = scatter;
  const at = store.indices.findIndex((index) => 'kind' in index);
  const [index, rows] = [store.indices[at], target.axes[at]];
  if (!index || !('kind' in index) || !rows || target.matches.length !== 1 || before.length > 0) return undefined;
  const { facts } = surroundings;
  const updates = estimate(points(scan), facts);
  if (updates < fewUpdates || updates * estimate(points(target.axes), facts) < littleWork) return undefined;
  const id: Expr = index.expr.dtype === 'i32' ? index.expr : { kind: 'cast', dtype: 'i32', x: index.expr };
  const needs = tableOf(nest).entry(id).needs;
  if ([...target.replaced.keys()].some((axis) => needs.has(axis))) return undefined;
  const buffer = (what: string): Buffer => ({
    id: `${store.buffer}.${what}`,
    type: { dtype: 'i32', shape: [points(scan)] },
  });
  return { ...scatter, rows, id, ids: buffer('ids'), order: buffer('order') };
}

// ids[u] = the row that update u names.
function idsNest(nest: Nest, { scan, id, ids }: Segments): Nest {
  const i = scan.map((axis) => variable(axis.name));
  const index = rowMajor(
    i,
    scan.map((axis) => axis.extent),
  );
  const store: StoreStage = { kind: 'store', axes: [], buffer: ids.id, indices: [index], value: id, combine: 'set' };
  return { ...nest, name: `${nest.name}_ids`, axes: scan, stages: [store] };
}

// The old element at the thread's row and column, and the update at a point of `scan`.
function flatParts(
  nest: Nest,
  surroundings: Surroundings,
  { store, target, scan }: Segments,
): { flat: Nest; element: StoreStage; old: Expr } {
  const indices = target.axes.map((axis) => variable(axis.name));
  const dtype = surroundings.dtypes.get(store.buffer) ?? 'f32';
  const load: Expr = { kind: 'load', dtype, buffer: store.buffer, indices };
  const stages: StoreStage[] = [
    { ...store, axes: [], indices, value: load, combine: 'set' },
    { ...store, axes: [], indices, combine: 'set' },
  ];
  const mapped = stages.map((stage) => mapStage(stage, { axes: target.replaced }));
  const flat = flattenLoads({ ...nest, axes: [...target.axes, ...scan], stages: mapped }, surroundings.scope);
  const [before, element] = flat.stages;
  if (before?.kind !== 'store' || element?.kind !== 'store') throw new CompilerBug('a scatter lost a stage');
  return { flat, element, old: before.value };
}

function writeSegments(nest: Nest, surroundings: Surroundings, segments: Segments): Written {
  const { store, target, scan, rows } = segments;
  const { flat, element, old } = flatParts(nest, surroundings, segments);
  const writer = new KernelWriter(surroundings);
  const columns = target.axes.filter((axis) => axis !== rows);
  const width = writer.param(product(columns.map((axis) => axis.extent)));
  const block: Statement[] = [];
  const first = writer.bind(block, quotient(named('n'), width));
  const column = writer.bind(block, remainder(named('n'), width));
  const updateAt = (place: KernelExpr): KernelExpr => loadAt(writer, segments.order.id, place);
  const idAt = (into: Statement[], place: KernelExpr): KernelExpr =>
    writer.bind(into, loadAt(writer, segments.ids.id, writer.bind(into, updateAt(place))));
  const id = idAt(block, first);
  const before = idAt(block, select(less(int(0), first), minus(first, int(1)), int(0)));
  const own: Statement[] = [];
  const end = endOfSegment(writer, own, first, id, writer.param(points(scan)), idAt);
  const at = new Map([...decode(writer, own, columns, column), [rows.name, id] as const]);
  const scope = Scope.root(writer, tableOf(flat), own, { axes: at });
  const total = writer.variable(own, scope.emit(old));
  const name = writer.fresh('i');
  const body: Statement[] = [];
  const update = writer.bind(body, updateAt(named(name)));
  const inner = scope.child({ axes: decode(writer, body, scan, update) }, body);
  const value = combined(store.combine, total, inner.emit(element.value));
  if (total.kind === 'name') body.push({ kind: 'assign', name: total.name, value });
  const from = store.combine === 'set' ? minus(end, int(1)) : first;
  own.push({ kind: 'for', name, from, to: end, step: 1, body });
  scope.store(store.buffer, storeIndex(element), total);
  const isFirst = binary('or', binary('eq', first, int(0)), binary('ne', before, id));
  const isInside = binary('and', binary('le', int(0), id), less(id, writer.param(rows.extent)));
  block.push({ kind: 'if', cond: binary('and', isFirst, isInside), then: own, otherwise: [] });
  const count: Dim = mul(points(scan), product(columns.map((axis) => axis.extent)));
  const all: Statement[] = [
    { kind: 'let', name: 'n', value: invocationNumber(workgroupSize) },
    { kind: 'if', cond: less(named('n'), writer.param(count)), then: block, otherwise: [] },
  ];
  return writer.finish(nest, nest.name, workgroupSize, linearGrid(ceilDiv(count, workgroupSize)), all);
}

const loadAt = (writer: KernelWriter, buffer: string, index: KernelExpr): KernelExpr => ({
  kind: 'load',
  type: 'i32',
  width: 1,
  buffer: writer.buffer(buffer, 'read'),
  index,
});

// The first place behind `first` whose update names another row, by halving.
function endOfSegment(
  writer: KernelWriter,
  into: Statement[],
  first: KernelExpr,
  id: KernelExpr,
  count: KernelExpr,
  idAt: (into: Statement[], place: KernelExpr) => KernelExpr,
): KernelExpr {
  const low = writer.variable(into, plus(first, int(1)));
  const high = writer.variable(into, count);
  const set = (target: KernelExpr, value: KernelExpr): Statement[] =>
    target.kind === 'name' ? [{ kind: 'assign', name: target.name, value }] : [];
  const then: Statement[] = [];
  const middle = writer.bind(then, quotient(plus(low, high), int(2)));
  const isSame = binary('eq', idAt(then, middle), id);
  then.push({ kind: 'if', cond: isSame, then: set(low, plus(middle, int(1))), otherwise: set(high, middle) });
  const step: Statement = { kind: 'if', cond: less(low, high), then, otherwise: [] };
  into.push({ kind: 'for', name: writer.fresh('i'), from: int(0), to: int(31), step: 1, body: [step] });
  return low;
}
