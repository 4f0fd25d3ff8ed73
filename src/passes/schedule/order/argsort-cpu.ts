// argsort on the CPU: rows are shared by threads. Few of a row are kept in a short sorted list while
// walking it once; more come from a bottom-up merge sort of positions between two halves of a temporary.
import { asConstant, constant } from '../../../ir/dim.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Buffer } from '../../../ir/nest.ts';
import { binary, int, less, minus, plus, select, times } from '../gpu/expressions.ts';
import { KernelSketch, sketchedAll, type ScheduleOpaque } from '../sketch.ts';
import {
  and,
  bufferAt,
  dimAttr,
  dtypesOf,
  or,
  other,
  precedes,
  rowsOf,
  shiftLeft,
  shiftRight,
  smaller,
} from './rows.ts';

const shortList = 32;
const largest = int(0x7fffffff);

/** What both kernels work on: keys [rows, n] and the order [rows, count] to write. */
interface Work {
  readonly sketch: KernelSketch;
  readonly keys: string;
  readonly order: string;
  readonly n: KernelExpr;
  readonly count: KernelExpr;
}

/** Schedules the argsort of i32 keys along the last axis. */
export const argsortOnCpu: ScheduleOpaque = (nest, scope) => {
  const [keys, order] = [bufferAt(nest.reads, 0), bufferAt(nest.writes, 0)];
  const { outer, n } = rowsOf(scope, keys, Number(nest.attrs['axis']));
  const count = dimAttr(nest, 'count');
  const few = asConstant(count);
  const scratch: Buffer = { id: `${order}.sorting`, type: { dtype: 'i32', shape: [outer, constant(4), n] } };
  const sketch = new KernelSketch('cpu', dtypesOf(scope, [scratch]));
  const work: Work = { sketch, keys, order, n: sketch.param(n), count: sketch.param(count) };
  if (few !== undefined && few <= shortList && asConstant(n) !== few)
    return sketchedAll([sketch.overShare(outer, 'topk', nest.origin, (row) => keepFew(work, row, few))]);
  const sorted = sketch.overShare(outer, 'sort', nest.origin, (row) => mergeSort(work, row, scratch.id));
  return sketchedAll([sorted], [scratch]);
};

// A sorted list of the best so far; whatever beats its last entry is carried down to its place.
function keepFew({ sketch: s, keys, order, n, count }: Work, row: KernelExpr, few: number): void {
  const [bestKeys, bestPlaces] = [s.array('i32', few), s.array('i32', few)];
  const base = s.let(times(row, n));
  s.for(int(0), int(few), (at) => {
    s.put(bestKeys, at, largest);
    s.put(bestPlaces, at, largest);
  });
  const [worstKey, worstPlace] = [s.var(largest), s.var(largest)];
  s.for(int(0), n, (j) => {
    const key = s.let(s.load(keys, plus(base, j)));
    s.if(precedes(key, j, worstKey, worstPlace), () => {
      const [carriedKey, carriedPlace] = [s.var(key), s.var(j)];
      s.for(int(0), int(few), (at) => {
        const [hereKey, herePlace] = [s.let(s.get(bestKeys, at)), s.let(s.get(bestPlaces, at))];
        s.if(precedes(carriedKey, carriedPlace, hereKey, herePlace), () => {
          s.put(bestKeys, at, carriedKey);
          s.put(bestPlaces, at, carriedPlace);
          s.set(carriedKey, hereKey);
          s.set(carriedPlace, herePlace);
        });
      });
      s.set(worstKey, s.get(bestKeys, int(few - 1)));
      s.set(worstPlace, s.get(bestPlaces, int(few - 1)));
    });
  });
  s.for(int(0), int(few), (at) => s.store(order, plus(times(row, count), at), s.get(bestPlaces, at)));
}

// Two halves, each with the places of a row and then their keys: keys travel along, so that all reads of
// a merge are of neighbours.
function mergeSort(work: Work, row: KernelExpr, scratch: string): void {
  const { sketch: s, n, keys, order, count } = work;
  const size = s.let(times(n, int(2)));
  const base = s.let(times(times(row, n), int(4)));
  s.for(int(0), n, (j) => {
    s.store(scratch, plus(base, j), j);
    s.store(scratch, plus(plus(base, n), j), s.load(keys, plus(times(row, n), j)));
  });
  const half = s.var(int(0));
  s.for(int(0), int(30), (level) => {
    const width = s.let(shiftLeft(int(1), level));
    s.if(less(width, n), () => {
      const from = s.let(plus(base, times(half, size)));
      const to = s.let(plus(base, times(other(half), size)));
      const runs = s.let(shiftRight(plus(n, minus(times(width, int(2)), int(1))), plus(level, int(1))));
      s.for(int(0), runs, (run) =>
        mergeRuns(work, scratch, { from, to, width, start: s.let(times(times(run, width), int(2))) }),
      );
      s.set(half, other(half));
    });
  });
  const sorted = s.let(plus(base, times(half, size)));
  s.for(int(0), count, (j) => s.store(order, plus(times(row, count), j), s.load(scratch, plus(sorted, j))));
}

interface Runs {
  readonly from: KernelExpr;
  readonly to: KernelExpr;
  readonly width: KernelExpr;
  readonly start: KernelExpr;
}

// Two neighbouring runs into one. The left one goes first on ties, which makes the sort stable. What would
// be read past a run's end is not used.
function mergeRuns({ sketch: s, n }: Work, scratch: string, { from, to, width, start }: Runs): void {
  const last = s.let(minus(n, int(1)));
  const middle = s.let(smaller(plus(start, width), n));
  const end = s.let(smaller(plus(middle, width), n));
  const keysFrom = s.let(plus(from, n));
  const keysTo = s.let(plus(to, n));
  const keyAt = (i: KernelExpr): KernelExpr => s.load(scratch, plus(keysFrom, smaller(i, last)));
  const [left, right] = [s.var(start), s.var(middle)];
  const [leftKey, rightKey] = [s.var(keyAt(start)), s.var(keyAt(middle))];
  s.for(start, end, (k) => {
    const isRight = s.let(and(less(right, end), or(binary('le', middle, left), less(rightKey, leftKey))));
    const taken = s.let(select(isRight, right, left));
    s.store(scratch, plus(to, k), s.load(scratch, plus(from, taken)));
    s.store(scratch, plus(keysTo, k), select(isRight, rightKey, leftKey));
    const next = s.let(plus(taken, int(1)));
    const key = s.let(keyAt(next));
    s.set(right, select(isRight, next, right));
    s.set(left, select(isRight, left, next));
    s.set(rightKey, select(isRight, key, rightKey));
    s.set(leftKey, select(isRight, leftKey, key));
  });
}
