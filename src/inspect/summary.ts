// What a program costs, as formulas in its dims: parameters, work, traffic and peak memory of every function.
import { add, asConstant, evaluateDim, mul, product, variables, zero, type Dim } from '../ir/dim.ts';
import { byteSize } from '../ir/dtype.ts';
import type { GraphFunction, GraphModule, ModelInfo, ParameterInfo, TensorType } from '../ir/graph.ts';
import { elementsOf } from '../ir/elements.ts';
import type { TargetProgram } from '../ir/plan.ts';
import { flopsOf } from './flops.ts';
import { kernelRows, type KernelRow } from './kernel-table.ts';
import { peakMemory } from './peak-memory.ts';

/** A formula in the dims, and its value where the dims were given. */
export interface Formula {
  readonly formula: string;
  readonly value?: number;
}

/** One weight or state. */
export interface ParameterSummary {
  readonly path: string;
  readonly type: string;
  readonly count: number;
  readonly role: ParameterInfo['role'];
  readonly frozen: boolean;
  readonly aliases: readonly string[];
}

/** One function: what it takes and gives, and what it costs. */
export interface FunctionSummary {
  readonly name: string;
  readonly kind: GraphFunction['kind'];
  readonly inputs: readonly { readonly name: string; readonly type: string }[];
  readonly outputs: readonly { readonly name: string; readonly type: string }[];
  readonly flops: Formula;
  /** Bytes that its kernels read and write. */
  readonly traffic: Formula;
  /** Bytes in memory at its fullest moment, weights among them. */
  readonly peak: Formula;
  readonly kernels: readonly KernelRow[];
}

/** One cache. */
export interface CacheSummary {
  readonly path: string;
  readonly type: string;
  readonly bytes: Formula;
}

/** One model. */
export interface ModelSummary {
  readonly name: string;
  readonly parameters: readonly ParameterSummary[];
  readonly caches: readonly CacheSummary[];
  /** Elements of all parameters, and of those that training may change. */
  readonly total: number;
  readonly trainable: number;
  /** Bytes of all parameters and states. */
  readonly bytes: number;
  /** Bytes that each session holds. */
  readonly session: Formula;
}

/** A whole program. */
export interface Summary {
  readonly target: TargetProgram['target'];
  readonly models: readonly ModelSummary[];
  readonly functions: readonly FunctionSummary[];
}

/** Sums up a program for one target. With `dims`, formulas get values too. */
export function summarize(
  graph: GraphModule,
  program: TargetProgram,
  dims: Readonly<Record<string, number>> = {},
): Summary {
  return {
    target: program.target,
    models: graph.models.map((model) => modelSummary(model, dims)),
    functions: graph.functions.map((fn) => functionSummary(fn, program, dims)),
  };
}

const counted = (list: readonly ParameterSummary[]): number => list.reduce((sum, { count }) => sum + count, 0);

function modelSummary(model: ModelInfo, dims: Readonly<Record<string, number>>): ModelSummary {
  const caches = model.parameters.filter(({ role }) => role === 'cache');
  const stored = model.parameters.filter(({ role }) => role !== 'cache');
  const all = stored.map((parameter) => {
    const { path, type, role, frozen, aliases } = parameter;
    return { path, type: typeText(type), count: asConstant(elementsOf(parameter)) ?? 0, role, frozen, aliases };
  });
  return {
    name: model.name,
    parameters: all,
    caches: caches.map(({ path, type }) => ({ path, type: typeText(type), bytes: withValue(bytesOf(type), dims) })),
    total: counted(all.filter(({ role }) => role === 'param')),
    trainable: counted(all.filter(({ role, frozen }) => role === 'param' && !frozen)),
    bytes: stored.reduce((sum, { type }) => sum + (asConstant(bytesOf(type)) ?? 0), 0),
    session: withValue(
      caches.reduce((sum, { type }) => add(sum, bytesOf(type)), zero),
      dims,
    ),
  };
}

const bytesOf = ({ dtype, shape }: TensorType): Dim => mul(product(shape), byteSize[dtype]);

function functionSummary(
  fn: GraphFunction,
  program: TargetProgram,
  dims: Readonly<Record<string, number>>,
): FunctionSummary {
  const plan = program.plans.find(({ name }) => name === fn.name);
  const rows = plan ? kernelRows(plan, program.kernels) : [];
  const formula = (dim: Dim): Formula => withValue(dim, dims);
  return {
    name: fn.name,
    kind: fn.kind,
    inputs: fn.inputs
      .filter(({ role }) => role === 'argument')
      .map(({ name, value }) => ({ name, type: typeText(value.type) })),
    outputs: fn.results
      .filter(({ role }) => role === 'output')
      .map(({ name, value }) => ({ name, type: typeText(value.type) })),
    flops: formula(flopsOf(fn.nodes)),
    traffic: formula(rows.reduce((sum, row) => add(sum, row.traffic), zero)),
    peak: formula(plan ? peakMemory(plan) : zero),
    kernels: rows,
  };
}

function withValue(dim: Dim, dims: Readonly<Record<string, number>>): Formula {
  const known = [...variables(dim)].every((name) => name in dims);
  return { formula: dim.key, ...(known && { value: evaluateDim(dim, (name) => dims[name]) }) };
}

const typeText = ({ dtype, shape }: TensorType): string => `${dtype}[${shape.map(({ key }) => key).join(', ')}]`;
