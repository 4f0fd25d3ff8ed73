// The operands of a product, read in blocks of 4×4 (four k, four rows or columns) with vector loads along
// whichever side is contiguous, and turned in registers. Positions past an edge are clamped to the last one;
// what they give is masked along k and never stored. What depends on rows alone is computed once, outside
// the loops along k: patches of a convolution take their pixels apart once.
import { asConstant, constant, mod, sub, type Dim } from '../../../ir/dim.ts';
import { loadsIn, operands, walkExprs } from '../../../ir/expr-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import { exactInHalf, nearestHalf } from '../../../ir/half.ts';
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Axis } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import {
  binary,
  int,
  laneNumbers,
  laneOf,
  less,
  literal,
  named,
  plus,
  select,
  splat,
  vectorFrom,
} from './expressions.ts';
import { decode, loadsInLanes, points } from './loops.ts';
import type { Scope } from './scope.ts';
import type { KernelWriter } from './writer.ts';

type Along = 'k' | 'x' | 'neither';

/** One operand: its expression, its own axes (m or n), and the direction of its vector loads. */
export interface Side {
  readonly expr: Expr;
  readonly axes: readonly Axis[];
  readonly extent: Dim;
  readonly along: Along;
  /** Some of it is only there under a condition. */
  readonly guarded: boolean;
  /** Rows or columns of the tile divide the extent. */
  readonly exact: boolean;
}

// Memory of f16 can hold the values of an expression of f32.
function fitHalves(e: Expr): boolean {
  if (e.kind === 'const') return nearestHalf(e.value) === e.value;
  if (e.kind === 'cast') return e.dtype === 'f32' && e.x.kind === 'load' && e.x.dtype === 'f16';
  if (e.kind === 'select' || e.kind === 'guard') return fitHalves(e.then) && fitHalves(e.otherwise);
  return (e.kind === 'unary' || e.kind === 'binary') && exactInHalf.has(e.op) && operands(e).every(fitHalves);
}

/** Whether an expression of f32 is read from memory of f16, so that memory of f16 can hold it. */
export const isOfHalves = (e: Expr): boolean => fitHalves(e) && loadsIn([e]).some(({ dtype }) => dtype === 'f16');

/** The summed axes: those whose points are counted through in steps, and loops of one step each inside. */
export interface Depth {
  readonly writer: KernelWriter;
  readonly axes: readonly Axis[];
  readonly loops: readonly Axis[];
  readonly extent: Dim;
  /** The step divides the extent. */
  readonly exact: boolean;
}

/** Values of the loops of a {@link Depth} at one place. */
export type LoopValues = ReadonlyMap<string, KernelExpr>;

/** True when `extent` is a proved multiple of `step`. */
export const divides = (step: number, extent: Dim): boolean => asConstant(mod(extent, constant(step))) === 0;

/**
 * The depth of a product along `k` in steps of `step`. Of several axes one that `step` divides is counted through
 * and the others are loops, so that no position along k is taken apart; where there is none, all are counted as one.
 */
export function depthOf(writer: KernelWriter, k: readonly Axis[], exprs: readonly Expr[], step: number): Depth {
  const whole = k.length > 1 ? k.filter((axis) => divides(step, axis.extent)) : [];
  const counted =
    whole.find((axis) => axis === k.at(-1) && exprs.some((e) => loadsInLanes(writer, [e], axis))) ?? whole[0];
  const axes = counted ? [counted] : k;
  const extent = points(axes);
  return { writer, axes, loops: k.filter((axis) => !axes.includes(axis)), extent, exact: divides(step, extent) };
}

/** An operand of a product whose tile covers `step` of its rows or columns. */
export function sideOf(expr: Expr, axes: readonly Axis[], depth: Depth, step: number): Side {
  const { writer } = depth;
  const extent = points(axes);
  const along: Along = loadsInLanes(writer, [expr], axes.at(-1))
    ? 'x'
    : loadsInLanes(writer, [expr], depth.axes.at(-1))
      ? 'k'
      : 'neither';
  let guarded = false;
  walkExprs([expr], (e) => (guarded ||= e.kind === 'guard'));
  return { expr, axes, extent, along, guarded, exact: divides(step, extent) };
}

/** min(position, extent − width), unless positions cannot pass the edge. */
const clamp = (writer: KernelWriter, position: KernelExpr, extent: Dim, width: number, exact: boolean): KernelExpr =>
  exact ? position : binary('min', position, writer.param(sub(extent, width)));

/** The place of one row (or column) `x`, inside its operand. */
export function rowAt(scope: Scope, side: Side, x: KernelExpr): Scope {
  const { writer, into } = scope;
  const inside = writer.bind(into, clamp(writer, x, side.extent, 1, side.exact));
  return scope.child({ axes: decode(writer, into, side.axes, inside) });
}

/** The places of rows x … x+3: one place four lanes wide, or four. */
export function rowsAt(scope: Scope, side: Side, x: KernelExpr): readonly Scope[] {
  if (side.along !== 'x') return laneNumbers.map((lane) => rowAt(scope, side, plus(x, int(lane))));
  const { writer, into } = scope;
  const first = writer.bind(into, clamp(writer, x, side.extent, 4, side.exact));
  const vector = side.axes.at(-1)?.name ?? '';
  return [scope.child({ axes: decode(writer, into, side.axes, first), vector })];
}

const inLoops = (rows: readonly Scope[], block: Statement[], loops: LoopValues): readonly Scope[] =>
  loops.size === 0 ? rows : rows.map((row) => row.child({ axes: loops }, block));

/** k … k+3 of each row, as vectors along k; past the end of k its last. */
export function loadAlong(
  depth: Depth,
  side: Side,
  rows: readonly Scope[],
  block: Statement[],
  k: KernelExpr,
  loops: LoopValues,
): KernelExpr[] {
  const { writer } = depth;
  const places = inLoops(rows, block, loops);
  const at = (step: number, width: number): Map<string, KernelExpr> =>
    decode(
      writer,
      block,
      depth.axes,
      writer.bind(block, clamp(writer, plus(k, int(step)), depth.extent, width, depth.exact)),
    );
  if (side.along === 'k') {
    const axes = at(0, 4);
    const vector = depth.axes.at(-1)?.name ?? '';
    return places.map((place) => splat(writer.bind(block, place.child({ axes, vector }, block).emit(side.expr))));
  }
  const steps = laneNumbers.map((step) => at(step, 1));
  return places.map((place) =>
    vectorFrom((lane) => writer.bind(block, place.child({ axes: steps[lane] ?? new Map() }, block).emit(side.expr))),
  );
}

// Zero past the end of k.
function masked({ writer, extent, exact }: Depth, block: Statement[], line: KernelExpr, k: KernelExpr): KernelExpr {
  return exact ? line : writer.bind(block, select(less(k, writer.param(extent)), line, splat(literal('f32', 0))));
}

// One k of four rows, as one vector.
function loadLine(depth: Depth, side: Side, places: readonly Scope[], block: Statement[], k: KernelExpr): KernelExpr {
  const { writer } = depth;
  const axes = decode(writer, block, depth.axes, writer.bind(block, clamp(writer, k, depth.extent, 1, depth.exact)));
  const values = places.map((place) => writer.bind(block, place.child({ axes }, block).emit(side.expr)));
  const [value] = values;
  if (!value) throw new CompilerBug('a block without rows');
  return masked(depth, block, values.length === 1 ? splat(value) : vectorFrom((lane) => values[lane] ?? value), k);
}

/** The 4×4 block at (rows, k): one vector along the rows for each of four k, zero past the end of k. */
export function loadBlock(
  depth: Depth,
  side: Side,
  rows: readonly Scope[],
  block: Statement[],
  k: KernelExpr,
  loops: LoopValues,
): KernelExpr[] {
  if (side.along === 'k') {
    const lines = loadAlong(depth, side, rows, block, k, loops);
    return laneNumbers.map((at) =>
      masked(
        depth,
        block,
        vectorFrom((i) => laneOf(lines[i] ?? splat(literal('f32', 0)), at)),
        plus(k, int(at)),
      ),
    );
  }
  const places = inLoops(rows, block, loops);
  return laneNumbers.map((step) => loadLine(depth, side, places, block, plus(k, int(step))));
}

/**
 * What {@link loadBlock} gives, one k after the other: `use` takes the vector of each. Elements that lie apart or
 * behind conditions are read in a loop, which is a quarter of the text.
 */
export function forLines(
  depth: Depth,
  side: Side,
  rows: readonly Scope[],
  into: Statement[],
  k: KernelExpr,
  loops: LoopValues,
  use: (block: Statement[], step: KernelExpr, line: KernelExpr) => void,
): void {
  if (side.along === 'k' || (side.along === 'x' && !side.guarded)) {
    loadBlock(depth, side, rows, into, k, loops).forEach((line, step) => use(into, int(step), line));
    return;
  }
  const places = inLoops(rows, into, loops);
  const name = depth.writer.fresh('k');
  const body: Statement[] = [];
  const at = depth.writer.bind(body, plus(k, named(name)));
  use(body, named(name), loadLine(depth, side, places, body, at));
  into.push({ kind: 'for', name, from: int(0), to: int(4), step: 1, body });
}

/** for k in from … extent by `step` { for the other summed axes { body } } */
export function forDepth(
  depth: Depth,
  into: Statement[],
  from: KernelExpr,
  step: number,
  body: (block: Statement[], k: KernelExpr, loops: LoopValues) => void,
): void {
  const { writer } = depth;
  const name = writer.fresh('k');
  const values = new Map<string, KernelExpr>();
  const loopOver = ([axis, ...rest]: readonly Axis[]): Statement[] => {
    const block: Statement[] = [];
    if (!axis) {
      body(block, named(name), values);
      return block;
    }
    const inner = writer.fresh('i');
    values.set(axis.name, named(inner));
    block.push({
      kind: 'for',
      name: inner,
      from: int(0),
      to: writer.param(axis.extent),
      step: 1,
      body: loopOver(rest),
    });
    return block;
  };
  into.push({ kind: 'for', name, from, to: writer.param(depth.extent), step, body: loopOver(depth.loops) });
}
