// Stores that put back what is there become conditional; everything else stays as it is.
import { describe, expect, test } from 'vitest';
import { parseKernel, printKernel } from '../../src/ir/kernel-text.ts';
import { keepOwnElements } from '../../src/passes/plan/own-elements.ts';

const kernel = (body: string): string => `kernel @k cpu {
  buffer a f32 read
  buffer b f32 read_write
  param p
  workgroup 1, 1, 1;
  for i = name.i32(%begin) to name.i32(%end) step 1 {
${body}
  }
}`;
const run = (body: string): string =>
  printKernel(keepOwnElements(parseKernel(kernel(body))))
    .split('\n')
    .slice(6, -2)
    .map((line) => line.trim())
    .join('\n');
const same = (body: string): string =>
  printKernel(parseKernel(kernel(body)))
    .split('\n')
    .slice(6, -2)
    .map((line) => line.trim())
    .join('\n');

const cond = 'lt.bool(name.i32(i), param.i32(p))';

describe('keepOwnElements', () => {
  test('stores under the condition, and reads the new value there', () => {
    expect(
      run(`let new = load.f32(a, name.i32(i))
let old = load.f32(b, name.i32(i))
let v = select.f32(${cond}, name.f32(new), name.f32(old))
store b[name.i32(i)] = name.f32(v)`),
    ).toBe(`if ${cond} {
let new = load.f32(a, name.i32(i))
store b[name.i32(i)] = name.f32(new)
}`);
  });

  test('sees through a condition that all lanes share', () => {
    expect(
      run(
        `store b[name.i32(i)] = select.f32x4(splat.boolx4(${cond}), load.f32x4(a, name.i32(i)), load.f32x4(b, name.i32(i)))`,
      ),
    ).toBe(`if ${cond} {
store b[name.i32(i)] = load.f32x4(a, name.i32(i))
}`);
  });

  test('keeps names that others read', () => {
    const text = run(`let new = load.f32(a, name.i32(i))
let old = load.f32(b, name.i32(i))
store b[name.i32(i)] = select.f32(${cond}, name.f32(new), name.f32(old))
let more = add.f32(name.f32(new), name.f32(old))`);
    expect(text).toContain('let old = load.f32(b, name.i32(i))\nif');
    expect(text.match(/let new/g)).toHaveLength(1);
  });

  test.each([
    [
      'another element',
      `store b[name.i32(i)] = select.f32(${cond}, load.f32(a, name.i32(i)), load.f32(b, add.i32(name.i32(i), const.i32(1))))`,
    ],
    [
      'another buffer',
      `store b[name.i32(i)] = select.f32(${cond}, load.f32(b, name.i32(i)), load.f32(a, name.i32(i)))`,
    ],
    [
      'lanes that differ',
      'store b[name.i32(i)] = select.f32x4(le.boolx4(load.f32x4(a, name.i32(i)), load.f32x4(b, name.i32(i))), load.f32x4(a, name.i32(i)), load.f32x4(b, name.i32(i)))',
    ],
    [
      'a second store',
      `store b[name.i32(i)] = const.f32(1)
store b[name.i32(i)] = select.f32(${cond}, load.f32(a, name.i32(i)), load.f32(b, name.i32(i)))`,
    ],
    [
      'a condition that changes in between',
      `var n = const.i32(0)
let c = lt.bool(name.i32(n), param.i32(p))
let v = select.f32(lt.bool(name.i32(n), param.i32(p)), load.f32(a, name.i32(i)), load.f32(b, name.i32(i)))
set n = const.i32(9)
store b[name.i32(i)] = name.f32(v)`,
    ],
  ])('leaves %s', (_what, body) => {
    expect(run(body)).toBe(same(body));
  });
});
