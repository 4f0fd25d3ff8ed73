// What a program computes, and how far a device in float32 may be from it. The program runs once in float64 and several
// times as if by sloppy devices: every inexact result of an op is off by a few units in the last place, sums by what
// the order of their terms can do, f16 by not being rounded between its ops or where a gradient crosses a cast (a loop
// may add up what was rounded, or round what was added up), numbers that devices treat differently (tiny, not finite)
// by anything. An element may differ by eight times what these runs differ by; where a decision flips in one of them,
// nothing can be said.
import { evaluateDim, type Dim } from '../../src/ir/dim.ts';
import { isFloat } from '../../src/ir/dtype.ts';
import { roundToHalf } from '../../src/ir/half.ts';
import { bindDims } from '../../src/ir/interpreter.ts';
import type { GraphFunction, Node, Region, Value } from '../../src/ir/graph.ts';
import type { EvaluateContext, Tensor } from '../../src/ir/op.ts';
import { opNamed } from '../../src/ir/ops/registry.ts';

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** Changes the results of a node. */
type Sloppiness = (
  node: Node,
  inputs: readonly Tensor[],
  results: readonly Tensor[],
  cx: EvaluateContext,
) => readonly Tensor[];

// A cast to f16 rounds. What else gives f16 may keep the digits of f32, and so may a cast of that.
const exactly: Sloppiness = (node, _inputs, results) => results.map((x) => (node.op === 'cast' ? inHalf(x) : x));

const inHalf = (x: Tensor): Tensor => (x.dtype === 'f16' ? { ...x, data: x.data.map(roundToHalf) } : x);

function evaluate(fn: GraphFunction, inputs: Tensors, sloppiness: Sloppiness): Record<string, Tensor> {
  const signature = { ...fn, inputs: fn.inputs.map(({ name, value }) => ({ name, type: value.type })) };
  const bound = bindDims(signature, inputs);
  const dims = (d: Dim): number => evaluateDim(d, (name) => bound.get(name));
  const values = new Map<Value, Tensor>();
  const get = (value: Value): Tensor => {
    const found = values.get(value);
    if (!found) throw new RangeError(`no value for ${value.name ?? 'a node'}`);
    return found;
  };
  const region = ({ params, nodes, results }: Region, args: readonly Tensor[]): Tensor[] => {
    params.forEach((param, at) => values.set(param, args[at] ?? get(param)));
    run(nodes);
    return results.map(get);
  };
  const run = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      const operands = node.inputs.map(get);
      const cx = { dims, round: (value: number) => value, regions: node.regions, region, types: typesOf(node) };
      const results = sloppiness(node, operands, opNamed(node.op).evaluate(operands, node.attrs, cx), cx);
      node.outputs.forEach((output, at) => values.set(output, results[at] ?? get(output)));
    }
  };
  for (const { name, value } of fn.inputs) if (inputs[name]) values.set(value, inputs[name]);
  run(fn.nodes);
  return Object.fromEntries(fn.results.map(({ name, value }) => [name, get(value)]));
}

const typesOf = ({ outputs }: Node): Value['type'][] => outputs.map(({ type }) => type);

// Largest relative error of one op: devices divide and take roots within 2.5 units, our own functions within 4.
const ulp = 2 ** -23;
const approximated = new Set('div recip sqrt rsqrt exp log log1p expm1 sin cos tanh sigmoid erf pow rem'.split(' '));
const summed = new Set(['reduce', 'cumreduce', 'dot', 'conv', 'window_sum', 'window_unpick', 'scatter']);
const tiny = 2 ** -126;
const huge = 1e30;

// Half a unit in the last place of x as f16.
const halfUnit = (x: number): number => Math.max(Math.abs(x) * 2 ** -11, 2 ** -25);

const absolute = (x: Tensor): Tensor => ({ ...x, data: x.data.map(Math.abs) });

/** How large the terms are that each element adds up. */
function magnitudes(node: Node, inputs: readonly Tensor[], cx: EvaluateContext): Tensor | undefined {
  const sums = node.op !== 'reduce' && node.op !== 'cumreduce' ? true : node.attrs['kind'] === 'sum';
  if (!summed.has(node.op) || !sums) return undefined;
  return opNamed(node.op).evaluate(
    inputs.map((x) => (isFloat(x.dtype) ? absolute(x) : x)),
    node.attrs,
    cx,
  )[0];
}

/** A device that errs as the numbers of `random` say, each in [0, 1). It rounds all f16 with `halves`, else only casts, up or down. */
function sloppy(random: () => number, halves: boolean): Sloppiness {
  const side = (): number => (random() < 0.5 ? -1 : 1);
  const strange = (x: number): number => (random() < 0.5 ? x : Number.isFinite(x) && Math.abs(x) < tiny ? 0 : side());
  const near = (x: number, size: number, exact: boolean): number => {
    if (!Number.isFinite(x) || Math.abs(x) > huge || (x !== 0 && Math.abs(x) < tiny)) return strange(x);
    return exact ? x : Math.fround(x + side() * size);
  };
  return (node, inputs, results, cx) => {
    if (node.regions.length > 0) return results;
    const sizes = magnitudes(node, inputs, cx);
    const rough = approximated.has(node.op);
    return results.map((result) => {
      if (!isFloat(result.dtype)) return result;
      if (node.op === 'cast' && result.dtype === 'f16' && !halves)
        return { ...result, data: result.data.map((x) => near(x, halfUnit(x), false)) };
      const data = result.data.map((x, e) => {
        const size = sizes?.data[e];
        if (size !== undefined) return near(x, size * 4 * ulp, Math.fround(x) === x && Math.fround(size) === size);
        const product = node.op === 'reduce' || node.op === 'cumreduce';
        const scale = rough || product ? 4 : 1;
        const own = node.op === 'rem' ? Math.abs(inputs[0]?.data[e] ?? 0) : Math.abs(x);
        return near(x, own * scale * ulp, Math.fround(x) === x && !(rough && x !== 0 && !keepsWhole(node.op)));
      });
      const changed = { ...result, data };
      return halves ? inHalf(changed) : changed;
    });
  };
}

// A remainder of two numbers of float32 is one itself.
const keepsWhole = (op: string): boolean => op === 'rem';

/** What to expect of one result. */
export interface Expected {
  readonly tensor: Tensor;
  /** How far each element may be off; NaN where nothing can be said. */
  readonly tolerance: Float64Array;
}

const sloppyRuns = 4;

/** The results of a program without `gradient` nodes, and their tolerances. */
export function expectedOf(fn: GraphFunction, inputs: Tensors, seed = 1, count = sloppyRuns): Record<string, Expected> {
  const exact = evaluate(fn, inputs, exactly);
  const random = generator(seed);
  const runs = Array.from({ length: count }, (_, run) => evaluate(fn, inputs, sloppy(random, run % 2 === 0)));
  return Object.fromEntries(
    Object.entries(exact).map(([name, tensor]) => {
      const others = runs.map((run) => run[name]?.data ?? new Float64Array());
      const tolerance = tensor.data.map((x, e) =>
        allowed(
          tensor,
          x,
          others.map((data) => data[e] ?? Number.NaN),
        ),
      );
      return [name, { tensor, tolerance }];
    }),
  );
}

function allowed({ dtype }: Tensor, x: number, others: readonly number[]): number {
  const spread = Math.max(...others.map((y) => Math.abs(y - x)));
  if (dtype !== 'f32') return spread === 0 ? 0 : Number.NaN;
  if (!(Math.abs(x) < huge) || !(spread < huge)) return Number.NaN;
  const tolerance = 8 * spread + 4 * ulp * Math.abs(x) + tiny;
  return tolerance > 0.02 * (1 + Math.abs(x)) ? Number.NaN : tolerance;
}

/** Numbers in [0, 1) that look random (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The part of all elements about which nothing can be said. */
export function openPart(expected: Readonly<Record<string, Expected>>): number {
  let [open, all] = [0, 0];
  for (const { tolerance } of Object.values(expected)) {
    all += tolerance.length;
    for (const t of tolerance) if (Number.isNaN(t)) open++;
  }
  return all === 0 ? 1 : open / all;
}

/** Elements that are further off than they may be. */
export function wrongIn(
  expected: Readonly<Record<string, Expected>>,
  actual: Readonly<Record<string, ArrayLike<number>>>,
): string[] {
  return Object.entries(expected).flatMap(([name, { tensor, tolerance }]) => {
    const data = actual[name];
    if (data?.length !== tensor.data.length) return [`${name} has ${data?.length} elements, not ${tensor.data.length}`];
    return [...tolerance.entries()]
      .filter(([e, t]) => !Number.isNaN(t) && !(Math.abs((data[e] ?? Number.NaN) - (tensor.data[e] ?? 0)) <= t))
      .map(([e, t]) => `${name}[${e}] is ${data[e]}, not ${tensor.data[e]} ± ${t.toExponential(1)}`);
  });
}
