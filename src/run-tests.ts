// Runs the `test` declarations of a program on the reference interpreter: all values of the `forall` binds where
// they are few, else random ones. A case that fails is shrunk, one bind at a time, towards the first values.
import {
  elaborateTests,
  type DeclaredTest,
  type Comparison,
  type DeclaredTests,
  type TestCase,
} from './elaborate/tests.ts';
import type { FileHost } from './elaborate/modules.ts';
import { interpret } from './ir/interpreter.ts';
import type { GraphFunction, GraphModule } from './ir/graph.ts';
import type { Tensor } from './ir/op.ts';
import { autodiff } from './passes/autodiff.ts';
import { hasErrors, type Diagnostic } from './support/diagnostic.ts';
import { messages } from './support/messages.gen.ts';

/** What {@link runTests} may be told. */
export interface TestOptions {
  /** Config overrides: `Mlp.hidden` -> `512`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Most cases of one test. Default 64. */
  readonly runs?: number;
  /** Seed of the drawn values, of weights and of random numbers. Default 0. */
  readonly seed?: number;
}

/** How one test went. */
export interface TestResult {
  readonly name: string;
  readonly cases: number;
  /** The smallest failing values that were found, by bind. */
  readonly counterexample?: Readonly<Record<string, number>>;
  /** Why it failed; empty where it passed. */
  readonly diagnostics: readonly Diagnostic[];
}

/** The results of all tests of a program, and what is wrong with their binds. */
export interface TestReport {
  readonly diagnostics: readonly Diagnostic[];
  readonly results: readonly TestResult[];
}

/** Runs all tests that the root file declares. Check the program first: only tests are elaborated here. */
export function runTests(files: FileHost, root: string, options: TestOptions = {}): TestReport {
  const declared = elaborateTests(files, root, options.set ? { set: options.set } : {});
  const results = declared.tests.map((test) => runTest(declared, test, options));
  return { diagnostics: declared.diagnostics, results };
}

function runTest(declared: DeclaredTests, test: DeclaredTest, { runs = 64, seed = 0 }: TestOptions): TestResult {
  const fails = (picks: readonly number[]): readonly Diagnostic[] =>
    runCase(
      declared.instantiate(
        test,
        picks.map((pick, bind) => test.binds[bind]?.values[pick] ?? 0),
      ),
      seed,
    );
  let cases = 0;
  for (const picks of drawPicks(test, runs, seed)) {
    cases++;
    const found = fails(picks);
    if (found.length === 0) continue;
    const smallest = shrink(picks, found, fails);
    return { name: test.name, cases, ...explain(test, smallest) };
  }
  return { name: test.name, cases, diagnostics: [] };
}

interface Failing {
  readonly picks: readonly number[];
  readonly diagnostics: readonly Diagnostic[];
}

function explain(
  test: DeclaredTest,
  { picks, diagnostics }: Failing,
): Pick<TestResult, 'counterexample' | 'diagnostics'> {
  const counterexample = Object.fromEntries(
    test.binds.map(({ name, values }, at) => [name, values[picks[at] ?? 0] ?? 0]),
  );
  const values = Object.entries(counterexample).map(([name, value]) => `${name} = ${value}`);
  const note = `test "${test.name}"${values.length > 0 ? `, smallest case found: ${values.join(', ')}` : ''}`;
  return { counterexample, diagnostics: diagnostics.map((d) => ({ ...d, notes: [...d.notes, note] })) };
}

// What fails in one case: errors of its elaboration, else asserts that are false in a run.
function runCase(test: TestCase, seed: number): readonly Diagnostic[] {
  if (hasErrors(test.diagnostics)) return test.diagnostics.filter(({ severity }) => severity === 'error');
  const keys = { 'key.0': word(seed), 'key.1': word(0) };
  const weights = test.init ? interpret(expanded(test.init), keys, { precision: 'f32' }) : {};
  const inputs = { ...weights, ...keys };
  const results = interpret(expanded(test.fn), inputs, { precision: 'f32' });
  return test.asserts
    .filter(({ result }) => results[result]?.data[0] !== 1)
    .map(({ span, message, sides }) =>
      messages.E0409(span, { message }, { label: 'is false', notes: sides ? [describeSides(sides, results)] : [] }),
    );
}

// The first element for which the comparison is false: `at [0, 2]: x is 1.5, y + 1 is 2`.
function describeSides({ texts, results, holds }: Comparison, values: Readonly<Record<string, Tensor>>): string {
  const tested = values[holds];
  const at = tested?.data.findIndex((x) => x !== 1) ?? 0;
  const place = tested && tested.shape.length > 0 ? `at [${digits(at, tested.shape).join(', ')}]: ` : '';
  const [left, right] = results.map((name) => shortNumber(values[name], at));
  return `${place}\`${texts[0]}\` is ${left}, \`${texts[1]}\` is ${right}`;
}

function shortNumber(tensor: Tensor | undefined, at: number): string {
  const value = tensor?.data[at] ?? NaN;
  return tensor?.dtype === 'bool' ? String(value === 1) : String(Number(value.toPrecision(9)));
}

const word = (value: number): Tensor => ({ dtype: 'u32', shape: [], data: Float64Array.of(value >>> 0) });

function expanded(fn: GraphFunction): GraphFunction {
  const module: GraphModule = { name: fn.name, functions: [fn], entries: {}, models: [], trains: [] };
  return autodiff.run(module, { count: () => undefined }).functions[0] ?? fn;
}

// Every combination where they are few; else the first values, the last values, and random ones.
function* drawPicks({ binds }: DeclaredTest, runs: number, seed: number): Generator<readonly number[]> {
  const sizes = binds.map(({ values }) => values.length);
  const total = sizes.reduce((a, b) => a * b, 1);
  if (total <= runs) {
    for (let index = 0; index < total; index++) yield digits(index, sizes);
    return;
  }
  yield sizes.map(() => 0);
  yield sizes.map((size) => size - 1);
  const random = generator(seed);
  for (let run = 2; run < runs; run++) yield sizes.map((size) => Math.floor(random() * size));
}

// The last bind runs fastest.
function digits(index: number, sizes: readonly number[]): number[] {
  let rest = index;
  return sizes
    .toReversed()
    .map((size) => {
      const digit = rest % size;
      rest = Math.floor(rest / size);
      return digit;
    })
    .toReversed();
}

/** Uniform numbers in [0, 1): mulberry32, good enough to pick cases. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Each bind to its first value, half way there, or one step, as long as the case still fails.
function shrink(
  picks: readonly number[],
  found: readonly Diagnostic[],
  fails: (picks: readonly number[]) => readonly Diagnostic[],
): Failing {
  let current: Failing = { picks, diagnostics: found };
  for (let progress = true; progress;) {
    progress = false;
    for (const [bind, pick] of current.picks.entries()) {
      for (const smaller of new Set([0, Math.floor(pick / 2), pick - 1])) {
        if (smaller < 0 || smaller >= pick) continue;
        const next = current.picks.with(bind, smaller);
        const diagnostics = fails(next);
        if (diagnostics.length === 0) continue;
        current = { picks: next, diagnostics };
        progress = true;
        break;
      }
    }
  }
  return current;
}
