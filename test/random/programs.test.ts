// Random programs over all primitives: the graph interpreter, WebAssembly and WebGPU agree, forward and gradient, and
// gradients agree with differences. Two programs around each primitive in a normal run;
// `npm run fuzz -- --programs 5000` draws that many, from a new seed. Planted faults show that all of it would notice.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Lowered } from '../../src/compile.ts';
import type { GraphFunction, Node } from '../../src/ir/graph.ts';
import { printFunction } from '../../src/ir/graph-text.ts';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { opNamed } from '../../src/ir/ops/registry.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import type { Backend } from '../../src/runtime/program.ts';
import { openWasm } from '../../src/runtime/wasm.ts';
import { openWebGpu } from '../../src/runtime/webgpu.ts';
import { moved, partial } from '../support/op-case.ts';
import { runs } from '../support/property-settings.ts';
import { moduleOf } from '../support/random-graph.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { compileFunction, runOn } from './backends.ts';
import { plansWith, primitives, programOf, type Plan, type Program } from './draw.ts';
import { expectedOf, generator, openPart, wrongIn, type Tensors } from './reference.ts';

let opened: TestDevice;
const backends: Backend[] = [];
beforeAll(async () => {
  opened = await requestTestDevice();
  backends.push(await openWasm());
  if ('device' in opened) backends.push(await openWebGpu(opened.device));
});
afterAll(() => {
  for (const backend of backends) backend.close();
  if ('device' in opened) opened.device.destroy();
});

// `npm run fuzz -- --programs N`
const asked = Number(process.env['DLM_PROGRAMS'] ?? '0');
const perPrimitive = asked > 0 ? Math.ceil(asked / primitives.length) : runs(2);
const length = 5;

/** Faults planted in a compilation. */
interface Damage {
  readonly graph?: (fn: GraphFunction) => GraphFunction;
  readonly lowered?: (lowered: Lowered) => Lowered;
}

const tally = { compared: 0, redrawn: 0, elements: 0, open: 0, differences: 0, used: new Set<string>() };

function allNodes(nodes: readonly Node[]): readonly Node[] {
  return nodes.flatMap((node) => [node, ...node.regions.flatMap((region) => allNodes(region.nodes))]);
}

/** What is wrong with a program on the backends, or null where float32 itself cannot tell. */
async function faultsOf({ fn, inputs }: Program, { graph, lowered }: Damage = {}): Promise<string[] | null> {
  const invalid = verifyGraph(moduleOf(fn));
  if (invalid.length > 0) return invalid;
  const [expanded = fn] = autodiff.run(moduleOf(fn), { count: () => undefined }).functions;
  const expected = expectedOf(expanded, inputs);
  if (openPart(expected) > 0.1) return null;
  const compiled = compileFunction(graph ? graph(fn) : fn, lowered);
  const wrong: string[] = [];
  for (const backend of backends) {
    const actual = await runOn(backend, compiled, fn, inputs);
    // What seems wrong is held against more sloppy runs before it is called so.
    const suspects = wrongIn(expected, actual);
    const sure = suspects.length > 0 ? wrongIn(expectedOf(expanded, inputs, 2, 32), actual) : [];
    wrong.push(...sure.slice(0, 5).map((text) => `${backend.kind}: ${text}`));
  }
  return wrong;
}

// Ops whose rule is not their derivative, or that cut numbers into bits.
const notSmooth = new Set(['stop_gradient', 'bitcast']);

// Next to where decisions change, a right gradient differs from differences: away from all of them.
function nudged(inputs: Tensors): Tensors {
  const random = generator(7);
  const nudge = (x: Tensor): Tensor => ({ ...x, data: x.data.map((value) => value + (random() - 0.5) / 500) });
  return Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, x.dtype === 'f32' ? nudge(x) : x]));
}

/** Some partial derivatives of the loss by differences in float64, where the program has one. */
function slopeFaults({ fn, inputs: given }: Program): string[] {
  const nodes = allNodes(fn.nodes);
  if (!fn.results.some(({ name }) => name === 'loss') || nodes.some(({ op }) => notSmooth.has(op))) return [];
  // A right gradient may have derivatives that are wrong at single points: products with zeros, powers of zero.
  if (nodes.filter(({ op }) => op === 'gradient').length > 1) return [];
  const inputs = nudged(given);
  let finite = true;
  const observe = (_: unknown, { data }: Tensor): void => {
    finite &&= data.every(Number.isFinite);
  };
  interpret(fn, inputs, { outputs: ['loss'], observe });
  if (!finite) return [];
  const [expanded = fn] = autodiff.run(moduleOf(fn), { count: () => undefined }).functions;
  const slopes = fn.results.filter(({ name }) => name.startsWith('d/')).map(({ name }) => name);
  const exact = interpret(expanded, inputs, { outputs: slopes });
  return slopes.flatMap((slope, at) => {
    const name = slope.slice(2);
    const tensor = inputs[name];
    if (!tensor) return [`there is no ${name}`];
    const e = (at * 7) % tensor.data.length;
    const loss = (shift: number): number => {
      const run = interpret(expanded, { ...inputs, [name]: moved(tensor, e, shift) }, { outputs: ['loss'] });
      return run['loss']?.data[0] ?? Number.NaN;
    };
    const numeric = partial(loss);
    if (numeric === undefined) return [];
    tally.differences++;
    const found = exact[slope]?.data[e] ?? Number.NaN;
    const fits = Math.abs(found - numeric) <= 1e-4 * (1 + Math.abs(numeric));
    return fits ? [] : [`${slope}[${e}]: ${found}, differences ${numeric}`];
  });
}

// A failing program is made smaller this often at most: every try compiles.
const mostShrinks = asked > 0 ? 600 : 150;

/** Draws programs around an op; gives the smallest that fails, as text, or null. */
async function search(
  op: string,
  count: number,
  damage?: Damage,
  seed?: number,
): Promise<{ text: string; nodes: number } | null> {
  let [failures, tries] = [0, 0];
  const examine = async (plan: Plan): Promise<string[]> => {
    if (failures > 0 && ++tries > mostShrinks) return [];
    const program = programOf(plan);
    const wrong = await faultsOf(program, damage);
    if (wrong === null) tally.redrawn++;
    else if (failures === 0) {
      tally.compared++;
      for (const node of allNodes(program.fn.nodes)) tally.used.add(node.op);
    }
    const faults = [...(wrong ?? []), ...slopeFaults(program)];
    if (faults.length > 0) failures++;
    return faults;
  };
  const property = fc.asyncProperty(plansWith(op, length), async (plan) => {
    const faults = await examine(plan);
    if (faults.length > 0) throw new Error(faults.join('\n'));
  });
  const result = await fc.check(property, { numRuns: count, ...(seed !== undefined && { seed }) });
  const [plan] = result.counterexample ?? [];
  if (!result.failed || !plan) return null;
  const { fn, inputs } = programOf(plan);
  const dims = `n = ${plan.n}, m = ${plan.m}`;
  const given = Object.entries(inputs).map(([name, { data }]) => `${name} = [${data.join(', ')}]`);
  const error =
    result.errorInstance instanceof Error ? (result.errorInstance.stack ?? '') : String(result.errorInstance);
  const text = `seed ${result.seed}\n${printFunction(fn)}\n${dims}\n${given.join('\n')}\n${error}`;
  return { text, nodes: fn.nodes.length };
}

describe('interpreter, WebAssembly and WebGPU agree on random programs around', () => {
  test.for(primitives)('%s', { timeout: 3_600_000 }, async (op) => {
    const failure = await search(op, perPrimitive);
    expect(failure?.text).toBeUndefined();
  });

  test('most programs were compared, and every primitive took part', ({ skip }) => {
    if (tally.compared < primitives.length) return skip('only some of the programs were drawn');
    const { compared, redrawn, differences, used } = tally;
    const where = backends.map(({ kind }) => kind).join(' and ');
    console.log(
      `random: ${compared} programs on ${where}, ${redrawn} redrawn, ${differences} derivatives by differences`,
    );
    expect(primitives.filter((op) => !used.has(op))).toEqual([]);
    expect(redrawn).toBeLessThan(compared / 4);
    expect(differences).toBeGreaterThan(compared / 10);
  });

  test('WebGPU took part', ({ skip }) => {
    if ('missing' in opened) return skip(opened.missing);
    expect(backends.map(({ kind }) => kind)).toEqual(['wasm', 'webgpu']);
  });
});

/** Kernels with every operation of floats `from` replaced. */
function withKernels(from: string, to: string): (lowered: Lowered) => Lowered {
  const replaced = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(replaced);
    if (typeof item !== 'object' || item === null) return item;
    const copy = Object.fromEntries(Object.entries(item).map(([key, value]) => [key, replaced(value)]));
    return copy['type'] === 'f32' && copy['op'] === from ? { ...copy, op: to } : copy;
  };
  return (lowered) => ({
    ...lowered,
    programs: lowered.programs.map((program) => ({
      ...program,
      kernels: program.kernels.map((kernel) => ({ ...kernel, body: replaced(kernel.body) as typeof kernel.body })),
    })),
  });
}

const withoutLastStep = (lowered: Lowered): Lowered => ({
  ...lowered,
  programs: lowered.programs.map((program) => ({
    ...program,
    plans: program.plans.map((plan) => ({ ...plan, steps: plan.steps.slice(0, -1) })),
  })),
});

const withoutFloor = (fn: GraphFunction): GraphFunction => ({
  ...fn,
  nodes: fn.nodes.map((node) => (node.op === 'floor' ? { ...node, op: 'ceil' } : node)),
});

describe('a planted fault is caught, and shrinks to a short program', () => {
  const planted: [string, string, Damage][] = [
    ['a kernel that takes the smaller for the larger', 'max', { lowered: withKernels('max', 'min') }],
    ['a plan without its last step', 'concat', { lowered: withoutLastStep }],
    ['a rewrite that rounds the other way', 'floor', { graph: withoutFloor }],
  ];
  test.each(planted)('%s', async (_what, op, damage) => {
    const failure = await search(op, 20, damage, 5);
    expect(failure?.nodes).toBeLessThanOrEqual(12);
  });

  test('a gradient rule without a factor', async () => {
    const op = opNamed('exp');
    const right = op.vjp;
    const wrong = vi.spyOn(op, 'vjp' as never) as unknown as {
      mockImplementation(rule: typeof right): void;
      mockRestore(): void;
    };
    wrong.mockImplementation((b, { cotangents: [ct] }) => [ct ?? null]);
    try {
      const failure = await search('exp', 30, undefined, 5);
      expect(failure?.text).toContain('differences');
    } finally {
      wrong.mockRestore();
    }
  });
});
