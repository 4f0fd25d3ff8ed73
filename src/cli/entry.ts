// An entry point as `dlm run` sees it: what callers give, and the functions for calls with optional arguments.
import type { GraphFunction, GraphModule, ModelInfo, Structure, TensorType } from '../index.ts';
import { UsageError } from './failure.ts';

/** What callers give: a tensor, or a whole number that is a dim of the call. */
export interface Parameter {
  readonly name: string;
  readonly optional: boolean;
  /** Absent: a whole number. */
  readonly type?: TensorType;
}

/** A function that calls of an entry point run, for these optional arguments. */
export interface Variant {
  readonly given: readonly string[];
  readonly fn: GraphFunction;
  readonly returns: Structure;
}

/** An entry point: its model, its name there, and its variants, the one without optional arguments first. */
export interface Entry {
  readonly model: ModelInfo;
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly variants: readonly [Variant, ...Variant[]];
}

/** The entry point `wanted`, else `predict`, `forward` or the only one. @throws UsageError */
export function chooseEntry(module: GraphModule, file: string, wanted: string | undefined): Entry {
  const all = module.models.flatMap((model) =>
    Object.entries(model.entries).map(([name, fn]) => ({ model, name, fn })),
  );
  const matches = (text: string): typeof all => all.filter(({ name, fn }) => name === text || fn === text);
  const found =
    wanted !== undefined
      ? matches(wanted)
      : ([matches('predict'), matches('forward'), all].find((list) => list.length > 0) ?? []);
  const [only, ...others] = found;
  const base = only && variantOf(module, only.fn, []);
  if (!only || !base || others.length > 0) {
    const why = only
      ? 'say which'
      : wanted === undefined
        ? 'there is no entry point'
        : `there is no entry point ${wanted}`;
    throw new UsageError(`${why}: ${all.map(({ fn: name }) => `${file}:${name}`).join(', ')}`);
  }
  const named = Object.entries(module.entries[only.fn]?.variants ?? {});
  const variants: Entry['variants'] = [base, ...named.flatMap(([name, given]) => variantOf(module, name, given) ?? [])];
  return { model: only.model, name: only.name, parameters: parametersOf(module, only.fn, variants), variants };
}

function variantOf(module: GraphModule, name: string, given: readonly string[]): Variant | undefined {
  const fn = module.functions.find((each) => each.name === name);
  const info = module.entries[name];
  return fn && info && { given, fn, returns: info.returns };
}

function parametersOf(module: GraphModule, name: string, variants: Entry['variants']): readonly Parameter[] {
  const inputs = variants.flatMap(({ fn }) => fn.inputs.filter(({ role }) => role === 'argument'));
  const types = new Map(inputs.map((input) => [input.name, input.value.type]));
  const declared = module.entries[name]?.arguments;
  if (!declared) return [...types].map(([input, type]) => ({ name: input, optional: false, type }));
  return declared.map(({ name: parameter, optional, kind }) => {
    const type = kind === 'tensor' ? types.get(parameter) : undefined;
    return { name: parameter, optional, ...(type && { type }) };
  });
}
