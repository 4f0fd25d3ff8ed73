// What a compiled module says of itself as data: entries, dims, constraints, parameters.
import type { ProgramSpec, TensorSpec } from './program.ts';

const describeTensor = ([name, dtype, shape]: TensorSpec): object => ({
  name,
  dtype,
  shape: shape.map((extent) => (typeof extent === 'object' ? extent[0] : extent)),
});

function describeFunction(program: ProgramSpec, name: string): object {
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
        Object.entries(entries).map(([entry, [fn]]) => [entry, describeFunction(program, fn)]),
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
