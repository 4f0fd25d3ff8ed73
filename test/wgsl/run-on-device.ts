// Runs a nest function on a WebGPU device: schedules every nest, prints it, dispatches in order and reads
// the results back. Memory that nobody has written holds NaN patterns, so that reading it shows.
import { evaluateDim, type Dim } from '../../src/ir/dim.ts';
import type { DType } from '../../src/ir/dtype.ts';
import type { Kernel } from '../../src/ir/kernel.ts';
import { stepScalars, type Nest, type NestFunction, type NestStep, type OpaqueNest } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import type { Dispatch } from '../../src/ir/plan.ts';
import { expandMath } from '../../src/passes/expand-math.ts';
import type { Scheduled, ScheduleNest } from '../../src/passes/schedule/schedule.ts';
import { printWgsl } from '../../src/codegen/wgsl/print.ts';
import { shaderOn } from '../../src/shader-text.ts';

const nestsOf = (steps: readonly NestStep[]): (Nest | OpaqueNest)[] =>
  steps.flatMap((step) => (step.kind === 'loop' ? nestsOf(step.body) : [step]));

/** All kernels, steps and buffers of a function, those inside loops once. */
export function scheduleAll(fn: NestFunction, schedule: ScheduleNest): Scheduled {
  const parts = nestsOf(fn.body).map((nest) => schedule(nest, fn));
  return {
    kernels: parts.flatMap((part) => part.kernels),
    steps: parts.flatMap((part) => part.steps),
    buffers: parts.flatMap((part) => part.buffers),
  };
}

/** WGSL for a device with these features; written buffers of the kernel are read_write, others are read. */
export const wgslOf = (kernel: Kernel, features: ReadonlySet<string> = new Set()): string =>
  shaderOn(
    printWgsl(
      kernel,
      kernel.buffers.map(({ access }) => (access === 'read' ? 'read' : 'read_write')),
    ),
    features,
  );

function encode(dtype: DType, data: Float64Array): ArrayBuffer {
  const typed =
    dtype === 'f32' ? Float32Array.from(data) : dtype === 'i32' ? Int32Array.from(data) : Uint32Array.from(data);
  return typed.buffer;
}

function decode(dtype: DType, bytes: ArrayBuffer, size: number): Float64Array {
  const typed =
    dtype === 'f32' ? new Float32Array(bytes) : dtype === 'i32' ? new Int32Array(bytes) : new Uint32Array(bytes);
  return Float64Array.from(typed.subarray(0, size));
}

class Session {
  private readonly buffers = new Map<string, { buffer: GPUBuffer; dtype: DType; shape: number[] }>();
  private readonly uniforms: GPUBuffer[] = [];
  private readonly record = new Map<string, number>();
  private readonly recordWords = new Uint32Array(256);

  constructor(
    private readonly device: GPUDevice,
    private readonly features: ReadonlySet<string>,
    readonly dims: Map<string, number>,
  ) {}

  value(d: Dim): number {
    return evaluateDim(d, (name) => this.dims.get(name));
  }

  create(id: string, dtype: DType, shape: readonly Dim[], data?: Float64Array): void {
    const extents = shape.map((d) => this.value(d));
    const size = extents.reduce((a, b) => a * b, 1);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = this.device.createBuffer({ size: Math.ceil(size / 4) * 16, usage });
    const bytes = data ? encode(dtype, data) : new Uint32Array(Math.ceil(size / 4) * 4).fill(0x7fc00001).buffer;
    this.device.queue.writeBuffer(buffer, 0, bytes);
    this.buffers.set(id, { buffer, dtype, shape: extents });
  }

  addScalar(id: string, dtype: DType, value: number): void {
    const at = this.record.size;
    this.record.set(id, at);
    this.recordWords.set(new Uint32Array(encode(dtype, Float64Array.of(value))), at);
  }

  private uniform(words: ArrayBufferView<ArrayBuffer>, size: number): GPUBuffer {
    const buffer = this.device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
    this.device.queue.writeBuffer(buffer, 0, words);
    this.uniforms.push(buffer);
    return buffer;
  }

  private async pipeline(kernel: Kernel): Promise<GPUComputePipeline> {
    const code = wgslOf(kernel, this.features);
    try {
      const module = this.device.createShaderModule({ code });
      return await this.device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
    } catch (error) {
      throw new Error(`${String(error)}\n${code}`, { cause: error });
    }
  }

  async dispatch(kernel: Kernel, step: Dispatch): Promise<void> {
    const pipeline = await this.pipeline(kernel);
    const resources = step.buffers.map((id) => this.buffers.get(id)?.buffer).filter((b) => b !== undefined);
    const words = [...step.params.map((d) => this.value(d)), ...step.scalars.map((id) => this.record.get(id) ?? -1)];
    if (words.length > 0) resources.push(this.uniform(Int32Array.from(words), 256));
    if (step.scalars.length > 0) resources.push(this.uniform(this.recordWords, 16384));
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const entries = resources.map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    const [x, y, z] = step.grid.map((d) => this.value(d));
    pass.dispatchWorkgroups(x ?? 1, y, z);
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  async run(step: NestStep, scheduled: ReadonlyMap<NestStep, Scheduled>): Promise<void> {
    if (step.kind === 'loop') {
      const count = this.value(step.count);
      for (let at = 0; at < count; at++) {
        this.dims.set(step.index, step.reverse ? count - 1 - at : at);
        for (const inner of step.body) await this.run(inner, scheduled);
      }
      return;
    }
    const { kernels = [], steps = [] } = scheduled.get(step) ?? {};
    for (const [at, dispatch] of steps.entries()) {
      const kernel = kernels[at];
      if (dispatch.kind === 'dispatch' && kernel) await this.dispatch(expandMath(kernel), dispatch);
    }
  }

  async read(id: string): Promise<Tensor> {
    const found = this.buffers.get(id);
    if (!found) throw new Error(`no buffer ${id}`);
    const { buffer, dtype, shape } = found;
    const copy = this.device.createBuffer({
      size: buffer.size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, buffer.size);
    this.device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const data = decode(
      dtype,
      copy.getMappedRange(),
      shape.reduce((a, b) => a * b, 1),
    );
    copy.destroy();
    return { dtype, shape, data };
  }

  destroy(): void {
    for (const { buffer } of this.buffers.values()) buffer.destroy();
    for (const buffer of this.uniforms) buffer.destroy();
  }
}

/**
 * Results of `fn` by name, computed on the device.
 * @param features of the device, or fewer
 * @throws Error with the WGSL where it does not compile
 */
export async function runOnDevice(
  device: GPUDevice,
  fn: NestFunction,
  inputs: Readonly<Record<string, Tensor>>,
  dims: Readonly<Record<string, number>>,
  schedule: ScheduleNest,
  features: ReadonlySet<string> = device.features,
): Promise<Record<string, Tensor>> {
  const session = new Session(device, features, new Map(Object.entries(dims)));
  const scheduled = new Map<NestStep, Scheduled>(nestsOf(fn.body).map((nest) => [nest, schedule(nest, fn)]));
  const buffers = [...scheduled.values()].flatMap((part) => part.buffers);
  const given = new Map(fn.inputs.map(({ name, buffer }) => [buffer, inputs[name]]));
  const scalars = stepScalars(fn);
  for (const { id, type } of [...fn.buffers, ...buffers]) {
    const data = given.get(id)?.data;
    if (scalars.has(id)) session.addScalar(id, type.dtype, data?.[0] ?? 0);
    else session.create(id, type.dtype, type.shape, data);
  }
  device.pushErrorScope('validation');
  try {
    for (const step of fn.body) await session.run(step, scheduled);
    const results = await Promise.all(
      fn.results.map(async ({ name, buffer }) => [name, await session.read(buffer)] as const),
    );
    const error = await device.popErrorScope();
    if (error)
      throw new Error(
        `${error.message}\n${scheduleAll(fn, schedule)
          .kernels.map((kernel) => wgslOf(kernel, features))
          .join('\n')}`,
      );
    return Object.fromEntries(results);
  } finally {
    session.destroy();
  }
}
