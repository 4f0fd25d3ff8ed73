// The compiler, top to bottom: .dlm text → graph → nests → kernels and plans → one module.
// A pass list is data; the driver times every pass and shows its result to an observer.
import { printWgsl } from './codegen/wgsl/print.ts';
import { emitModule, type EmittedModule } from './codegen/host/emit.ts';
import { encodeWasm } from './codegen/wasm/module.ts';
import { tableWords } from './codegen/wasm/table.ts';
import type { GraphModule } from './ir/graph.ts';
import type { NestModule } from './ir/nest.ts';
import type { TargetProgram } from './ir/plan.ts';
import { autodiff } from './passes/autodiff.ts';
import { cse } from './passes/cse.ts';
import { dce } from './passes/dce.ts';
import { fuse } from './passes/fuse.ts';
import { halvesFor } from './passes/halves.ts';
import { hoist } from './passes/hoist.ts';
import { hostScalars } from './passes/host-scalars.ts';
import { lowerToNests } from './passes/lower-to-nests.ts';
import { onlineSoftmaxFor } from './passes/online-softmax.ts';
import { panels } from './passes/panels.ts';
import type { Pass } from './passes/pass.ts';
import { planFor } from './passes/plan.ts';
import { simplify, simplifyFinal } from './passes/simplify.ts';

/** Where compiled code can run. */
export type Target = 'webgpu' | 'wasm';

/** What a pass left behind, as seen by an observer. */
export type Stage =
  | { readonly level: 'graph'; readonly module: GraphModule }
  | { readonly level: 'nest'; readonly module: NestModule }
  | { readonly level: 'plan'; readonly module: TargetProgram };

/** Called after every pass: its name, result, named rewrites with their counts, and milliseconds. */
export type Observer = (pass: string, stage: Stage, counts: ReadonlyMap<string, number>, ms: number) => void;

/** A pass that runs a second time, under a name of its own. */
const again = <A, B>(pass: Pass<A, B>): Pass<A, B> => ({ ...pass, name: `${pass.name}-final` });

/** Passes on the graph, in order. */
export const graphPasses: readonly Pass<GraphModule, GraphModule>[] = [
  simplify,
  cse,
  hoist,
  autodiff,
  simplifyFinal,
  again(cse),
  again(hoist),
  dce,
  hostScalars,
];

type Device = TargetProgram['target'];

const nestPassesFor = (device: Device): readonly Pass<NestModule, NestModule>[] => [
  onlineSoftmaxFor(device),
  halvesFor(device),
  ...(device === 'cpu' ? [panels] : []),
];

/** Names of all passes, in the order in which they run. */
export const passNames: readonly string[] = [
  'elaborate',
  ...[...graphPasses, lowerToNests, fuse].map((pass) => pass.name),
  ...(['gpu', 'cpu'] as const).flatMap((device) =>
    [...nestPassesFor(device), planFor(device)].map((pass) => pass.name),
  ),
];

/** Everything between the source and the emitted module. */
export interface Lowered {
  readonly graph: GraphModule;
  readonly nests: NestModule;
  readonly programs: readonly TargetProgram[];
}

/** Runs all passes on an elaborated module. */
export function lowerModule(
  module: GraphModule,
  targets: readonly Target[] = ['webgpu', 'wasm'],
  observe?: Observer,
): Lowered {
  const step = <A, B>(pass: Pass<A, B>, input: A, show: (output: B) => Stage): B => {
    const counts = new Map<string, number>();
    const start = performance.now();
    const output = pass.run(input, {
      count: (name, times = 1) => {
        counts.set(name, (counts.get(name) ?? 0) + times);
      },
    });
    observe?.(pass.name, show(output), counts, performance.now() - start);
    return output;
  };
  observe?.('elaborate', { level: 'graph', module }, new Map(), 0);
  const graph = graphPasses.reduce((m, pass) => step(pass, m, (out) => ({ level: 'graph', module: out })), module);
  const lowered = step(lowerToNests, graph, (out) => ({ level: 'nest', module: out }));
  const nests = step(fuse, lowered, (out) => ({ level: 'nest', module: out }));
  const programs = targets.map((target) => {
    const show = (out: TargetProgram): Stage => ({ level: 'plan', module: out });
    const device = target === 'webgpu' ? 'gpu' : 'cpu';
    const own = nestPassesFor(device).reduce(
      (m, pass) => step(pass, m, (out) => ({ level: 'nest', module: out })),
      nests,
    );
    return step(planFor(device), own, show);
  });
  return { graph, nests, programs };
}

/** Prints the module that users import: JavaScript and its declarations. With `profile`, its calls can be timed; with `threads`, threads share the work of the CPU. */
export const emit = (
  lowered: Lowered,
  sourceName: string,
  { profile, threads }: { readonly profile?: boolean; readonly threads?: boolean | undefined } = {},
): Promise<EmittedModule> =>
  emitModule(
    { module: lowered.graph, programs: lowered.programs, name: lowered.graph.name, sourceName, profile, threads },
    { wgsl: printWgsl, wasm: encodeWasm, tableWords },
  );
