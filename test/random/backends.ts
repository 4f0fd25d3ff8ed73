// Runs one function as users run it: the passes, the printed program, the runtime, on WebAssembly or on a GPU device.
import { printWgsl } from '../../src/codegen/wgsl/print.ts';
import { printProgram } from '../../src/codegen/host/program.ts';
import { encodeWasm } from '../../src/codegen/wasm/module.ts';
import { tableWords } from '../../src/codegen/wasm/table.ts';
import { lowerModule, type Lowered } from '../../src/compile.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { writeTeams } from '../../src/runtime/combine.ts';
import { writeHalves } from '../../src/runtime/halves.ts';
import { checkFacts } from '../../src/runtime/facts.ts';
import { floorDiv } from '../../src/runtime/dims.ts';
import { foldPath } from '../../src/runtime/path-keys.ts';
import { readPlan } from '../../src/runtime/plan-text.ts';
import { repeat } from '../../src/runtime/repeat.ts';
import type { Backend, Data, Memory, ProgramSpec } from '../../src/runtime/program.ts';
import { Runner } from '../../src/runtime/runner.ts';
import { bitcast, erf, roundEven, toInteger } from '../../src/runtime/scalars.ts';
import { threefry } from '../../src/runtime/threefry.ts';
import { openWasm } from '../../src/runtime/wasm.ts';
import { openWebGpu } from '../../src/runtime/webgpu.ts';
import { moduleOf } from '../support/random-graph.ts';
import type { Tensors } from './reference.ts';

// What printed programs may call.
const runtime = {
  checkFacts,
  floorDiv,
  repeat,
  readPlan,
  bitcast,
  erf,
  roundEven,
  toInteger,
  threefry,
  foldPath,
  openWasm,
  openWebGpu,
  writeTeams,
  writeHalves,
};

/** A compiled function. */
export interface Compiled {
  readonly lowered: Lowered;
  readonly spec: ProgramSpec;
}

/** Compiles a function for both targets; `change` may damage what the passes made. */
export function compileFunction(fn: GraphFunction, change = (lowered: Lowered): Lowered => lowered): Compiled {
  const lowered = change(lowerModule(moduleOf(fn)));
  const input = { module: lowered.graph, programs: lowered.programs, name: 'random', sourceName: 'random.dlm' };
  const { code } = printProgram(input, { wgsl: printWgsl, wasm: encodeWasm, tableWords });
  // oxlint-disable-next-line typescript/no-implied-eval
  const make = new Function(...Object.keys(runtime), `${code}; return program;`) as (
    ...given: unknown[]
  ) => ProgramSpec;
  return { lowered, spec: make(...Object.values(runtime)) };
}

/** Results by name, updated parameters among them. */
export async function runOn(
  backend: Backend,
  { spec }: Compiled,
  fn: GraphFunction,
  inputs: Tensors,
): Promise<Record<string, Data>> {
  const kept = new Map<string, Memory>();
  for (const { name, role, value } of fn.inputs) {
    if (role !== 'param') continue;
    const data = Float32Array.from(inputs[name]?.data ?? []);
    const memory = backend.allocate(data.byteLength);
    if (value.type.dtype === 'f32') backend.write(memory, data);
    kept.set(name, memory);
  }
  const runner = new Runner(spec, backend, (path, bytes) => {
    const memory = kept.get(path) ?? (bytes === undefined ? undefined : backend.allocate(bytes));
    if (!memory) throw new RangeError(`no parameter ${path}`);
    kept.set(path, memory);
    return memory;
  });
  try {
    await runner.prepare([fn.name]);
    const given = fn.inputs.filter(({ role }) => role === 'argument').map(({ name }) => hostValue(inputs, name));
    const call = runner.call(fn.name, fn.name, given);
    const scalars = fn.inputs.filter(({ role }) => role === 'option' || role === 'iteration' || role === 'key');
    const record = Object.fromEntries(scalars.map(({ name }) => [name, inputs[name]?.data[0] ?? 0]));
    const values = await runner.values(call, record);
    const outputs = fn.results.filter(({ role }) => role === 'output');
    const results = Object.fromEntries(outputs.map(({ name }, at) => [name, values[at] ?? new Float32Array()]));
    for (const { name, role } of fn.results) {
      const memory = kept.get(name);
      if (role !== 'update' || !memory) continue;
      const [bytes] = await backend.read([memory]);
      if (bytes) results[name] = new Float32Array(bytes.buffer, bytes.byteOffset, inputs[name]?.data.length);
    }
    return results;
  } finally {
    runner.dispose();
    for (const memory of kept.values()) backend.free(memory);
  }
}

function hostValue(inputs: Tensors, name: string): unknown {
  const tensor = inputs[name];
  if (!tensor) throw new RangeError(`no argument ${name}`);
  const { dtype, shape, data } = tensor;
  if (shape.length === 0 && dtype === 'bool') return data[0] !== 0;
  if (shape.length === 0) return data[0];
  const typed =
    dtype === 'f32'
      ? Float32Array.from(data)
      : dtype === 'i32'
        ? Int32Array.from(data)
        : dtype === 'u32'
          ? Uint32Array.from(data)
          : Uint8Array.from(data);
  return { data: typed, shape };
}
