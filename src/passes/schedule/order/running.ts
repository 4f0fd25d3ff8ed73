// What running reductions of both targets share: the operand as rows, its monoid, and the order of a run.
// With `starts` (one flag per element) a run begins anew where the flag is set.
import type { Dim } from '../../../ir/dim.ts';
import type { DType } from '../../../ir/dtype.ts';
import type { KernelExpr, Width } from '../../../ir/kernel.ts';
import type { NestFunction, OpaqueNest } from '../../../ir/nest.ts';
import { combineOf, runOf, type Run } from '../../../ir/ops/cumreduce.ts';
import { identity } from '../../../ir/ops/reduce.ts';
import { binary, int, literal, minus, plus, quotient, remainder, times, widen } from '../gpu/expressions.ts';
import type { KernelSketch } from '../sketch.ts';
import { bufferAt, dtypesOf, rowsOf, type Rows } from './rows.ts';

/** A running reduction of rows of `x` to rows of `out`. */
export interface Running extends Rows {
  readonly x: string;
  readonly out: string;
  readonly starts: string | undefined;
  readonly run: Run;
  /** The operand's dtype: a number, and f32 for halves. */
  readonly dtype: DType;
  readonly type: 'f32' | 'i32' | 'u32';
}

/** The running reduction that a nest asks for. */
export function runningOf(nest: OpaqueNest, scope: NestFunction): Running {
  const [x, out] = [bufferAt(nest.reads, 0), bufferAt(nest.writes, 0)];
  const run = runOf(nest.attrs);
  const dtype = dtypesOf(scope)(x);
  const type = dtype === 'i32' || dtype === 'u32' ? dtype : 'f32';
  return { x, out, starts: nest.reads[1], run, type, dtype, ...rowsOf(scope, x, run.axis) };
}

/** The value that changes nothing. */
export const nothing = ({ run, type, dtype }: Running, width: Width = 1): KernelExpr =>
  widen(literal(type, identity(run.kind, dtype)), width);

/** earlier ∘ later. */
export const combined = ({ run }: Running, earlier: KernelExpr, later: KernelExpr): KernelExpr =>
  binary(combineOf[run.kind], earlier, later);

/** Element `step` of a run over row [o, ·, i], counted in the direction of the run. */
export function elementAt(s: KernelSketch, running: Running, row: RowPlace, step: KernelExpr): KernelExpr {
  const n = s.param(running.n);
  const place = running.run.reverse ? minus(minus(n, int(1)), step) : step;
  return plus(row.start, times(place, s.param(running.inner)));
}

/** Where a row begins. */
export interface RowPlace {
  readonly start: KernelExpr;
}

/** Row number `row` of the outer · inner/width rows that lie `width` side by side. */
export function rowAt(s: KernelSketch, { n, inner }: Running, row: KernelExpr, groups: Dim, width: Width): RowPlace {
  const across = s.param(groups);
  const outer = times(quotient(row, across), times(s.param(n), s.param(inner)));
  return { start: s.let(plus(outer, times(remainder(row, across), int(width)))) };
}

/** One thread (or four lanes) runs along a row. */
export function runSerially(s: KernelSketch, running: Running, row: RowPlace, width: Width): void {
  const { x, out, starts, run } = running;
  const sofar = s.var(nothing(running, width));
  s.for(int(0), s.param(running.n), (step) => {
    const at = s.let(elementAt(s, running, row, step));
    if (starts !== undefined) s.if(s.load(starts, at), () => s.set(sofar, nothing(running)));
    const next = s.let(combined(running, sofar, s.load(x, at, width)));
    s.store(out, at, run.exclusive ? sofar : next);
    s.set(sofar, next);
  });
}
