// inverse_order on both targets: rows are filled with −1 where the order leaves numbers out, then every
// position writes itself where it points.
import { mul, sameDim } from '../../../ir/dim.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import { binary, int, less, plus, quotient, remainder, times } from '../gpu/expressions.ts';
import { KernelSketch, sketchedAll, type ScheduleOpaque } from '../sketch.ts';
import { and, bufferAt, dtypesOf, rowsOf, type Rows } from './rows.ts';

interface Work {
  readonly order: string;
  readonly rank: string;
  readonly from: Rows;
  readonly to: Rows;
}

const workOf = (nest: Parameters<ScheduleOpaque>[0], scope: Parameters<ScheduleOpaque>[1]): Work => {
  const [order, rank] = [bufferAt(nest.reads, 0), bufferAt(nest.writes, 0)];
  const axis = Number(nest.attrs['axis']);
  return { order, rank, from: rowsOf(scope, order, axis), to: rowsOf(scope, rank, axis) };
};

// Element e of a block [count, inner] of the order, whose rank starts at `base`.
function point(
  s: KernelSketch,
  { order, rank, from, to }: Work,
  e: KernelExpr,
  at: KernelExpr,
  base: KernelExpr,
): void {
  const inner = s.param(from.inner);
  const named = s.let(s.load(order, e));
  const isInside = and(binary('le', int(0), named), less(named, s.param(to.n)));
  s.if(isInside, () => s.store(rank, plus(base, plus(times(named, inner), remainder(at, inner))), quotient(at, inner)));
}

/** Schedules inverse_order for the CPU. */
export const inverseOrderOnCpu: ScheduleOpaque = (nest, scope) => {
  const work = workOf(nest, scope);
  const { from, to, rank } = work;
  const s = new KernelSketch('cpu', dtypesOf(scope));
  const [read, written] = [s.param(mul(from.n, from.inner)), s.param(mul(to.n, to.inner))];
  const kernel = s.overShare(from.outer, 'inverse_order', nest.origin, (row) => {
    const base = s.let(times(row, written));
    if (!sameDim(from.n, to.n)) s.for(int(0), written, (e) => s.store(rank, plus(base, e), int(-1)));
    s.for(int(0), read, (e) => point(s, work, plus(times(row, read), e), e, base));
  });
  return sketchedAll([kernel]);
};

/** Schedules inverse_order for the GPU. */
export const inverseOrderOnGpu: ScheduleOpaque = (nest, scope) => {
  const work = workOf(nest, scope);
  const { from, to, rank } = work;
  const fill = new KernelSketch('gpu', dtypesOf(scope));
  const filled = fill.perThread(mul(to.outer, mul(to.n, to.inner)), 'fill_order', nest.origin, (e) =>
    fill.store(rank, e, int(-1)),
  );
  const s = new KernelSketch('gpu', dtypesOf(scope));
  const [read, written] = [s.param(mul(from.n, from.inner)), s.param(mul(to.n, to.inner))];
  const inverse = s.perThread(mul(from.outer, mul(from.n, from.inner)), 'inverse_order', nest.origin, (e) => {
    const row = s.let(quotient(e, read));
    point(s, work, e, s.let(remainder(e, read)), s.let(times(row, written)));
  });
  return sketchedAll(sameDim(from.n, to.n) ? [inverse] : [filled, inverse]);
};
