// What gradient rules share: picking operands, and broadcasting a reduced value back.
import type { Builder } from '../builder.ts';
import type { Value } from '../graph.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { axesWithout } from './shapes.ts';

/** The value at a position that `infer` has made sure of. */
export function inputAt(values: readonly Value[], at: number): Value {
  const value = values[at];
  if (!value) throw new CompilerBug(`value ${at} of ${values.length} is missing`);
  return value;
}

/** `x` without the reduced `axes`, repeated along them to the shape of `like`. */
export const broadcastBack = (b: Builder, x: Value, axes: readonly number[], like: Value): Value =>
  axes.length === 0 ? x : b.broadcast(x, axesWithout(like.type.shape.length, axes), like.type.shape);
