// A random case of an op as a graph function, and what the op suites ask of it: its results by the
// reference, by its nests, and its derivative by central differences in float64.
import { Builder } from '../../src/ir/builder.ts';
import { constant } from '../../src/ir/dim.ts';
import { isFloat } from '../../src/ir/dtype.ts';
import type { GraphFunction, GraphModule, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import type { NestStep } from '../../src/ir/nest.ts';
import type { OpCase, OpDefinition, Tensor } from '../../src/ir/op.ts';
import { autodiff } from '../../src/passes/autodiff.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';

/** Results by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** A value with the type of a tensor. */
export const valueOf = ({ dtype, shape }: Tensor): Value => ({ type: { dtype, shape: shape.map(constant) } });

/** A function from named values and results over the nodes of a builder. */
export function functionOf(
  b: Builder,
  inputs: Readonly<Record<string, Value>>,
  results: Readonly<Record<string, Value>>,
): GraphFunction {
  return {
    name: 'f',
    kind: 'entry',
    dims: b.facts.variables,
    facts: b.facts.facts,
    nodes: b.nodes,
    host: [],
    inputs: Object.entries(inputs).map(([name, value]) => ({ name, role: 'argument', value })),
    results: Object.entries(results).map(([name, value]) => ({ name, role: 'output', value })),
  };
}

/** A module that holds these functions and nothing else. */
export const moduleOf = (...functions: GraphFunction[]): GraphModule => ({
  name: 'm',
  functions,
  entries: {},
  models: [],
  trains: [],
});

/** The items as a record: `x0`, `x1`, … */
export const numbered = <T>(letter: string, items: readonly T[]): Record<string, T> =>
  Object.fromEntries(items.map((item, at) => [`${letter}${at}`, item]));

/** One node: inputs `x0`, `x1`, …, results `y0`, `y1`, … */
export function caseFunction(op: OpDefinition, { inputs, attrs, regions }: OpCase): GraphFunction {
  const b = new Builder();
  const values = inputs.map(valueOf);
  return functionOf(b, numbered('x', values), numbered('y', b.node(op.name, values, attrs, regions)));
}

/** Results of a case by the reference interpreter. */
export const evaluateCase = (op: OpDefinition, one: OpCase): Tensors =>
  interpret(caseFunction(op, one), numbered('x', one.inputs));

/** Results of a case by the nests of the op, each as `change` leaves it. */
export function lowerCase(op: OpDefinition, one: OpCase, change = (step: NestStep): NestStep => step): Tensors {
  const [fn] = lowerToNests.run(moduleOf(caseFunction(op, one)), { count: () => undefined }).functions;
  if (!fn) throw new Error('nothing was lowered');
  return interpretNests({ ...fn, body: fn.body.map(change) }, numbered('x', one.inputs));
}

/** Cotangents of the float inputs (`d0`, …), given those of the results (`c0`, …), by the op's rule. */
export function vjpCase(op: OpDefinition, one: OpCase, cotangents: readonly Tensor[]): Tensors {
  const b = new Builder();
  const inputs = one.inputs.map(valueOf);
  const cts = cotangents.map(valueOf);
  const smooth = inputs.filter(({ type }) => isFloat(type.dtype));
  const found = op.vjp === 'region' ? byPass(b, op, one, inputs, cts, smooth) : byRule(b, op, one, inputs, cts);
  const named = Object.fromEntries(
    inputs.flatMap((input, at) => (smooth.includes(input) ? [[`d${at}`, found.get(input) ?? b.zero(input)]] : [])),
  );
  const fn = functionOf(b, { ...numbered('x', inputs), ...numbered('c', cts) }, named);
  const [expanded = fn] = autodiff.run(moduleOf(fn), { count: () => undefined }).functions;
  return interpret(expanded, { ...numbered('x', one.inputs), ...numbered('c', cotangents) });
}

type Found = ReadonlyMap<Value, Value | null>;

function byRule(
  b: Builder,
  op: OpDefinition,
  one: OpCase,
  inputs: readonly Value[],
  cotangents: readonly Value[],
): Found {
  if (typeof op.vjp !== 'function') throw new Error(`${op.name} has no rule for its gradient`);
  const outputs = b.node(op.name, inputs, one.attrs);
  const needs = inputs.map(({ type }) => isFloat(type.dtype));
  const results = op.vjp(b, { inputs, outputs, attrs: one.attrs, cotangents, regions: [], needs });
  return new Map(inputs.map((input, at) => [input, results[at] ?? null]));
}

// An op that the pass autodiff differentiates: the gradient of Σ cotangent · result.
function byPass(
  b: Builder,
  op: OpDefinition,
  one: OpCase,
  inputs: readonly Value[],
  cotangents: readonly Value[],
  smooth: readonly Value[],
): Found {
  const outputs = b.node(op.name, inputs, one.attrs, one.regions);
  const terms = outputs.map((out, at) => {
    const product = b.mul(out, cotangents[at] ?? out);
    return b.reduce('sum', product, [...product.type.shape.keys()]);
  });
  const loss = terms.reduce((sum, term) => b.add(sum, term));
  const gradients = b.node('gradient', [loss, ...smooth]);
  return new Map(smooth.map((input, at) => [input, gradients[at] ?? null]));
}

/**
 * One partial derivative by differences, or undefined next to a kink or a jump: there the fourth
 * difference is not of order h⁴, or (where that one cancels) the slope depends on the step. Undefined too where the loss
 * is so large that its rounding shows in the slope.
 */
export function partial(loss: (shift: number) => number): number | undefined {
  const h = 1e-4;
  const [a, b, c, d, e] = [loss(-2 * h), loss(-h), loss(0), loss(h), loss(2 * h)];
  const [near, wide] = [(d - b) / (2 * h), (e - a) / (4 * h)];
  const roughness = Math.abs(a - 4 * b + 6 * c - 4 * d + e) / h;
  // Richardson: the error of the central difference falls from h² to h⁴.
  const isSmooth = roughness < 2e-6 * (1 + Math.abs(near)) && Math.abs(near - wide) < 1e-3 * (1 + Math.abs(near));
  const rounding = (Number.EPSILON * Math.max(...[a, b, c, d, e].map(Math.abs))) / h;
  const isSharp = rounding < 1e-6 * (1 + Math.abs(near));
  return isSmooth && isSharp ? (4 * near - wide) / 3 : undefined;
}

/** `x` with element `at` moved by `shift`. */
export const moved = (x: Tensor, at: number, shift: number): Tensor => ({
  ...x,
  data: x.data.map((value, e) => (e === at ? value + shift : value)),
});

/** The number of partial derivatives compared and of those that disagree. */
export interface Comparison {
  compared: number;
  readonly wrong: string[];
}

/** Compares `vjpCase` (or zero, for ops without a gradient) with differences, element by element. */
export function compareGradients(op: OpDefinition, one: OpCase, cotangents: readonly Tensor[]): Comparison {
  const loss = (inputs: readonly Tensor[]): number => {
    const results = evaluateCase(op, { ...one, inputs });
    return cotangents.reduce(
      (sum, ct, at) => sum + ct.data.reduce((s, c, e) => s + c * (results[`y${at}`]?.data[e] ?? Number.NaN), 0),
      0,
    );
  };
  const symbolic = op.vjp ? vjpCase(op, one, cotangents) : {};
  const found: Comparison = { compared: 0, wrong: [] };
  one.inputs.forEach((x, at) => {
    if (!isFloat(x.dtype)) return;
    x.data.forEach((_, e) => {
      const numeric = partial((shift) => loss(one.inputs.map((y, other) => (other === at ? moved(y, e, shift) : y))));
      if (numeric === undefined) return;
      found.compared++;
      const exact = op.vjp ? (symbolic[`d${at}`]?.data[e] ?? Number.NaN) : 0;
      if (!(Math.abs(exact - numeric) <= 1e-5 * (1 + Math.abs(numeric)))) {
        found.wrong.push(`d/d(operand ${at}, element ${e}): rule ${exact}, differences ${numeric}`);
      }
    });
  });
  return found;
}
