// `test … forall` declarations: they pass and fail for the right values, shrink, and construct layers with weights.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check, runTests, type TestOptions, type TestReport } from '../../src/index.ts';
import { memoryHost } from '../elaborate/files.ts';
import { dlm } from '../cli/dlm.ts';

function report(text: string, options: TestOptions = {}): TestReport {
  const files = memoryHost({ 'main.dlm': text });
  expect(check(files, 'main.dlm').diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return runTests(files, 'main.dlm', options);
}

const messagesOf = ({ results }: TestReport): string[] =>
  results.flatMap(({ diagnostics }) => diagnostics.map(({ code, message }) => `${code} ${message}`));

describe('tests of programs', () => {
  test('pass for all values of their binds where these are few', () => {
    const { results, diagnostics } = report(`
fn double(x: [...s]) -> [...s] = 2.0 * x
test "no binds" { assert 1 + 1 == 2 }
test "doubles" forall n in 1..5, m in 2..4 {
  let x = normal([n, m])
  assert double(x) == x + x
  assert shape(double(x))[1] == m
}
`);
    expect(diagnostics).toEqual([]);
    expect(results.map(({ name, cases }) => [name, cases])).toEqual([
      ['no binds', 1],
      ['doubles', 8],
    ]);
    expect(results.flatMap((result) => result.diagnostics)).toEqual([]);
  });

  test('shrink to the smallest values that fail, and say them', () => {
    const found = report(
      `
test "small enough" forall n in 1..500, m in 1..500 {
  let x = f32(iota(n))
  assert sum(x * x) < 1000.0, "n is large"
  assert m >= 1
}
`,
      { seed: 3, runs: 40 },
    );
    const [result] = found.results;
    expect(messagesOf(found)).toEqual(['E0409 assertion failed: n is large']);
    expect(result?.counterexample).toEqual({ n: 15, m: 1 });
    expect(result?.diagnostics[0]?.notes.at(-1)).toBe('test "small enough", smallest case found: n = 15, m = 1');
    expect(result?.diagnostics[0]?.span?.source.name).toBe('main.dlm');
  });

  test('show both sides of a comparison where it fails first', () => {
    const found = report(`
test "below" forall n in 2..5 {
  let x = f32(iota(n))
  assert x * 0.5 < 1.0
}
test "above" { assert all(ones([2, 2]) > reshape(f32(iota(4)), [2, 2]) - 1.5), "too large" }
test "one" { assert sum(ones([3])) == 2.0 + 1.5 }
`);
    expect(found.results.map(({ diagnostics }) => diagnostics[0]?.notes[0])).toEqual([
      'at [2]: `x * 0.5` is 1, `1.0` is 1',
      'at [1, 1]: `reshape(f32(iota(4)), [2, 2]) - 1.5` is 1.5, `ones([2, 2])` is 1',
      '`sum(ones([3]))` is 3, `2.0 + 1.5` is 3.5',
    ]);
  });

  test('fail where a case does not type-check, and where a static assert is false', () => {
    const found = report(`
test "splits" forall n in 2..9 { let x = reshape(zeros([n]), [n / 2, 2]) }
test "static" forall n in 1..9 { assert n != 4 }
`);
    expect(found.results.map(({ counterexample }) => counterexample)).toEqual([{ n: 3 }, { n: 4 }]);
    expect(messagesOf(found)[0]).toMatch(/^E0304/);
    expect(messagesOf(found)[1]).toMatch(/^E0409/);
  });

  test('keep parameters of one name in several layers apart', () => {
    const found = report(`
import { Linear } from "std/nn"
layer Net() {
  let a = Linear(2, 16)
  let b = Linear(16, 2)
  let c = Linear(16, 2)
  fn forward(x: [n, 2]) -> [n, 2] = b(a(x)) - c(a(x))
}
test "apart" forall n in 1..3 {
  let y = Net()(ones([n, 2]))
  assert shape(y) == [n, 2]
  assert any(y != 0.0)
}
`);
    expect(messagesOf(found)).toEqual([]);
  });

  test('construct layers: instances have weights of their own, drawn from the seed', () => {
    const text = `import { Linear } from "std/nn"
test "own weights" {
  let (a, b) = (Linear(3, 2), Linear(3, 2))
  let x = ones([1, 3])
  assert any(a(x) != b(x)), "two instances share weights"
  assert a(x) == a(x)
  assert grad(fn (x: [1, 3]) => sum(a(x)), x) == reshape(sum(a.weight, axis=0), [1, 3])
}
`;
    expect(messagesOf(report(text))).toEqual([]);
    expect(messagesOf(report(text.replace('any(a(x) != b(x))', 'a(x) == b(x)')))).toEqual([
      'E0409 assertion failed: two instances share weights',
    ]);
  });

  test('refuse a range that is not known', () => {
    const files = memoryHost({ 'main.dlm': 'test "open" forall x in [1.5] { assert x > 0 }\n' });
    expect(runTests(files, 'main.dlm').diagnostics.map(({ code }) => code)).toEqual(['E0404']);
  });
});

describe('dlm test', () => {
  const example = 'examples/testing/causal-mean.dlm';

  test('runs the example, and finds the bug planted in it', async () => {
    const passed = await dlm(['test', example]);
    expect(passed.code, passed.stderr).toBe(0);
    expect(passed.stdout).toMatch(/^ok .*window is full \(64 cases\)\nok .*nothing \(56 cases\)\n$/);
    const planted = readFileSync(example, 'utf8').replace('j - k]', 'j - k + 1]');
    const { results } = runTests(memoryHost({ 'main.dlm': planted }), 'main.dlm');
    expect(results.map(({ counterexample }) => counterexample)).toEqual([
      { b: 1, t: 1, window: 1 },
      { b: 1, t: 2, window: 1 },
    ]);
  });

  test('says when there is nothing to run', async () => {
    const none = await dlm(['test', 'examples/iris']);
    expect(none.code).toBe(2);
    expect(none.stderr).toContain('no tests in');
  });
});
