// What a compiled module says of itself as data: entries, dims, constraints, parameters.
import type { ProgramSpec, TensorSpec } from './program.ts';

/** A function as `meta` shows it. */
export interface FunctionDescription {
  readonly inputs: readonly { readonly name: string }[] | undefined;
  readonly [more: string]: unknown;
}

const describeTensor = ([name, dtype, shape]: TensorSpec): {
  readonly name: string;
  readonly [more: string]: unknown;
} => ({
  name,
  dtype,
  shape: shape.map((extent) => (typeof extent === 'object' ? extent[0] : extent)),
});

function describeFunction(program: ProgramSpec, name: string): FunctionDescription {
  const fn = program.functions[name];
  return {
    dims: Object.fromEntries((fn?.dims ?? []).map((dim, at) => [dim, { min: fn?.mins?.[at] ?? 1 }])),
    inputs: fn?.inputs.map(describeTensor),
    outputs: fn?.outputs.map(describeTensor),
    ...(fn?.caches ? { caches: fn.caches.map(describeTensor) } : {}),
    requires: fn?.facts ?? [],
  };
}

/** The `meta` export of a module. */
export function describeProgram(program: ProgramSpec): object {
  const models = Object.entries(program.models).map(([model, { parameters, entries, aliases = {} }]) => [
    model,
    {
      parameters: parameters.map(([path, dtype, shape, role = 'param']) => ({ path, dtype, shape, role })),
      aliases,
      entries: Object.fromEntries(
        Object.entries(entries).map(([entry, spec]) => {
          const describe = (fn: string): FunctionDescription => describeFunction(program, fn);
          return [entry, { ...describe(spec[0]), ...program.describeArguments?.(spec, describe) }];
        }),
      ),
    },
  ]);
  const trains = Object.entries(program.trains).map(([train, { models: of, options, losses, metrics, step }]) => [
    train,
    { models: Object.fromEntries(of), options, losses, metrics, step: describeFunction(program, step) },
  ]);
  return {
    name: program.name,
    source: program.source,
    models: Object.fromEntries(models),
    trains: Object.fromEntries(trains),
  };
}
