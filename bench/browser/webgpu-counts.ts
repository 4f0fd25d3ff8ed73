// Counts calls of the WebGPU API in a page, whoever makes them.
import type { Counts } from '../comparison/rounds.ts';

type Method = (this: unknown, ...args: unknown[]) => unknown;

// What is counted: prototype, methods, name of the count.
const counted: readonly (readonly [type: string, methods: readonly string[], name: string])[] = [
  ['GPUComputePassEncoder', ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'], 'dispatches'],
  ['GPUQueue', ['submit'], 'submits'],
  ['GPUDevice', ['createBuffer'], 'buffers'],
  ['GPUDevice', ['createBindGroup'], 'bind groups'],
  ['GPUDevice', ['createComputePipeline', 'createComputePipelineAsync'], 'pipelines'],
];

/** Wraps the API from now on; the function gives the totals so far. */
export function countWebgpu(): () => Counts {
  const totals: Record<string, number> = {};
  const types = globalThis as unknown as Readonly<Record<string, { prototype: Record<string, Method> } | undefined>>;
  for (const [type, methods, name] of counted) {
    totals[name] = 0;
    for (const method of methods) {
      const prototype = types[type]?.prototype;
      const original = prototype?.[method];
      if (!prototype || !original) continue;
      prototype[method] = function (...args) {
        totals[name] = (totals[name] ?? 0) + 1;
        return original.apply(this, args);
      };
    }
  }
  return () => ({ ...totals });
}
