// Sizes of random programs: integer expressions with their text and their value, by plain arithmetic. Nothing
// here knows the dim solver, so that what it proves and infers can be held against this.

type Operator = '+' | '-' | '*' | 'floor_div' | 'min' | 'max';

/** An integer expression over names. */
export type Size = number | string | { readonly op: Operator; readonly a: Size; readonly b: Size };

/** Values of names. */
export type Environment = Readonly<Record<string, number>>;

/** The value of a size. */
export function valueOf(size: Size, env: Environment): number {
  if (typeof size === 'number') return size;
  if (typeof size === 'string') return env[size] ?? NaN;
  const [a, b] = [valueOf(size.a, env), valueOf(size.b, env)];
  switch (size.op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case 'floor_div':
      return Math.floor(a / b);
    case 'min':
      return Math.min(a, b);
    case 'max':
      return Math.max(a, b);
  }
}

/** A size as a program writes it. */
export function textOf(size: Size, level = 0): string {
  if (typeof size !== 'object') return String(size);
  if (size.op === 'floor_div' || size.op === 'min' || size.op === 'max')
    return `${size.op}(${textOf(size.a)}, ${textOf(size.b)})`;
  const own = size.op === '*' ? 2 : 1;
  const text = `${textOf(size.a, own)} ${size.op} ${textOf(size.b, own + (size.op === '-' ? 1 : 0))}`;
  return own < level ? `(${text})` : text;
}

/** A size with names replaced. */
export function replaceNames(size: Size, by: Readonly<Record<string, Size>>): Size {
  if (typeof size === 'number') return size;
  if (typeof size === 'string') return by[size] ?? size;
  return combine(size.op, replaceNames(size.a, by), replaceNames(size.b, by));
}

/** An expression; constants are folded. */
export function combine(op: Operator, a: Size, b: Size): Size {
  if (typeof a === 'number' && typeof b === 'number') return valueOf({ op, a, b }, {});
  if ((op === '+' && a === 0) || (op === '*' && a === 1)) return b;
  if (((op === '+' || op === '-') && b === 0) || ((op === '*' || op === 'floor_div') && b === 1)) return a;
  return { op, a, b };
}

const names = ['b', 't', 'n', 'p', 'q', 'r'];

// Far apart, in several orders, odd and even: sizes that agree on all of these are taken to be the same.
const samples: readonly Environment[] = [
  [1, 1, 1, 1, 1, 1],
  [2, 3, 5, 7, 11, 13],
  [101, 211, 307, 401, 503, 601],
  [97, 64, 83, 120, 71, 55],
  [90, 85, 32, 18, 40, 77],
  [41, 58, 21, 36, 29, 62],
].map((values) => Object.fromEntries(names.map((name, at) => [name, values[at] ?? 1])));

/** Equal for sizes that are always equal. */
export const keyOf = (size: Size): string => samples.map((env) => valueOf(size, env)).join();

/** The smallest value of a size that grows with every name. */
export const leastOf = (size: Size): number => valueOf(size, samples[0] ?? {});
