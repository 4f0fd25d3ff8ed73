// Long reductions of few results in two stages: parts are reduced side by side into a temporary, then combined in
// order. Parts depend on dims only, so the bits do too.
import { add, asConstant, ceilDiv, mod, mul, product, sub, variable, zero, type Dim } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { Axis, Buffer, Nest } from '../../../ir/nest.ts';
import { mapStage, type ReduceStage } from '../flatten.ts';
import { identityOf } from './monoids.ts';

/** A nest in two, with the temporaries between them. */
export interface Split {
  readonly first: Nest;
  readonly second: Nest;
  readonly buffers: readonly Buffer[];
}

const partAxis = '%part';

// Position of a partial result: all outer points of one part lie together.
const partialIndex = (axes: readonly Axis[]): Dim =>
  [{ name: partAxis, extent: zero }, ...axes].reduce(
    (sum, axis, at) => add(sum, mul(variable(axis.name), product(axes.slice(at).map((a) => a.extent)))),
    zero,
  );

function guardedStage(stage: ReduceStage, axis: Axis, parts: Dim, chunk: Dim): ReduceStage {
  const position = add(mul(variable(partAxis), chunk), variable(axis.name));
  const moved = mapStage(stage, { axes: new Map([[axis.name, position]]) });
  const axes = stage.axes.map((a) => (a.name === axis.name ? { ...a, extent: chunk } : a));
  if (moved.kind !== 'reduce' || asConstant(mod(axis.extent, parts)) === 0) {
    return { ...stage, axes, args: moved.kind === 'reduce' ? moved.args : stage.args };
  }
  const inside = [{ kind: '>=0' as const, lhs: sub(sub(axis.extent, 1), position) }];
  const args = moved.args.map((then, part): Expr => ({
    kind: 'guard',
    dtype: then.dtype,
    conditions: inside,
    then,
    otherwise: { kind: 'const', dtype: then.dtype, value: identityOf(stage.monoid, then.dtype, part) },
  }));
  return { ...stage, axes, args };
}

// The longest axis; of equals the first, which alone keeps the order in which ties are decided.
function axisToSplit({ axes, monoid }: ReduceStage): Axis | undefined {
  if (monoid.arity > 1) return axes[0];
  const extent = ({ extent: d }: Axis): number => asConstant(d) ?? 0;
  return [...axes].sort((a, b) => extent(b) - extent(a))[0];
}

/** Splits an axis of the only reduction of a flat nest into at most `most` parts, none of them empty. */
export function splitReduction(nest: Nest, stage: ReduceStage, most: number): Split | undefined {
  const axis = axisToSplit(stage);
  const rest = nest.stages.filter((other) => other !== stage);
  const place = rest.find((other) => other.kind === 'store');
  if (!axis || place?.kind !== 'store' || rest.some((other) => other.kind === 'reduce')) return undefined;
  const chunk = ceilDiv(axis.extent, most);
  const parts = ceilDiv(axis.extent, chunk);
  if (asConstant(parts) === 1) return undefined;
  const buffers = stage.dtypes.map((dtype, part): Buffer => ({
    id: `${place.buffer}.partial${part}`,
    type: { dtype, shape: [mul(product(nest.axes.map((a) => a.extent)), parts)] },
  }));
  const index = partialIndex(nest.axes);
  const part: Axis = { name: partAxis, extent: parts };
  const first: Nest = {
    ...nest,
    name: `${nest.name}.parts`,
    axes: [part, ...nest.axes],
    stages: [
      guardedStage(stage, axis, parts, chunk),
      ...buffers.map((buffer, at) => ({
        kind: 'store' as const,
        axes: [],
        buffer: buffer.id,
        indices: [index],
        combine: 'set' as const,
        value: { kind: 'reduced' as const, dtype: buffer.type.dtype, stage: stage.id, part: at },
      })),
    ],
  };
  const args = buffers.map((buffer): Expr => ({
    kind: 'load',
    dtype: buffer.type.dtype,
    buffer: buffer.id,
    indices: [index],
  }));
  const second: Nest = { ...nest, stages: [{ ...stage, axes: [part], args }, ...rest] };
  return { first, second, buffers };
}
