// Checks that the shape rules of ops share; each failure is a ShapeError that says what does not agree.
import { sameDim, type Dim, type DimLike, dim as toDim } from '../dim.ts';
import type { Facts } from '../dim-solver.ts';
import { isFloat, isInteger, type DType } from '../dtype.ts';
import type { TensorType } from '../graph.ts';
import { ShapeError } from '../op.ts';

/** The text of a shape: `[b, 784]`. */
export const shapeText = (shape: readonly Dim[]): string => `[${shape.map((d) => d.key).join(', ')}]`;

/** The text of a type: `f32[b, 784]`. */
export const typeText = (type: TensorType): string => `${type.dtype}${shapeText(type.shape)}`;

/** Operand `at` of a node. @throws ShapeError where it is missing */
export function operand(inputs: readonly TensorType[], at: number): TensorType {
  const type = inputs[at];
  if (!type) throw new ShapeError('rank', `needs ${at + 1} operands, got ${inputs.length}`);
  return type;
}

/** Exactly `count` operands. @throws ShapeError */
export function arity(inputs: readonly TensorType[], count: number): void {
  if (inputs.length !== count) throw new ShapeError('rank', `needs ${count} operands, got ${inputs.length}`);
}

/** The extent of `axis`. @throws ShapeError where there is no such axis */
export function extent(type: TensorType, axis: number): Dim {
  const d = type.shape[axis];
  if (!d) throw new ShapeError('attribute', `${typeText(type)} has no axis ${axis}`);
  return d;
}

/** Requires a = b. @throws ShapeError 'shape' where refuted, 'unknown' where neither way is proved */
export function requireEqual(facts: Facts, a: Dim, b: Dim, what: string): void {
  if (sameDim(a, b)) return;
  const answer = facts.equal(a, b);
  if (answer === 'proved') return;
  if (answer === 'refuted') throw new ShapeError('shape', `${what}: ${a.key} is not ${b.key}`, [a, b]);
  throw new ShapeError('unknown', `${what}: cannot prove that ${a.key} = ${b.key}`, [a, b]);
}

/** Requires a ≤ b. @throws ShapeError 'bounds' where refuted, 'unknown' where neither way is proved */
export function requireLessEqual(facts: Facts, a: DimLike, b: DimLike, what: string): void {
  const [x, y] = [toDim(a), toDim(b)];
  const answer = sameDim(x, y) ? 'proved' : facts.lessEqual(x, y);
  if (answer === 'proved') return;
  if (answer === 'refuted') throw new ShapeError('bounds', `${what}: ${x.key} ≤ ${y.key} does not hold`, [x, y]);
  throw new ShapeError('unknown', `${what}: cannot prove that ${x.key} ≤ ${y.key}`, [x, y]);
}

/** Requires equal shapes. @throws ShapeError */
export function requireSameShape(facts: Facts, a: TensorType, b: TensorType): void {
  if (a.shape.length !== b.shape.length) {
    throw new ShapeError('rank', `operands have shapes ${shapeText(a.shape)} and ${shapeText(b.shape)}`);
  }
  a.shape.forEach((d, axis) => {
    requireEqual(facts, d, extent(b, axis), `axis ${axis} of ${shapeText(a.shape)} and ${shapeText(b.shape)}`);
  });
}

/** Requires equal dtypes. @throws ShapeError */
export function requireSameDType(a: TensorType, b: TensorType): void {
  if (a.dtype !== b.dtype) throw new ShapeError('dtype', `operands have dtypes ${a.dtype} and ${b.dtype}`);
}

/** Kinds of dtypes that ops accept. */
export type DTypeClass = 'float' | 'number' | 'integer' | 'logical' | 'any';

const accepts: Readonly<Record<DTypeClass, (dtype: DType) => boolean>> = {
  float: isFloat,
  number: (dtype) => dtype !== 'bool',
  integer: isInteger,
  logical: (dtype) => dtype === 'bool' || isInteger(dtype),
  any: () => true,
};

const classText: Readonly<Record<DTypeClass, string>> = {
  float: 'a float (f32, f16)',
  number: 'a number (not bool)',
  integer: 'an integer (i32, u32)',
  logical: 'bool or an integer',
  any: 'any dtype',
};

/** Requires a dtype of the class. @throws ShapeError */
export function requireClass(type: TensorType, wanted: DTypeClass): void {
  if (!accepts[wanted](type.dtype)) throw new ShapeError('dtype', `needs ${classText[wanted]}, got ${type.dtype}`);
}

/** Requires this dtype. @throws ShapeError */
export function requireDType(type: TensorType, dtype: DType, what: string): void {
  if (type.dtype !== dtype) throw new ShapeError('dtype', `${what} must be ${dtype}, got ${type.dtype}`);
}

/** Requires a list of different axes of `type`. @throws ShapeError */
export function requireAxes(type: TensorType, axes: readonly number[]): void {
  axes.forEach((axis) => extent(type, axis));
  if (new Set(axes).size !== axes.length) throw new ShapeError('attribute', `axes [${axes.join(', ')}] repeat`);
}

/** The axes 0 … rank − 1 that are not in `taken`, in order. */
export const axesWithout = (rank: number, taken: readonly number[]): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !taken.includes(axis));
