// What the random ops ask of their keys.
import type { TensorType } from '../graph.ts';
import { ShapeError } from '../op.ts';
import { typeText } from './shapes.ts';

/** Requires rank 0. @throws ShapeError */
export function requireScalar(type: TensorType, what: string): void {
  if (type.shape.length !== 0) throw new ShapeError('rank', `${what} must be a scalar, got ${typeText(type)}`);
}
