// Property tests of causal-mean.dlm from JavaScript: `node --test examples/testing`. Needs dlm and fast-check.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { check } from 'dlm';
import { checkTypes, dimsArbitrary, entryOf, inputsArbitrary, run, shapeOf } from 'dlm/testing';
import fc from 'fast-check';

const source = readFileSync(new URL('./causal-mean.dlm', import.meta.url), 'utf8');

/** The entry `forward` of a program given as text. */
function forwardOf(text) {
  const { module, diagnostics } = check({ read: () => text, resolve: (_, path) => path }, 'causal-mean.dlm');
  assert.ok(module, diagnostics.map(({ message }) => message).join('\n'));
  return entryOf(module, 'CausalMean.forward');
}

/** Outputs up to step `t` do not change when later inputs do. */
const isCausal = (forward) =>
  fc.property(inputsArbitrary(forward, { limits: { b: 3, t: [2, 9] } }), ({ dims: { t }, inputs: { x } }) => {
    const isPast = (_, at) => at % t < t - 1;
    const changed = { ...x, data: x.data.map((value, at) => (isPast(value, at) ? value : value + 1)) };
    const [before, after] = [x, changed].map((input) => run(forward, { x: input }).result.data.filter(isPast));
    assert.deepEqual(after, before);
  });

test('every inferred shape is the shape of a run', () => {
  const forward = forwardOf(source);
  fc.assert(
    fc.property(inputsArbitrary(forward), ({ dims, inputs }) => {
      assert.deepEqual(checkTypes(forward, inputs), []);
      assert.deepEqual(run(forward, inputs).result.shape, shapeOf(forward, dims).result.shape);
    }),
  );
});

test('the layer is causal', () => fc.assert(isCausal(forwardOf(source))));

test('a layer that looks one step ahead is caught, on the smallest input that shows it', () => {
  const leaky = forwardOf(source.replace('j - k]', 'j - k + 1]'));
  const { failed, counterexample } = fc.check(isCausal(leaky));
  assert.ok(failed);
  assert.deepEqual(counterexample[0].dims, { b: 1, t: 2 });
});

test('dims can be drawn alone', () => {
  fc.assert(fc.property(dimsArbitrary(forwardOf(source), { limits: { t: 4 } }), ({ b, t }) => b >= 1 && t >= 1 && t <= 4));
});
