// The intermediate values that a traced entry point gives: those that a call computes, by path, and no others.
import { expect, test } from 'vitest';
import { elaborate } from '../../src/elaborate/elaborate.ts';
import { memoryHost } from './files.ts';

function traced(text: string): readonly string[] {
  const { module, diagnostics } = elaborate(memoryHost({ 'main.dlm': text }), 'main.dlm', { modes: ['trace'] });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const fn = module.functions.find(({ name }) => name === 'M.forward.trace');
  return (fn?.results ?? []).flatMap(({ name }) => (name.startsWith('trace:') ? [name.slice(6)] : []));
}

test('values inside of loops and of abandoned attempts take no place and no number', () => {
  const text = `
fn rows(x: [k, n], w: [n, n]) -> [k, n] = for i < k => {
  let h = x[i] @ w
  tanh(h)
}
export model M() {
  param w: [4, 4] = ones()
  fn twice(x: [b, 4]) -> [b, 4] {
    let h = x + x
    h * h
  }
  export fn forward(x: [b, 4]) -> [b, 4] {
    let h = for i < b => { let h = x[i] @ w
      let (a, c) = (h + h, h * h)
      a + c }
    let g = for i < b, j < 4 => { let h = x[i, j]
      h * 2.0 }
    let s = fold h = zeros([4]) over v in x => { let h = h + v
      h }
    let h = twice(rows(h, w)) + g + s
    h * 3.0
  }
}
`;
  expect(traced(text)).toEqual(['h', 'g', 's', 'rows', 'twice.h', 'twice', 'h#2']);
});

test('what is called again is numbered', () => {
  const text = `
export model M() {
  fn twice(x: [n]) -> [n] {
    let h = x + x
    h * h
  }
  export fn forward(x: [n]) -> [n] = twice(twice(x))
}
`;
  expect(traced(text)).toEqual(['twice.h', 'twice', 'twice.h#2', 'twice#2']);
});
