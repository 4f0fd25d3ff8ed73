// Lists whose items advance from turn to turn are printed as loops that say the same.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lines, list, text } from '../../src/codegen/host/js.ts';
import { repeat } from '../../src/runtime/repeat.ts';

const evaluate = (code: string, t = 0): unknown =>
  // oxlint-disable-next-line typescript/no-implied-eval
  (new Function('repeat', 't', `return ${code};`) as (...given: unknown[]) => unknown)(repeat, t);

const both = (items: readonly string[]): void => {
  const plain = evaluate(`[${items.join(', ')}]`, 7);
  expect(evaluate(list(items), 7)).toEqual(plain);
  expect(evaluate(lines(items, ''), 7)).toEqual(plain);
};

describe('lists that repeat', () => {
  const layers = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => [
      text(`h.${i}.weight`),
      `[${30 - 2 * i}, 3072 * t, ${i} - t, 1e-5]`,
    ]).flat();

  test('are loops', () => {
    expect(list(['0', ...layers(12), 't'])).toBe(
      '[0, ...repeat(12, (i) => [`h.${i}.weight`, [30 - 2 * i, 3072 * t, (i) - t, 1e-5]]), t]',
    );
    both(['0', ...layers(12), 't']);
  });

  test('leave names of dims alone', () => {
    const items = Array.from({ length: 40 }, (_, at) => `[i, i_, ${at}]`);
    expect(list(items)).toBe('[...repeat(40, (i__) => [[i, i_, i__]])]');
  });

  test('that are short, or that say something else, stay as they are', () => {
    for (const items of [['1', '2', '3'], layers(2), ['0.1', '0.2', '0.3'], Array.from('abcdefgh', text)])
      expect(list(items)).toBe(`[${items.join(', ')}]`);
    const quoted = Array.from({ length: 20 }, (_, at) => text(`it's \${${at}} \`${at}\``));
    expect(list(quoted)).not.toContain('repeat');
    both(quoted);
  });

  test('say the same, whatever advances', () => {
    const item = fc.tuple(
      fc.constantFrom('#', '[#, #]', "'a#.b'", "['c.#', # * t, t - #]", 't', '[1e-#, 0.#, t]', "'it\\'s #'", '-#'),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: -4, max: 4 }),
    );
    const part = fc.tuple(fc.array(item, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
        const items = parts.flatMap(([turn, count]) =>
          Array.from({ length: count }, (_, i) =>
            turn.map(([code, first, step]) => code.replaceAll('#', String(Math.max(0, first + step * i)))),
          ).flat(),
        );
        both(items);
      }),
    );
  });
});
