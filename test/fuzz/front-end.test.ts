// The front end on anything: mutated programs, words in any order, bytes; 1,500 inputs, 100,000 under `npm run fuzz`.
// Then inputs made to exhaust it: nesting, length, cycles, growth.
import fc from 'fast-check';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { checkFiles, faults } from './check-input.ts';
import { hardPrograms, many } from './hard-programs.ts';
import { inputs, programs } from './mutate.ts';

// `npm run fuzz` sets 20.
const factor = process.env['DLM_FUZZ'];
const runs = factor === undefined ? 1_500 : 5_000 * Number(factor);

// The first programs also pay for compiling the compiler.
beforeAll(() => {
  for (const text of programs.slice(0, 30)) checkFiles({ 'main.dlm': text });
});

test('whatever it reads, the front end answers, soon, and with places', { timeout: 3_600_000 }, () => {
  fc.assert(
    fc.property(inputs, (text) => {
      expect(faults({ 'main.dlm': text })).toEqual([]);
    }),
    { numRuns: runs },
  );
});

test('the programs that the inputs come from are many, and most of them are right', () => {
  expect(programs.length).toBeGreaterThan(100);
  const right = programs.filter((text) =>
    checkFiles({ 'main.dlm': text }).every(({ severity }) => severity !== 'error'),
  );
  expect(right.length).toBeGreaterThan(programs.length / 4);
});

describe('made to exhaust it', () => {
  it.each(Object.entries(hardPrograms))('%s', (_name, input) => {
    expect(faults(typeof input === 'string' ? { 'main.dlm': input } : input)).toEqual([]);
  });

  it('errors after much text are still at their line', () => {
    const text = `${many(10_000, (i) => `const a${i} = ${i}`)}\r\nconst wrong = nowhere\r\n`;
    const [found] = checkFiles({ 'main.dlm': text });
    expect(found).toMatchObject({ code: 'E0202', span: { start: text.indexOf('nowhere') } });
  });
});

test('faults are found', () => {
  expect(faults({})).toEqual([]);
  let sum = 0;
  const slow = {
    get 'main.dlm'(): string {
      const until = process.cpuUsage().user + 150_000;
      while (process.cpuUsage().user < until) for (let i = 0; i < 1e6; i++) sum += i;
      return sum < 0 ? 'const' : '';
    },
  };
  expect(faults(slow, 100)).toEqual([expect.stringMatching(/^took \d+ ms$/)]);
  const broken = {
    get 'main.dlm'(): string {
      throw new RangeError('planted');
    },
  };
  expect(faults(broken)).toEqual([expect.stringContaining('planted')]);
});
