// Constructors of Kernel IR expressions. They fold integer constants and widen a scalar operand where
// the other is a vector, so that emitters need not care.
import type { DType } from '../../../ir/dtype.ts';
import type { BinaryOp, UnaryOp } from '../../../ir/expr.ts';
import type { KernelExpr, ScalarType, Width } from '../../../ir/kernel.ts';

/** The register type of a dtype. */
export const registerType = (dtype: DType): ScalarType => (dtype === 'f16' ? 'f32' : dtype);

/** A constant of `type`. */
export const literal = (type: ScalarType, value: number): KernelExpr => ({ kind: 'const', type, width: 1, value });

/** An i32 constant. */
export const int = (value: number): KernelExpr => literal('i32', value);

/** A local, loop variable or built-in by name. */
export const named = (name: string, type: ScalarType = 'i32', width: Width = 1): KernelExpr => ({
  kind: 'name',
  type,
  width,
  name,
});

/** True for what is free to repeat: constants, names and params. */
export const isLeaf = (x: KernelExpr): boolean => x.kind === 'const' || x.kind === 'name' || x.kind === 'param';

/** All four lanes = x; vectors pass through. */
export function splat(x: KernelExpr): KernelExpr {
  if (x.width === 4) return x;
  return x.kind === 'const' ? { ...x, width: 4 } : { kind: 'splat', type: x.type, width: 4, x };
}

/** `x` at the given width. */
export const widen = (x: KernelExpr, width: Width): KernelExpr => (width === 4 ? splat(x) : x);

/** Lane `at` of a vector; a scalar is its own lane. */
export function laneOf(x: KernelExpr, at: 0 | 1 | 2 | 3): KernelExpr {
  if (x.width === 1) return x;
  if (x.kind === 'vector') return x.lanes[at];
  if (x.kind === 'splat') return x.x;
  return x.kind === 'const' ? { ...x, width: 1 } : { kind: 'lane', type: x.type, width: 1, x, lane: at };
}

/** A vector from four scalars. */
export function vectorOf(lanes: readonly [KernelExpr, KernelExpr, KernelExpr, KernelExpr]): KernelExpr {
  return { kind: 'vector', type: lanes[0].type, width: 4, lanes };
}

/** The four lane numbers. */
export const laneNumbers = [0, 1, 2, 3] as const;

/** A vector whose lane `i` is `make(i)`. */
export const vectorFrom = (make: (lane: 0 | 1 | 2 | 3) => KernelExpr): KernelExpr =>
  vectorOf([make(0), make(1), make(2), make(3)]);

const comparisons: ReadonlySet<BinaryOp> = new Set(['lt', 'le', 'eq', 'ne']);

const commonWidth = (...operands: readonly KernelExpr[]): Width => (operands.some((x) => x.width === 4) ? 4 : 1);

/** `a op b`; comparisons give bool. */
export function binary(op: BinaryOp, a: KernelExpr, b: KernelExpr): KernelExpr {
  const width = commonWidth(a, b);
  const type = comparisons.has(op) ? 'bool' : a.type;
  return { kind: 'binary', type, width, op, a: widen(a, width), b: widen(b, width) };
}

/** `op x`. */
export const unary = (op: UnaryOp, x: KernelExpr): KernelExpr => ({
  kind: 'unary',
  type: x.type,
  width: x.width,
  op,
  x,
});

/** a·b + c. */
export function madd(a: KernelExpr, b: KernelExpr, c: KernelExpr): KernelExpr {
  const width = commonWidth(a, b, c);
  return { kind: 'madd', type: 'f32', width, a: widen(a, width), b: widen(b, width), c: widen(c, width) };
}

/** `cond ? then : otherwise`. */
export function select(cond: KernelExpr, then: KernelExpr, otherwise: KernelExpr): KernelExpr {
  const width = commonWidth(cond, then, otherwise);
  return {
    kind: 'select',
    type: then.type,
    width,
    cond: widen(cond, width),
    then: widen(then, width),
    otherwise: widen(otherwise, width),
  };
}

/** `x` converted to `type`. */
export function cast(type: ScalarType, x: KernelExpr): KernelExpr {
  return x.type === type ? x : { kind: 'cast', type, width: x.width, x };
}

const constantOf = (x: KernelExpr): number | undefined =>
  x.kind === 'const' && x.type === 'i32' ? x.value : undefined;

/** a + b on i32, folding constants. */
export function plus(a: KernelExpr, b: KernelExpr): KernelExpr {
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined && y !== undefined) return int(x + y);
  if (x === 0) return b;
  if (y === 0) return a;
  return binary('add', a, b);
}

/** a − b on i32, folding constants. */
export function minus(a: KernelExpr, b: KernelExpr): KernelExpr {
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined && y !== undefined) return int(x - y);
  return y === 0 ? a : binary('sub', a, b);
}

/** a · b on i32, folding constants. */
export function times(a: KernelExpr, b: KernelExpr): KernelExpr {
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined && y !== undefined) return int(x * y);
  if (x === 0 || y === 0) return int(0);
  if (x === 1) return b;
  if (y === 1) return a;
  return binary('mul', a, b);
}

/** ⌊a / b⌋ of numbers that are not negative. */
export function quotient(a: KernelExpr, b: KernelExpr): KernelExpr {
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined && y !== undefined) return int(Math.floor(x / y));
  return y === 1 ? a : binary('div', a, b);
}

/** a mod b of numbers that are not negative. */
export function remainder(a: KernelExpr, b: KernelExpr): KernelExpr {
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined && y !== undefined) return int(x % y);
  return y === 1 ? int(0) : binary('rem', a, b);
}

/** a < b. */
export const less = (a: KernelExpr, b: KernelExpr): KernelExpr => binary('lt', a, b);

/** Conjunction of conditions; undefined when there are none. */
export function all(conditions: readonly KernelExpr[]): KernelExpr | undefined {
  const [first, ...rest] = conditions;
  return first === undefined ? undefined : rest.reduce((a, b) => binary('and', a, b), first);
}
