// What `dlm ir` prints after any pass is a program: it reads back, verifies and computes the same losses.
import { describe, expect, it } from 'vitest';
import { lowerModule, type Stage } from '../../src/compile.ts';
import { check } from '../../src/index.ts';
import { parseGraph, printGraph } from '../../src/ir/graph-text.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests, printNests } from '../../src/ir/nest-text.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { interpretPlan } from '../../src/ir/plan-interpreter.ts';
import { parseProgram, printProgram } from '../../src/ir/plan-text.ts';
import { evaluateDim } from '../../src/ir/dim.ts';
import { fileHost } from '../support/file-host.ts';

const file = 'test/exec/programs/mlp.dlm';
const { module } = check(fileHost, file);
if (!module) throw new Error(`${file} does not elaborate`);
const [train] = module.trains;
const step = module.functions.find(({ name }) => name === train?.step);
if (!train || !step) throw new Error(`${file} has no training step`);

// Any small numbers: classes for y, keys and counters for the rest.
const inputs: Readonly<Record<string, Tensor>> = Object.fromEntries(
  step.inputs.map(({ name, value: { type } }) => {
    const shape = type.shape.map((d) => evaluateDim(d, (dim) => (dim === 'b' ? 3 : undefined)));
    const data = Float64Array.from({ length: shape.reduce((size, n) => size * n, 1) }, (_, e) => (type.dtype === 'f32' ? ((e * 7) % 13) / 64 : (e * 5 + 3) % 10));
    return [name, { dtype: type.dtype, shape, data }];
  }),
);

interface Dump {
  readonly text: string;
  readonly again: string;
  readonly problems: readonly string[];
  readonly run: () => Record<string, Tensor>;
}

function dumpOf(stage: Stage): Dump {
  switch (stage.level) {
    case 'graph': {
      const text = printGraph(stage.module);
      const back = parseGraph(text);
      const fn = back.functions.find(({ name }) => name === step?.name);
      return { text, again: printGraph(back), problems: verifyGraph(back), run: () => (fn ? interpret(fn, inputs, { outputs: train?.losses ?? [] }) : {}) };
    }
    case 'nest': {
      const text = printNests(stage.module);
      const back = parseNests(text);
      const fn = back.functions.find(({ name }) => name === step?.name);
      return { text, again: printNests(back), problems: [], run: () => (fn ? interpretNests(fn, inputs) : {}) };
    }
    case 'plan': {
      const text = printProgram(stage.module);
      const back = parseProgram(text);
      return { text, again: printProgram(back), problems: [], run: () => interpretPlan(back, step?.name ?? '', inputs) };
    }
  }
}

const dumps: (readonly [string, Dump])[] = [];
lowerModule(module, ['webgpu', 'wasm'], (pass, stage) => dumps.push([pass, dumpOf(stage)]));
const expected = interpret(step, inputs, { outputs: train.losses });

describe('dumps', () => {
  it('cover every level', () => {
    expect(dumps.length).toBeGreaterThan(9);
    expect(Object.keys(expected)).toEqual(train.losses);
  });

  it.each(dumps)('after %s reads back and computes the same losses', (_, { text, again, problems, run }) => {
    expect(again).toBe(text);
    expect(problems).toEqual([]);
    const results = run();
    for (const loss of train.losses) expect(results[loss]?.data[0]).toBeCloseTo(expected[loss]?.data[0] ?? NaN, 4);
  });
});
