// Names and literals of WGSL: types, locals that do not meet keywords, and constants written exactly.
import type { ScalarType, Width } from '../../ir/kernel.ts';
import { CompilerBug } from '../../support/diagnostic.ts';

/** A type in registers. */
export const typeName = (type: ScalarType, width: Width): string => (width === 4 ? vectorNames[type] : type);

const vectorNames = { f32: 'vec4f', i32: 'vec4i', u32: 'vec4u', bool: 'vec4<bool>' } as const;

const taken = new Set([
  'p',
  'step',
  'main',
  'wid',
  'lid',
  'nwg',
  'W',
  'L',
  'S',
  'T',
  'Z',
  'i',
  'let',
  'var',
  'fn',
  'if',
  'for',
  'loop',
  'select',
  'min',
  'max',
]);

/** A kernel's name for a local as a WGSL identifier. */
export function localName(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_]/g, '_');
  return taken.has(plain) || !/^[A-Za-z]/.test(plain) ? `n_${plain}` : plain;
}

/** Built-in values of the entry point: the kernel's name -> WGSL. */
export const builtIns: ReadonlyMap<string, string> = new Map([
  ...(['x', 'y', 'z'] as const).flatMap((axis) =>
    (['wid', 'lid', 'nwg'] as const).map((value) => [`%${value.charAt(0)}${axis}`, `i32(${value}.${axis})`] as const),
  ),
  ['%lx', 'L'],
]);

// The shortest decimal that reads back as the same f32. Numbers near the largest keep all digits,
// because a rounded-up decimal would not be representable.
function floatText(value: number): string {
  if (!Number.isFinite(value)) throw new CompilerBug(`WGSL cannot write the number ${value}`);
  const exact = Math.fround(value);
  if (!Number.isFinite(exact)) throw new CompilerBug(`${value} is not an f32`);
  if (Object.is(exact, -0)) return '-0f';
  for (let digits = 1; digits < 10 && Math.abs(exact) < 1e38; digits++) {
    const text = exact.toPrecision(digits);
    if (Math.fround(Number(text)) === exact) return `${trimmed(Number(text))}f`;
  }
  return `${trimmed(exact)}f`;
}

const trimmed = (value: number): string => String(value).replace('e+', 'e');

/** A scalar constant. */
export function constantText(type: ScalarType, value: number): string {
  switch (type) {
    case 'f32':
      return negative(floatText(value));
    case 'i32':
      return value === -2147483648 ? 'i32(-2147483647 - 1)' : negative(String(value));
    case 'u32':
      return `${value >>> 0}u`;
    case 'bool':
      return value === 0 ? 'false' : 'true';
  }
}

const negative = (text: string): string => (text.startsWith('-') ? `(${text})` : text);
