// Scatter stores drop loaded positions outside the buffer. Here that becomes plain arithmetic: the
// position is clamped, and the value out there is one that changes nothing.
import { sub, type Dim } from '../../../ir/dim.ts';
import type { BinaryOp, Expr, Index } from '../../../ir/expr.ts';
import type { Nest, NestFunction, Stage } from '../../../ir/nest.ts';

type StoreStage = Extract<Stage, { kind: 'store' }>;

const position = (dim: Dim): Expr => ({ kind: 'index', dtype: 'i32', dim });
const binary = (op: BinaryOp, a: Expr, b: Expr): Expr => ({
  kind: 'binary',
  dtype: op === 'le' || op === 'and' ? 'bool' : 'i32',
  op,
  a,
  b,
});
const zero: Expr = { kind: 'const', dtype: 'i32', value: 0 };

/** The nest with every dynamic store made safe. */
export function clampScatters(nest: Nest, scope: NestFunction): Nest {
  const shapes = new Map(scope.buffers.map(({ id, type }) => [id, type.shape]));
  const stages = nest.stages.map((stage) =>
    stage.kind === 'store' && stage.indices.some((index) => 'kind' in index)
      ? clampStore(stage, shapes.get(stage.buffer) ?? [])
      : stage,
  );
  return { ...nest, stages };
}

function clampStore(stage: StoreStage, shape: readonly Dim[]): StoreStage {
  const inside: Expr[] = [];
  const indices = stage.indices.map((index, axis): Index => {
    const extent = shape[axis];
    if (!('kind' in index) || !extent) return index;
    const last = position(sub(extent, 1));
    const at: Expr = index.expr.dtype === 'i32' ? index.expr : { kind: 'cast', dtype: 'i32', x: index.expr };
    inside.push(binary('le', zero, at), binary('le', at, last));
    return { kind: 'dynamic', expr: binary('min', binary('max', at, zero), last) };
  });
  const cond = inside.reduce((a, b) => binary('and', a, b));
  const { dtype } = stage.value;
  const before: Expr = { kind: 'load', dtype, buffer: stage.buffer, indices };
  const nothing: Expr = stage.combine === 'add' ? { kind: 'const', dtype, value: 0 } : before;
  return { ...stage, indices, value: { kind: 'select', dtype, cond, then: stage.value, otherwise: nothing } };
}
