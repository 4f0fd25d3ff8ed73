// Attention in one kernel: scores of queries and keys, their softmax, and the mean of values that it weighs, without the
// scores ever lying in memory. A few threads share a query and take four keys at a time each; they carry the largest
// score so far, rescale what they have when a larger one comes, and meet at the end. The gradients of attention are
// sums of the same form, of weights that are made of two products; where keys are the rows, the queries are its keys.
import { asConstant, ceilDiv, min, mul, sub, type Dim } from '../../../ir/dim.ts';
import { weight } from '../../../ir/expr-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis, Nest } from '../../../ir/nest.ts';
import { asAttention as asAnyAttention, type Attention as AnyAttention, type Product } from '../attention.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import {
  binary,
  int,
  laneNumbers,
  laneOf,
  less,
  literal,
  madd,
  named,
  plus,
  quotient,
  remainder,
  select,
  splat,
  times,
  unary,
  vectorFrom,
} from './expressions.ts';
import {
  countedLoop,
  decode,
  loadsInLanes,
  pick,
  points,
  runsInLanes,
  storeAll,
  storesInLanes,
  tableOf,
} from './loops.ts';
import { identityOf } from './monoids.ts';
import { depthOf, divides, forDepth, loadAlong, rowAt, sideOf, type Depth, type Side } from './operands.ts';
import { Scope } from './scope.ts';
import { keptRange } from '../kept.ts';
import { KernelWriter, linearGrid, workgroupNumber, type Surroundings, type Written } from './writer.ts';

const threads = 64;
// Threads that share queries, and such teams of a workgroup. A single query, as in decoding, has a whole workgroup.
const team = 8;
const teams = threads / team;

// Known when the dims are: the number of queries may be.
const teamOf = (rows: Dim): Dim => sub(threads, mul(threads - team, min(sub(rows, 1), 1)));

// Registers that a thread has for its share of results, in vectors.
const mostVectors = 32;

// What is loaded of keys and values serves two queries, where there are registers for both.
const sharingOf = ({ vectors }: Attention): number => (2 * vectors <= mostVectors ? 2 : 1);

/** Attention with rows of results that are known. */
interface Attention extends AnyAttention {
  /** Vectors of a row of the result. */
  readonly vectors: number;
}

// What each query would compute again must be next to nothing.
const isLight = (e: Expr): boolean => weight(e) <= 1;

/** The attention that a flat nest is, if it is one that this kernel is good for. */
export function asAttention(nest: Nest, surroundings: Surroundings): Attention | undefined {
  const found = asAnyAttention(nest);
  if (!found) return undefined;
  const attention = { ...found, vectors: (asConstant(found.column.extent) ?? 0) / 4 };
  return isGood(attention, surroundings) ? attention : undefined;
}

function isGood(at: Attention, surroundings: Surroundings): boolean {
  const { products, stores, vectors, column, value } = at;
  const writer = new KernelWriter(surroundings);
  if (!Number.isInteger(vectors) || vectors < 1 || vectors > mostVectors) return false;
  if (stores.length === 0 || !isLight(value) || !loadsInLanes(writer, [value], column)) return false;
  return products.every((product) => {
    const { depth, sides } = operandsOf(writer, at, product);
    const isInVectors = depth.exact && sides.every(({ along }) => along === 'k');
    return product.stage.axes.length > 0 && isLight(product.key) && isInVectors;
  });
}

// Results lie as vectors along the columns.
const storesVectors = (writer: KernelWriter, { stores, column }: Attention): boolean =>
  storesInLanes(writer, stores, column) &&
  runsInLanes(
    writer,
    stores.map((store) => store.value),
    column,
  ).ok;

// Both operands of a product, read in vectors along the summed axes.
function operandsOf(
  writer: KernelWriter,
  { rows, keys }: Attention,
  { stage, row, key }: Product,
): { readonly depth: Depth; readonly sides: readonly [row: Side, key: Side] } {
  const depth = depthOf(writer, stage.axes, [row, key], 4);
  return { depth, sides: [sideOf(row, rows, depth, 1), sideOf(key, keys, depth, 4)] };
}

/** The largest score so far, and Σ e^(score − top). */
interface Carried {
  readonly top: KernelExpr;
  readonly total: KernelExpr;
}

// A query of a thread: its place, whether it is one, and what is carried from keys to keys.
interface Query {
  readonly axes: ReadonlyMap<string, KernelExpr>;
  /** False past the last row; undefined where that cannot be. */
  readonly isRow: KernelExpr | undefined;
  /** Of a softmax. */
  readonly carried: Carried | undefined;
  /** Σ weight · value: a row of vectors. */
  readonly sums: readonly KernelExpr[];
}

function set(into: Statement[], variable: KernelExpr, value: KernelExpr): void {
  if (variable.kind === 'name') into.push({ kind: 'assign', name: variable.name, value });
}

const exp = (x: KernelExpr): KernelExpr => unary('exp', x);
const minus = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('sub', a, b);

// (x ∘ y) ∘ (z ∘ w) of the four lanes.
function joinLanes(op: 'add' | 'max', v: KernelExpr): KernelExpr {
  const [x, y, z, w] = [laneOf(v, 0), laneOf(v, 1), laneOf(v, 2), laneOf(v, 3)];
  return binary(op, binary(op, x, y), binary(op, z, w));
}

const nothing = literal('f32', 0);
const lowest = literal('f32', identityOf({ name: 'max', arity: 1 }, 'f32', 0));

// The keys of all products are the same.
function keySideOf(writer: KernelWriter, at: Attention): Side {
  const [product] = at.products;
  if (!product) throw new CompilerBug('attention without a product');
  return operandsOf(writer, at, product).sides[1];
}

/** Four keys in a row: their places, and for each whether it is one where the last may be past. */
interface Keys {
  readonly places: readonly Scope[];
  readonly inside: readonly KernelExpr[];
}

function keysAt({ keys }: Attention, scope: Scope, side: Side, j: KernelExpr): Keys {
  const { writer, into } = scope;
  const at = laneNumbers.map((lane) => writer.bind(into, plus(j, int(lane))));
  return {
    places: at.map((x) => rowAt(scope, side, x)),
    inside: side.exact ? [] : at.map((x) => writer.bind(into, less(x, writer.param(points(keys))))),
  };
}

// A product of every query and four keys.
function dotsOf(
  at: Attention,
  scope: Scope,
  queries: readonly Query[],
  { places }: Keys,
  product: Product,
): KernelExpr[][] {
  const { writer, into } = scope;
  const { depth, sides } = operandsOf(writer, at, product);
  const dots = queries.map(() => laneNumbers.map(() => writer.variable(into, splat(nothing))));
  const rows = queries.map(({ axes }) => scope.child({ axes }));
  forDepth(depth, into, int(0), 4, (block, k, loops) => {
    const own = loadAlong(depth, sides[0], rows, block, k, loops);
    const lines = loadAlong(depth, sides[1], places, block, k, loops);
    dots.forEach((of, row) => of.forEach((dot, key) => set(block, dot, madd(own[row] ?? dot, lines[key] ?? dot, dot))));
  });
  return dots.map((of) => of.map((dot) => writer.bind(into, joinLanes('add', dot))));
}

// What is made of the products of a row and a key at `place`.
function emitAt(at: Attention, place: Scope, { axes }: Query, dots: readonly KernelExpr[], e: Expr): KernelExpr {
  const here = place.child({ axes });
  at.products.forEach(({ stage }, number) => here.setReduced(stage.id, [dots[number] ?? nothing]));
  return here.emit(e);
}

// The weights of four keys by softmax, by the largest score with theirs; what was carried is rescaled to that.
function weigh(
  scope: Scope,
  carried: Carried,
  sums: readonly KernelExpr[],
  scores: KernelExpr,
  { inside }: Keys,
): KernelExpr {
  const { writer, into } = scope;
  const bind = (x: KernelExpr): KernelExpr => writer.bind(into, x);
  const top = bind(binary('max', carried.top, joinLanes('max', scores)));
  const powers = bind(exp(minus(scores, splat(top))));
  const weights =
    inside.length === 0
      ? powers
      : bind(vectorFrom((key) => select(inside[key] ?? powers, laneOf(powers, key), nothing)));
  const scale = bind(exp(minus(carried.top, top)));
  set(into, carried.top, top);
  set(into, carried.total, madd(carried.total, scale, joinLanes('add', weights)));
  for (const sum of sums) set(into, sum, binary('mul', sum, splat(scale)));
  return weights;
}

// Takes the keys j … j+3 in. Values are a loop over the keys: the text of a long row of vectors is as much shorter.
function takeKeys(at: Attention, scope: Scope, queries: readonly Query[], j: KernelExpr): void {
  const { writer } = scope;
  const { column, value, vectors, factor } = at;
  const side = keySideOf(writer, at);
  const keys = keysAt(at, scope, side, j);
  const dots = at.products.map((product) => dotsOf(at, scope, queries, keys, product));
  const dotsAt = (row: number, of: (lanes: readonly KernelExpr[]) => KernelExpr): KernelExpr[] =>
    dots.map((each) => of(each[row] ?? []));
  const powers = queries.map((query, row) => {
    if (!query.carried) return undefined;
    const scores = keys.places.map((place, key) => {
      const score = emitAt(
        at,
        place,
        query,
        dotsAt(row, (lanes) => lanes[key] ?? nothing),
        at.weight,
      );
      const isKey = keys.inside[key];
      return writer.bind(scope.into, isKey ? select(isKey, score, lowest) : score);
    });
    const all = vectorFrom((key) => scores[key] ?? lowest);
    return weigh(scope, query.carried, query.sums, writer.bind(scope.into, all), keys);
  });
  countedLoop(scope, laneNumbers.length, (inner, key) => {
    const { into } = inner;
    const place = rowAt(inner, side, writer.bind(into, plus(j, key)));
    const lanesOf = (v: KernelExpr): KernelExpr[] => laneNumbers.map((lane) => laneOf(v, lane));
    const own = queries.map((query, row) => {
      const power = powers[row];
      const at4 = (e: Expr): KernelExpr =>
        emitAt(at, place, query, power ? [] : dotsAt(row, (lanes) => writer.bind(into, pick(lanes, key))), e);
      const picked = power && pick(lanesOf(power), key);
      if (picked) return splat(writer.bind(into, factor ? binary('mul', picked, at4(factor)) : picked));
      const found = at4(at.weight);
      return splat(
        writer.bind(
          into,
          side.exact ? found : select(less(plus(j, key), writer.param(points(at.keys))), found, nothing),
        ),
      );
    });
    for (let vector = 0; vector < vectors; vector++) {
      const here = { axes: new Map([[column.name, int(vector * 4)]]), vector: column.name };
      const line = writer.bind(into, splat(place.child(here).emit(value)));
      queries.forEach(({ sums }, row) => {
        const sum = sums[vector];
        if (sum) set(into, sum, madd(own[row] ?? line, line, sum));
      });
    }
  });
}

// Where the threads of a team find what the others carry.
interface Meeting {
  /** Of a softmax. */
  readonly tops: string;
  readonly totals: string;
  /** Vectors of sums: rows of `pitch` elements, an odd number of vectors that lie in different banks. */
  readonly sums: string;
  readonly pitch: number;
  /** Threads of a team. */
  readonly team: KernelExpr;
  /** The number of this thread in its team, and of the team's first thread. */
  readonly lane: KernelExpr;
  readonly first: KernelExpr;
}

const readArray = (array: string, index: KernelExpr, width: 1 | 4 = 1): KernelExpr => ({
  kind: 'load-array',
  type: 'f32',
  width,
  array,
  index,
});

// init, next(…, thread 0 of the team), next(…, thread 1), …
function overTeam(
  writer: KernelWriter,
  into: Statement[],
  { first, team: to }: Meeting,
  init: KernelExpr,
  next: (before: KernelExpr, thread: KernelExpr) => KernelExpr,
): KernelExpr {
  const result = writer.variable(into, init);
  const [name, body]: [string, Statement[]] = [writer.fresh('i'), []];
  set(body, result, next(result, plus(first, named(name))));
  into.push({ kind: 'for', name, from: int(0), to, step: 1, body });
  return result;
}

// The largest score of all threads of a team, and by how much the sums of this one are rescaled to it.
function meetTops(
  scope: Scope,
  { carried }: Query,
  meeting: Meeting,
): { readonly top: KernelExpr; readonly scale: KernelExpr } | undefined {
  if (!carried) return undefined;
  const { writer, into } = scope;
  const { tops, totals, first } = meeting;
  const local = named('%lx');
  into.push({ kind: 'store-array', array: tops, index: local, value: carried.top }, { kind: 'barrier' });
  const top = overTeam(writer, into, meeting, readArray(tops, first), (before, thread) =>
    binary('max', before, readArray(tops, thread)),
  );
  const scale = writer.bind(into, exp(minus(carried.top, top)));
  into.push({ kind: 'store-array', array: totals, index: local, value: binary('mul', carried.total, scale) });
  return { top, scale };
}

// What the threads of a team carry for a query becomes one row, whose vectors they store in turns.
function meet(at: Attention, scope: Scope, query: Query, meeting: Meeting): void {
  const { writer, into } = scope;
  const { column, vectors, over, stores, rowStores } = at;
  const { totals, sums, pitch, lane } = meeting;
  const met = meetTops(scope, query, meeting);
  const isVector = storesVectors(writer, at);
  for (let from = 0; from < vectors; from += team) {
    const own = query.sums.slice(from, from + team);
    // All have read the vectors before; those of the last query too, where all have since met over the largest scores.
    if (from > 0 || !met) into.push({ kind: 'barrier' });
    own.forEach((sum, vector) => {
      const index = plus(times(named('%lx'), int(pitch)), int(vector * 4));
      const value = met ? binary('mul', sum, splat(met.scale)) : sum;
      into.push({ kind: 'store-array', array: sums, index, value });
    });
    into.push({ kind: 'barrier' });
    const storeIf = (cond: KernelExpr, store: (inner: Scope, parts: readonly KernelExpr[]) => void): void => {
      const then: Statement[] = [];
      const total =
        met &&
        overTeam(writer, then, meeting, nothing, (before, thread) => binary('add', before, readArray(totals, thread)));
      store(scope.child({ axes: query.axes }, then, true), met && total ? [met.top, total] : []);
      into.push({ kind: 'if', cond: query.isRow ? binary('and', cond, query.isRow) : cond, then, otherwise: [] });
    };
    storeIf(less(lane, int(own.length)), (inner, parts) => {
      const sum = overTeam(writer, inner.into, meeting, splat(nothing), (before, thread) =>
        binary('add', before, readArray(sums, plus(times(thread, int(pitch)), times(lane, int(4))), 4)),
      );
      const place = writer.bind(inner.into, plus(times(lane, int(4)), int(from * 4)));
      const storeAt = (index: KernelExpr, value: KernelExpr, vector: boolean): void => {
        const axes = new Map([[column.name, index]]);
        const point = inner.child(vector ? { axes, vector: column.name } : { axes });
        point.setReduced(over.id, [...parts, value]);
        storeAll(point, stores);
      };
      if (isVector) storeAt(place, sum, true);
      else for (const each of laneNumbers) storeAt(plus(place, int(each)), laneOf(sum, each), false);
    });
    if (from > 0 || rowStores.length === 0) continue;
    storeIf(less(lane, int(1)), (inner, parts) => {
      inner.setReduced(over.id, parts);
      storeAll(inner, rowStores);
    });
  }
}

function meetingOf(
  writer: KernelWriter,
  into: Statement[],
  [lane, size]: readonly [KernelExpr, KernelExpr],
  { vectors, over }: Attention,
): Meeting {
  const pitch = (Math.min(team, vectors) + 1) * 4;
  const array = (size: number): string => writer.array('f32', threads * size);
  const first = writer.bind(into, minus(named('%lx'), lane));
  const [tops, totals] = over.monoid.name === 'softmax' ? [array(1), array(1)] : ['', ''];
  return { tops, totals, sums: array(pitch), pitch, team: size, lane, first };
}

// The steps in which a team takes the keys that a mask leaves to the queries of a thread, and the end of these keys.
// Queries further down see as many keys or more.
function keysSeen(
  at: Attention,
  scope: Scope,
  queries: readonly Query[],
): { readonly from: KernelExpr; readonly to: KernelExpr; readonly end: KernelExpr } {
  const { writer, into } = scope;
  const bind = (x: KernelExpr): KernelExpr => writer.bind(into, x);
  const step = mul(4, teamOf(points(at.rows)));
  const end = writer.param(points(at.keys));
  const all = { from: int(0), to: writer.param(ceilDiv(points(at.keys), step)), end };
  const range = keptRange(at, writer.facts);
  const query = queries.at(range?.kind === 'from' ? 0 : -1);
  if (!range || !query) return all;
  const place = bind(scope.child({ axes: query.axes }).emitDim(range.at));
  const together = writer.param(step);
  if (range.kind === 'from') return { ...all, from: bind(quotient(binary('max', place, int(0)), together)) };
  const seen = bind(binary('min', place, end));
  return { ...all, to: bind(quotient(plus(seen, minus(together, int(1))), together)), end: seen };
}

/** Schedules attention: a workgroup for some queries that share their keys. */
export function scheduleAttention(at: Attention, surroundings: Surroundings): Written {
  const { nest, batch, rows, vectors, over } = at;
  const isSoftmax = over.monoid.name === 'softmax';
  const writer = new KernelWriter(surroundings);
  const extent = points(rows);
  const sharing = sharingOf(at);
  const exact = divides(sharing * teams, extent);
  const grid: Axis[] = [...batch, { name: '%tile', extent: ceilDiv(extent, sharing * teams) }];
  const total = points(grid);
  const block: Statement[] = [];
  const bind = (x: KernelExpr): KernelExpr => writer.bind(block, x);
  const values = decode(writer, block, grid, named('n'));
  const size = writer.param(teamOf(extent));
  const lane = bind(remainder(named('%lx'), size));
  const first = bind(plus(times(values.get('%tile') ?? int(0), int(sharing * teams)), quotient(named('%lx'), size)));
  const queries = Array.from({ length: sharing }, (_, number): Query => {
    const row = bind(plus(first, int(number * teams)));
    const inside = exact ? row : bind(binary('min', row, writer.param(sub(extent, 1))));
    return {
      axes: decode(writer, block, rows, inside),
      isRow: exact ? undefined : bind(less(row, writer.param(extent))),
      carried: isSoftmax ? { top: writer.variable(block, lowest), total: writer.variable(block, nothing) } : undefined,
      sums: Array.from({ length: vectors }, () => writer.variable(block, splat(nothing))),
    };
  });
  const scope = Scope.root(writer, tableOf(nest), block, { axes: values });
  const [name, body, then]: [string, Statement[], Statement[]] = [writer.fresh('i'), [], []];
  const j = writer.bind(body, times(plus(times(named(name), size), lane), int(4)));
  takeKeys(at, scope.child({}, then), queries, j);
  const { from, to, end } = keysSeen(at, scope, queries);
  body.push({ kind: 'if', cond: less(j, end), then, otherwise: [] });
  block.push({ kind: 'for', name, from, to, step: 1, body });
  const meeting = meetingOf(writer, block, [lane, size], at);
  for (const query of queries) meet(at, scope, query, meeting);
  return writer.finish(nest, nest.name, threads, linearGrid(total), [
    { kind: 'let', name: 'n', value: workgroupNumber },
    { kind: 'if', cond: less(named('n'), writer.param(total)), then: block, otherwise: [] },
  ]);
}
