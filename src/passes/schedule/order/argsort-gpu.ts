// argsort on the GPU. Blocks of a row are sorted in workgroup memory, then merged by one dispatch per
// doubling: every element finds its place by searching the sibling run, so merging is stable and needs
// no more than log n dispatches. A few of a long row are chosen one by one by a whole workgroup.
import { asConstant, ceilDiv, constant, floorDiv, min, mul, sub, type Dim } from '../../../ir/dim.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Buffer, NestFunction, OpaqueNest } from '../../../ir/nest.ts';
import { binary, int, less, minus, named, plus, quotient, remainder, select, times } from '../gpu/expressions.ts';
import { KernelSketch, sketchedAll, type ScheduleOpaque, type Sketched } from '../sketch.ts';
import { and, bufferAt, dimAttr, dtypesOf, factsOf, precedes, rowsOf, shiftLeft, shiftRight, smaller } from './rows.ts';

const shortList = 32;
const largestBlock = 1024;
const threads = 256;
const largest = int(0x7fffffff);
const local = named('%lx');

interface Sorting {
  readonly nest: Pick<OpaqueNest, 'origin'>;
  readonly keys: string;
  readonly order: string;
  readonly rows: Dim;
  readonly n: Dim;
  readonly count: Dim;
  /** [2, rows, n] positions: runs go from one half to the other. */
  readonly scratch: Buffer;
  readonly sketch: () => KernelSketch;
  /** The most that n can be. */
  readonly most: number;
}

/** Schedules the argsort of i32 keys along the last axis. */
export const argsortOnGpu: ScheduleOpaque = (nest, scope) => {
  const [keys, order] = [bufferAt(nest.reads, 0), bufferAt(nest.writes, 0)];
  const { outer, n } = rowsOf(scope, keys, Number(nest.attrs['axis']));
  return sortKeys(nest, scope, { keys, order, rows: outer, n, count: dimAttr(nest, 'count') });
};

/** The kernels that write the first `count` places of each sorted row of `keys` to `order`. */
export function sortKeys(
  nest: Pick<OpaqueNest, 'origin'>,
  scope: NestFunction,
  work: Pick<Sorting, 'keys' | 'order' | 'rows' | 'n' | 'count'>,
): ReturnType<ScheduleOpaque> {
  const { rows, n, count, order } = work;
  const scratch: Buffer = { id: `${order}.sorting`, type: { dtype: 'i32', shape: [constant(2), rows, n] } };
  const dtypes = dtypesOf(scope, [scratch]);
  const most = Math.min(factsOf(scope).range(n).max, 2 ** 29);
  const sorting: Sorting = { ...work, nest, scratch, most, sketch: () => new KernelSketch('gpu', dtypes) };
  const few = asConstant(count);
  if (most <= largestBlock) return sketchedAll([sortBlocks(sorting, order)]);
  if (few !== undefined && few <= shortList) return sketchedAll([chooseFew(sorting, few)]);
  const merges = Array.from({ length: levelsOf(most) }, (_, level) => mergeRuns(sorting, level));
  return sketchedAll([sortBlocks(sorting, scratch.id), ...merges, copyOrder(sorting)], [scratch]);
}

const widthOf = (level: number): number => largestBlock * 2 ** level;
const levelsOf = (most: number): number => Math.max(0, Math.ceil(Math.log2(most / largestBlock)));

// One workgroup per block: elements stay in registers while all find their places, then all move.
function sortBlocks({ sketch, nest, keys, order, rows, n, count, most }: Sorting, target: string): Sketched {
  const s = sketch();
  const size = Math.min(largestBlock, Math.max(32, 2 ** Math.ceil(Math.log2(most))));
  const workgroup = Math.min(threads, size);
  const [sharedKeys, sharedPlaces] = [s.array('i32', size), s.array('i32', size)];
  const [length, blocks] = [s.param(n), ceilDiv(n, size)];
  const mine = Array.from({ length: size / workgroup }, (_, e) => plus(local, int(e * workgroup)));
  return s.perWorkgroup(mul(rows, blocks), workgroup, 'sort_blocks', nest.origin, (i) => {
    const row = s.let(quotient(i, s.param(blocks)));
    const start = s.let(times(remainder(i, s.param(blocks)), int(size)));
    for (const at of mine) {
      const place = s.let(plus(start, at));
      const key = s.load(keys, plus(times(row, length), smaller(place, minus(length, int(1)))));
      s.put(sharedKeys, at, select(less(place, length), key, largest));
      s.put(sharedPlaces, at, place);
    }
    s.barrier();
    s.for(int(0), int(Math.log2(size)), (level) => {
      const moves = mine.map((at) => {
        const [key, place] = [s.let(s.get(sharedKeys, at)), s.let(s.get(sharedPlaces, at))];
        return { key, place, to: placeInMerge(s, sharedKeys, at, key, level) };
      });
      s.barrier();
      for (const { key, place, to } of moves) {
        s.put(sharedKeys, to, key);
        s.put(sharedPlaces, to, place);
      }
      s.barrier();
    });
    const limit = s.param(target === order ? count : n);
    for (const at of mine) {
      const place = s.let(plus(start, at));
      s.if(less(place, limit), () => s.store(target, plus(times(row, limit), place), s.get(sharedPlaces, at)));
    }
  });
}

// Where the element `at` stands in its run of width 2^level merged with the sibling run.
function placeInMerge(s: KernelSketch, keys: string, at: KernelExpr, key: KernelExpr, level: KernelExpr): KernelExpr {
  const width = s.let(shiftLeft(int(1), level));
  const run = s.let(shiftRight(at, level));
  const sibling = s.let(shiftLeft(binary('xor', run, int(1)), level));
  const before = countBefore(s, { key, isRight: isOdd(run), length: width, width, steps: plus(level, int(1)) }, (i) =>
    s.get(keys, plus(sibling, i)),
  );
  const first = shiftLeft(binary('and', run, int(-2)), level);
  return s.let(plus(plus(first, binary('and', at, minus(width, int(1)))), before));
}

const isOdd = (x: KernelExpr): KernelExpr => binary('eq', binary('and', x, int(1)), int(1));

interface Search {
  readonly key: KernelExpr;
  /** An element of the right run goes behind equal ones of the left. */
  readonly isRight: KernelExpr;
  /** Elements of the sibling run; at most `width`, a power of two. */
  readonly length: KernelExpr;
  readonly width: KernelExpr;
  /** log₂ width + 1. */
  readonly steps: KernelExpr;
}

// How many elements of the sorted sibling run come before the key: halving steps.
function countBefore(s: KernelSketch, search: Search, keyAt: (i: KernelExpr) => KernelExpr): KernelExpr {
  const { key, length, width, steps } = search;
  const isRight = s.let(search.isRight);
  const count = s.var(int(0));
  s.for(int(0), steps, (step) => {
    const next = s.let(plus(count, shiftRight(width, step)));
    s.if(binary('le', next, length), () => {
      const found = s.let(keyAt(minus(next, int(1))));
      s.if(binary('or', less(found, key), and(isRight, binary('eq', found, key))), () => s.set(count, next));
    });
  });
  return count;
}

// Runs of one width to runs of twice that, from one half of the temporary to the other. Where a row is
// no longer than a run there is nothing to do, and threads have no elements.
function mergeRuns({ sketch, nest, keys, rows, n, scratch }: Sorting, level: number): Sketched {
  const s = sketch();
  const total = mul(rows, n);
  const width = s.param(constant(widthOf(level)));
  const steps = s.param(constant(Math.log2(widthOf(level)) + 1));
  const length = s.param(n);
  const [from, to] = [s.param(mul(total, level % 2)), s.param(mul(total, (level + 1) % 2))];
  const isNeeded = min(constant(1), floorDiv(sub(n, 1), widthOf(level)));
  return s.perThread(mul(total, isNeeded), `merge_runs_${level}`, nest.origin, (i) => {
    const row = s.let(times(quotient(i, length), length));
    const at = s.let(minus(i, row));
    const run = s.let(quotient(at, width));
    const sibling = s.let(times(binary('xor', run, int(1)), width));
    const place = s.let(s.load(scratch.id, plus(plus(from, row), at)));
    const keyAt = (j: KernelExpr): KernelExpr =>
      s.load(keys, plus(row, s.let(s.load(scratch.id, plus(plus(plus(from, row), sibling), j)))));
    const left = s.let(minus(smaller(plus(sibling, width), length), sibling));
    const key = s.let(s.load(keys, plus(row, place)));
    const before = countBefore(s, { key, isRight: isOdd(run), length: left, width, steps }, keyAt);
    const first = smaller(times(run, width), sibling);
    const within = minus(at, times(run, width));
    s.store(scratch.id, plus(plus(to, row), plus(plus(first, within), before)), place);
  });
}

// The first places of each row, from the half in which the last merge left them.
function copyOrder({ sketch, nest, order, rows, n, count, scratch, most }: Sorting): Sketched {
  const s = sketch();
  const [length, taken] = [s.param(n), s.param(count)];
  return s.perThread(mul(rows, count), 'take_sorted', nest.origin, (i) => {
    const row = s.let(quotient(i, taken));
    const half = s.var(int(0));
    const width = s.var(int(largestBlock));
    s.for(int(0), int(levelsOf(most)), () => {
      s.set(half, select(less(width, length), minus(int(1), half), half));
      s.set(width, select(less(width, length), times(width, int(2)), width));
    });
    const at = plus(times(row, length), remainder(i, taken));
    s.store(order, i, s.load(scratch.id, plus(times(half, s.param(mul(rows, n))), at)));
  });
}

// Again and again the first of those behind the last one chosen.
function chooseFew({ sketch, nest, keys, order, rows, n, count }: Sorting, few: number): Sketched {
  const s = sketch();
  const [sharedKeys, sharedPlaces] = [s.array('i32', threads), s.array('i32', threads)];
  const length = s.param(n);
  const takeBetter = (key: KernelExpr, place: KernelExpr, bestKey: KernelExpr, bestPlace: KernelExpr): void => {
    s.set(bestKey, key);
    s.set(bestPlace, place);
  };
  return s.perWorkgroup(rows, threads, 'topk', nest.origin, (row) => {
    const [lastKey, lastPlace] = [s.var(int(-0x80000000)), s.var(int(-1))];
    const base = s.let(times(row, length));
    s.for(int(0), int(few), (round) => {
      const [bestKey, bestPlace] = [s.var(largest), s.var(largest)];
      s.for(
        local,
        length,
        (j) => {
          const key = s.let(s.load(keys, plus(base, j)));
          const isNext = and(precedes(lastKey, lastPlace, key, j), precedes(key, j, bestKey, bestPlace));
          s.if(isNext, () => takeBetter(key, j, bestKey, bestPlace));
        },
        threads,
      );
      s.put(sharedKeys, local, bestKey);
      s.put(sharedPlaces, local, bestPlace);
      s.barrier();
      s.for(int(1), int(Math.log2(threads) + 1), (level) => {
        const half = s.let(shiftRight(int(threads), level));
        s.if(less(local, half), () => {
          const [a, b] = [local, s.let(plus(local, half))];
          const [key, place] = [s.let(s.get(sharedKeys, b)), s.let(s.get(sharedPlaces, b))];
          s.if(precedes(key, place, s.get(sharedKeys, a), s.get(sharedPlaces, a)), () => {
            s.put(sharedKeys, a, key);
            s.put(sharedPlaces, a, place);
          });
        });
        s.barrier();
      });
      s.set(lastKey, s.get(sharedKeys, int(0)));
      s.set(lastPlace, s.get(sharedPlaces, int(0)));
      s.barrier();
      s.if(binary('eq', local, int(0)), () => s.store(order, plus(times(row, s.param(count)), round), lastPlace));
    });
  });
}
