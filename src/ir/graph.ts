// Graph IR: SSA tensors with symbolic shapes, nodes of registered ops, regions for control flow.
// All data is readonly; passes build new functions. The textual form is in graph-text.ts.
import type { Span } from '../support/source.ts';
import type { Dim } from './dim.ts';
import type { DType } from './dtype.ts';

/** Element type and shape of a tensor; rank 0 is a scalar. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

/** An SSA value, compared by identity. `name` is the source name it came from, for people only. */
export interface Value {
  readonly type: TensorType;
  readonly name?: string;
}

/** Attribute values: plain data and dims. Arrays nest. */
export type AttrValue = number | string | boolean | Dim | readonly AttrValue[];
export type Attrs = Readonly<Record<string, AttrValue>>;

/** One operation. `origin` holds the `.dlm` spans it came from, kept through every pass. */
export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attrs: Attrs;
  readonly outputs: readonly Value[];
  readonly regions: readonly Region[];
  readonly origin: readonly Span[];
}

/** A list of nodes in topological order. Bodies may use values of enclosing regions. */
export interface Region {
  readonly params: readonly Value[];
  readonly nodes: readonly Node[];
  readonly results: readonly Value[];
}

/**
 * What an input of a function is.
 * argument: from the caller · param: a trained or frozen weight · state, cache: carried values ·
 * slot: optimizer state, path `<slot>:<param path>` · option: a scalar the host sets (`lr`) ·
 * iteration: i32[] completed training steps · key: one u32[] half of the random key (`key.0`, `key.1`) ·
 * step: a scalar that the host computes in float64 for each run (made by the pass host-scalars)
 */
export type InputRole = 'argument' | 'param' | 'state' | 'cache' | 'slot' | 'option' | 'iteration' | 'key' | 'step';

/** An input of a function. `name` is unique: an argument's name, or a checkpoint path. */
export interface FunctionInput {
  readonly name: string;
  readonly role: InputRole;
  readonly value: Value;
}

/** A result: an output handed to the caller, or the new value of the input named `name`. */
export interface FunctionResult {
  readonly name: string;
  readonly role: 'output' | 'update';
  readonly value: Value;
}

/** A fact about dims: `lhs >= 0`, `lhs == 0`, or `lhs % modulus == 0`. */
export interface Fact {
  readonly kind: '>=0' | '==0' | 'multiple';
  readonly lhs: Dim;
  /** The modulus, for `multiple`. */
  readonly modulus?: Dim;
}

/** A fact as people write it. */
export const factText = ({ kind, lhs, modulus }: Fact): string =>
  kind === 'multiple' ? `(${lhs.key}) % (${modulus?.key ?? '1'}) == 0` : `${lhs.key} ${kind.replace(/(?=0)/, ' ')}`;

/** A dim variable of a function: bound by the shapes of its arguments. Always ≥ `min`. */
export interface DimVariable {
  readonly name: string;
  readonly min: number;
  readonly max?: number;
}

/** One scalar that the host computes before each run, from a tiny graph over options, iteration and key. */
export interface HostScalar {
  /** Name of the `step` input that it feeds. */
  readonly name: string;
  readonly dtype: DType;
  /** The nodes that compute it: scalar ops only, inputs are option/iteration/key values or dims. */
  readonly region: Region;
}

/** A compiled unit of work: an entry point, an initialiser, a training step or its evaluation. */
export interface GraphFunction {
  readonly name: string;
  readonly kind: 'entry' | 'init' | 'step' | 'evaluate';
  readonly dims: readonly DimVariable[];
  readonly facts: readonly Fact[];
  readonly inputs: readonly FunctionInput[];
  readonly nodes: readonly Node[];
  readonly results: readonly FunctionResult[];
  /** Filled by the pass host-scalars; region params are named like the function inputs they stand for. */
  readonly host: readonly HostScalar[];
}

/** A weight, state or cache of a model, by checkpoint path. */
export interface ParameterInfo {
  readonly path: string;
  readonly type: TensorType;
  readonly role: 'param' | 'state' | 'cache';
  readonly frozen: boolean;
  /** Other paths that are this same tensor (ties, shared instances). */
  readonly aliases: readonly string[];
  /** Where the tensor holds the integers of a quantized weight: what it stands for. */
  readonly quantized?: { readonly type: TensorType; readonly bits: 4 | 8; readonly group: number };
  /** Where the tensor holds the scales of a quantized weight: the path of that. */
  readonly scaleOf?: string;
  readonly span: Span;
}

export interface ModelInfo {
  readonly name: string;
  readonly doc: string;
  readonly config: Readonly<Record<string, string>>;
  readonly parameters: readonly ParameterInfo[];
  /** Names of entry functions: exported fn name -> graph function name (`Mlp.forward`). */
  readonly entries: Readonly<Record<string, string>>;
  /** Graph function that initialises all parameters from `key.0`, `key.1`: results are updates. */
  readonly init: string;
}

/** Layout of what an entry returns: one tensor, a tuple (named or not), or a list, nested. */
export type Structure =
  | { readonly kind: 'tensor'; readonly result: string }
  | {
      readonly kind: 'tuple' | 'list';
      readonly items: readonly { readonly name?: string; readonly item: Structure }[];
    };

/** One argument as callers give it: the function's input of this name, or a whole number that binds the dim of this name. */
export interface EntryArgument {
  readonly name: string;
  readonly kind: 'tensor' | 'dim';
  /** A field of the options object, which may be left out; the others are positional. */
  readonly optional: boolean;
}

export interface EntryInfo {
  readonly name: string;
  readonly doc: string;
  readonly returns: Structure;
  readonly span: Span;
  /** Absent: the argument inputs of the function, in their order. */
  readonly arguments?: readonly EntryArgument[];
  /** The functions for calls that give optional arguments, by name: which ones are given. Each has an entry of its own. */
  readonly variants?: Readonly<Record<string, readonly string[]>>;
}

export interface OptionInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly default: number | null;
}

export interface TrainInfo {
  readonly name: string;
  readonly doc: string;
  /** Train parameters that are models: parameter name -> model name. */
  readonly models: readonly { readonly name: string; readonly model: string }[];
  readonly batch: readonly { readonly name: string; readonly type: TensorType }[];
  readonly options: readonly OptionInfo[];
  /** Optimizer slots, zero at the start unless the init function says otherwise. */
  readonly slots: readonly { readonly name: string; readonly type: TensorType; readonly initial: number }[];
  /** Results of the step function: names of losses and metrics. */
  readonly losses: readonly string[];
  readonly metrics: readonly string[];
  readonly step: string;
  readonly evaluate: string;
  /** From the sums over all batches of what `evaluate` gives as `total.0`, … to the metrics computed from them. */
  readonly finish?: string;
  readonly span: Span;
}

/** What one root `.dlm` file compiles to, at graph level. */
export interface GraphModule {
  readonly name: string;
  readonly functions: readonly GraphFunction[];
  readonly entries: Readonly<Record<string, EntryInfo>>;
  readonly models: readonly ModelInfo[];
  readonly trains: readonly TrainInfo[];
}
