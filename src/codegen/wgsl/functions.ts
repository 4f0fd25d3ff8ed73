// Small WGSL functions for what the language leaves open: integer division by zero and saturating casts.
import type { ScalarType, Width } from '../../ir/kernel.ts';
import { typeName } from './names.ts';

/** A function that a kernel may need, by name. */
export interface SupportFunction {
  readonly name: string;
  readonly text: string;
}

const suffix = (width: Width): string => (width === 4 ? '_4' : '');

/** f32 → i32 or u32: toward zero, clamped to the range, NaN to 0. */
export function saturatingCast(to: 'i32' | 'u32', width: Width): SupportFunction {
  const [from, target, bits] = [typeName('f32', width), typeName(to, width), typeName('u32', width)];
  const [low, high, limit, top] =
    to === 'i32'
      ? ['-2147483648.0', '2147483520.0', '2147483648.0', '2147483647']
      : ['0.0', '4294967040.0', '4294967296.0', '4294967295u'];
  const name = `to_${to}${suffix(width)}`;
  const text = `fn ${name}(x: ${from}) -> ${target} {
  let near = ${target}(clamp(x, ${from}(${low}), ${from}(${high})));
  let number = (bitcast<${bits}>(x) & ${bits}(0x7fffffffu)) <= ${bits}(0x7f800000u);
  return select(${target}(0), select(near, ${target}(${top}), x >= ${from}(${limit})), number);
}`;
  return { name, text };
}

/** Integer division and remainder: x / 0 = 0, x % 0 = 0, MIN / −1 = MIN, MIN % −1 = 0. */
export function integerDivision(
  op: 'div' | 'rem',
  type: Exclude<ScalarType, 'f32' | 'bool'>,
  width: Width,
): SupportFunction {
  const name = `${op}_${type}${suffix(width)}`;
  const t = typeName(type, width);
  const overflow = type === 'i32' ? ` | ((a == ${t}(-2147483647 - 1)) & (b == ${t}(-1)))` : '';
  const body = [
    `  let by_zero = b == ${t}(0);`,
    `  let safe = select(b, ${t}(1), by_zero${overflow});`,
    `  return select(a ${op === 'div' ? '/' : '%'} safe, ${t}(0), by_zero);`,
  ];
  return { name, text: `fn ${name}(a: ${t}, b: ${t}) -> ${t} {\n${body.join('\n')}\n}` };
}
