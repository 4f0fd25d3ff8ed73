// The part of a program that `file.dlm:Name` means: a function by its full or last name, or all of a model or train.
import type { GraphModule, Stage } from '../index.ts';
import { UsageError } from './failure.ts';

/** The stage with only the functions that `name` means. @throws UsageError when there are none */
export function selectFunctions(stage: Stage, name: string): Stage {
  if (stage.level === 'graph') return { level: 'graph', module: selectGraph(stage.module, name) };
  if (stage.level === 'nest')
    return { level: 'nest', module: { ...stage.module, functions: chosen(stage.module.functions, name) } };
  const plans = chosen(stage.module.plans, name);
  const used = new Set(plans.flatMap(({ steps }) => kernelsOf(steps)));
  return {
    level: 'plan',
    module: { ...stage.module, plans, kernels: stage.module.kernels.filter((kernel) => used.has(kernel.name)) },
  };
}

type Steps = Extract<Stage, { level: 'plan' }>['module']['plans'][number]['steps'];

const kernelsOf = (steps: Steps): string[] =>
  steps.flatMap((step) => (step.kind === 'dispatch' ? [step.kernel] : 'body' in step ? kernelsOf(step.body) : []));

function selectGraph(module: GraphModule, name: string): GraphModule {
  const functions = chosen(module.functions, name);
  const has = (fn: string): boolean => functions.some((each) => each.name === fn);
  return {
    ...module,
    functions,
    entries: Object.fromEntries(Object.entries(module.entries).filter(([fn]) => has(fn))),
    models: module.models.filter(({ init, entries }) => has(init) || Object.values(entries).some(has)),
    trains: module.trains.filter(({ step, evaluate }) => has(step) || has(evaluate)),
  };
}

function chosen<F extends { readonly name: string }>(functions: readonly F[], name: string): F[] {
  const found = functions.filter((fn) => fn.name === name || fn.name.startsWith(`${name}.`));
  const byLast = found.length > 0 ? found : functions.filter((fn) => fn.name.endsWith(`.${name}`));
  if (byLast.length === 0)
    throw new UsageError(`there is no function ${name}, only ${functions.map((fn) => fn.name).join(', ')}`);
  return byLast;
}
