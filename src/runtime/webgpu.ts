// The WebGPU backend: pipelines made at load, bind groups once per dim binding, one encoder and one submit per run.
// Parameters have a buffer each; temporaries share one buffer, arguments and results another.
import { Arena, padded } from './arena.ts';
import { DlmError, need } from './error.ts';
import type {
  Backend,
  Bound,
  Data,
  FunctionSpec,
  KernelSpec,
  Memory,
  Named,
  PlanSpec,
  ProgramSpec,
  RunRequest,
  StepSpec,
} from './program.ts';
import { bindingsOf, shaderText } from './shader.ts';

// GPUBufferUsage; the global is missing where only a device was passed in.
const [mapRead, copySource, copyTarget, uniform, storage] = [1, 4, 8, 64, 128];
const perSubmit = 1024;
// Of one dimension of a grid.
const mostWorkgroups = 65535;
// The size that shaders declare for the step record.
const recordBytes = 16384;

interface GpuMemory extends Memory {
  readonly buffer: GPUBuffer;
}

type Command =
  | { readonly pipeline: GPUComputePipeline; readonly group: GPUBindGroup; readonly workgroups: number }
  | { readonly from: GpuMemory; readonly to: GpuMemory; readonly through: GPUBuffer | undefined };

interface GpuBound extends Bound {
  readonly plan: PlanSpec;
  places: readonly GpuMemory[];
  commands: readonly Command[];
  readonly record: GPUBuffer;
  readonly link: () => void;
  linked: number;
  checked: boolean;
}

/** What kernels of f16, kernels that combine what teams have, and calls that are timed use where it is offered. */
const features: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

/**
 * Opens a GPU: the caller's device, which stays theirs, or the first adapter's, with what it has of {@link features}.
 * @throws DlmError E0804
 */
export async function openWebGpu(own?: GPUDevice): Promise<Backend> {
  if (own) return new WebGpuBackend(own, false);
  const gpu = (globalThis.navigator as Navigator | undefined)?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new DlmError('E0804', `no device for target \`webgpu\`: ${gpu ? 'no adapter' : 'no navigator.gpu here'}`);
  const { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupStorageSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: { maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupStorageSize },
  });
  return new WebGpuBackend(device, true);
}

class WebGpuBackend implements Backend {
  readonly kind = 'webgpu';
  readonly target = 'gpu';
  revision = 0;
  readonly #pipelines = new Map<KernelSpec, GPUComputePipeline>();
  readonly #compiling = new Map<KernelSpec, Promise<void>>();
  readonly #staging: GPUBuffer[] = [];
  readonly #arena = new Arena(this);
  #lost: DlmError | undefined;
  // Rejects when the device is lost.
  readonly #gone: Promise<never>;

  constructor(
    readonly gpu: GPUDevice,
    readonly owned: boolean,
  ) {
    this.#gone = gpu.lost.then((info) => {
      throw (this.#lost = new DlmError('E9107', `the GPU was lost: ${info.message || info.reason}`));
    });
    this.#gone.catch(() => {});
  }

  #buffer(bytes: number, usage: number): GPUBuffer {
    const size = padded(bytes);
    const limit =
      usage & storage ? Math.min(this.gpu.limits.maxBufferSize, this.gpu.limits.maxStorageBufferBindingSize) : Infinity;
    if (size > limit) throw new DlmError('E0902', `a buffer needs ${size} bytes, more than ${limit} of this device`);
    return this.gpu.createBuffer({ size, usage });
  }

  allocate(bytes: number): GpuMemory {
    const buffer = this.#buffer(bytes, storage | copySource | copyTarget);
    return { at: 0, bytes: buffer.size, buffer };
  }

  free(memory: Memory): void {
    memory.buffer?.destroy();
  }

  write(to: Memory, data: Data): void {
    if (to.buffer) this.gpu.queue.writeBuffer(to.buffer, to.at, data as Float32Array<ArrayBuffer>);
  }

  async prepare(
    program: ProgramSpec,
    functions: readonly FunctionSpec[],
    done?: (ready: number, total: number) => void,
  ): Promise<void> {
    const wanted = [...new Set(functions.flatMap((fn) => fn.kernels ?? []))];
    const kernels = wanted.map((index) => need(program.kernels?.[index], 'kernel'));
    let ready = 0;
    const compile = async (kernel: KernelSpec): Promise<void> => {
      const pending = this.#compiling.get(kernel) ?? this.#compile(program, kernel);
      this.#compiling.set(kernel, pending);
      await pending;
      done?.(++ready, kernels.length);
    };
    await Promise.all(kernels.map(compile));
  }

  async #compile(program: ProgramSpec, kernel: KernelSpec): Promise<void> {
    const { gpu } = this;
    const writers = program.writers ?? [];
    const code = writers.reduce((text, write) => write(text, gpu.features), shaderText(kernel));
    const compute = { module: gpu.createShaderModule({ code }), entryPoint: 'main' };
    this.#pipelines.set(kernel, await gpu.createComputePipelineAsync({ layout: 'auto', compute }));
  }

  bind(program: ProgramSpec, plan: PlanSpec, named: Named): GpuBound {
    const places = this.#arena.open(plan, named);
    const steps = [...(plan.steps ?? []), ...pairs(plan.commits ?? [])];
    const record = this.#buffer(recordBytes, uniform | copyTarget);
    const params = this.#paramBuffer(steps);
    const helpers = steps.map((step) => this.#helper(plan, step, named));
    const link = (): void => {
      bound.places = places() as GpuMemory[];
      bound.commands = steps.flatMap((step, at): Command[] => {
        const helper = helpers[at];
        if (isDispatch(step))
          return [this.#dispatch(program, step, bound, { buffer: params, offset: at * 256, size: 256 })];
        const [from, to] = [bound.places[step[1]], bound.places[step[2]]];
        if (step[0] === 'fill')
          return helper && from
            ? [{ from: { buffer: helper, at: 0, bytes: helper.size }, to: from, through: undefined }]
            : [];
        return from && to ? [{ from, to, through: helper }] : [];
      });
    };
    const dispose = (): void => [record, params, ...helpers].forEach((buffer) => buffer?.destroy());
    const bound: GpuBound = { plan, places: [], commands: [], record, link, linked: -1, checked: false, dispose };
    return bound;
  }

  // The params of every dispatch, 256 bytes apart; then the word indices of its scalars in the step record.
  #paramBuffer(steps: readonly StepSpec[]): GPUBuffer {
    const words = new Int32Array((steps.length + 1) * 64);
    steps.forEach((step, at) => {
      if (isDispatch(step)) words.set([...(step[3] ?? []), ...(step[4] ?? [])], at * 64);
    });
    return this.#filled(words, uniform);
  }

  #filled(words: Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, usage: number): GPUBuffer {
    const buffer = this.#buffer(words.byteLength, usage | copyTarget);
    this.gpu.queue.writeBuffer(buffer, 0, words);
    return buffer;
  }

  // The source of a fill; and since WebGPU copies only between different buffers, the midway of a copy in a pool.
  #helper(plan: PlanSpec, [op, at, value]: StepSpec, named: Named): GPUBuffer | undefined {
    const buffer = plan.buffers[Number(at)];
    if (op !== 'fill' && (op !== 'copy' || typeof buffer === 'string')) return undefined;
    const bytes = typeof buffer === 'string' ? named(buffer).bytes : (buffer?.[1] ?? 0);
    return this.#filled(new Uint32Array(Math.ceil(bytes / 4)).fill(op === 'fill' ? value : 0), copySource);
  }

  #dispatch(program: ProgramSpec, step: Dispatch, { places, record }: GpuBound, params: GPUBufferBinding): Command {
    const [index, buffers, workgroups] = step;
    const kernel = need(program.kernels?.[index], 'kernel');
    const pipeline = need(this.#pipelines.get(kernel), 'pipeline');
    const layout = pipeline.getBindGroupLayout(0);
    const entries = bindingsOf(kernel).map((kind, binding): GPUBindGroupEntry => {
      if (kind === 'p') return { binding, resource: params };
      const { buffer = record, at = 0, bytes = recordBytes } = (kind !== 's' && places[buffers[binding] ?? -1]) || {};
      return { binding, resource: { buffer, offset: at, size: bytes } };
    });
    return { pipeline, group: this.gpu.createBindGroup({ layout, entries }), workgroups };
  }

  async run(target: Bound, request: RunRequest): Promise<Uint8Array<ArrayBuffer>[]> {
    if (this.#lost) throw this.#lost;
    const bound = target as GpuBound;
    // The first run of a binding is validated; later runs do the same again.
    const check = bound.checked ? undefined : this.#watch();
    if (bound.linked !== this.#arena.moved) bound.link();
    bound.linked = this.#arena.moved;
    bound.checked = true;
    const place = (index: number): GpuMemory => bound.places[index] ?? { buffer: bound.record, at: 0, bytes: 0 };
    this.gpu.queue.writeBuffer(bound.record, 0, request.record);
    let encoder = this.gpu.createCommandEncoder();
    for (const { to, data, memory } of request.uploads) {
      if (memory) copy(encoder, memory as GpuMemory, place(to));
      if (data) this.write(place(to), data);
    }
    const commands = request.changed ? bound.commands : bound.commands.slice(bound.plan.prepares);
    for (let at = 0; at < commands.length; at += perSubmit) {
      (request.encode ?? encode)(encoder, commands.slice(at, at + perSubmit), encode);
      if (at + perSubmit >= commands.length) break;
      this.gpu.queue.submit([encoder.finish()]);
      encoder = this.gpu.createCommandEncoder();
    }
    for (const { from, to } of request.keeps) copy(encoder, place(from), to as GpuMemory);
    const reading = this.#collect(
      encoder,
      request.reads.map(({ from, bytes }) => ({ ...place(from), bytes })),
    );
    await check?.();
    return reading;
  }

  #watch(): () => Promise<void> {
    this.gpu.pushErrorScope('validation');
    this.gpu.pushErrorScope('out-of-memory');
    return async () => {
      const errors = await Promise.all([this.gpu.popErrorScope(), this.gpu.popErrorScope()]);
      const error = errors.find((found) => found !== null);
      if (error) throw new DlmError('E9108', `the GPU refused to run this: ${error.message}`);
    };
  }

  // Submits, and reads `from` back through a staging buffer that later reads use again.
  async #collect(encoder: GPUCommandEncoder, from: readonly GpuMemory[]): Promise<Uint8Array<ArrayBuffer>[]> {
    const total = from.reduce((sum, memory) => sum + memory.bytes, 0);
    if (total === 0) {
      this.gpu.queue.submit([encoder.finish()]);
      return from.map(() => new Uint8Array(0));
    }
    const free = this.#staging.findIndex((buffer) => buffer.size >= total);
    const staging = this.#staging.splice(free, free < 0 ? 0 : 1)[0] ?? this.#buffer(total, mapRead | copyTarget);
    let at = 0;
    for (const memory of from) {
      encoder.copyBufferToBuffer(memory.buffer, memory.at, staging, at, memory.bytes);
      at += memory.bytes;
    }
    this.gpu.queue.submit([encoder.finish()]);
    await Promise.race([this.#gone, staging.mapAsync(1, 0, total)]);
    const all = staging.getMappedRange(0, total).slice(0);
    staging.unmap();
    this.#staging.push(staging);
    at = 0;
    return from.map(({ bytes }) => new Uint8Array(all, (at += bytes) - bytes, bytes));
  }

  read(from: readonly Memory[]): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#collect(this.gpu.createCommandEncoder(), from as GpuMemory[]);
  }

  settle(): Promise<void> {
    return this.gpu.queue.onSubmittedWorkDone();
  }

  close(): void {
    if (this.owned) this.gpu.destroy();
    else {
      this.#arena.close();
      for (const buffer of this.#staging) buffer.destroy();
    }
  }
}

type Dispatch = Extract<StepSpec, readonly [number, ...unknown[]]>;

const isDispatch = (step: StepSpec): step is Dispatch => typeof step[0] === 'number';

const pairs = (flat: readonly number[]): StepSpec[] =>
  flat.flatMap((from, at) => (at % 2 === 0 ? [['copy', from, flat[at + 1] ?? 0] as const] : []));

function copy(encoder: GPUCommandEncoder, from: GpuMemory, to: GpuMemory, through?: GPUBuffer): void {
  const bytes = Math.min(from.bytes, to.bytes);
  if (from.buffer === to.buffer && through) {
    encoder.copyBufferToBuffer(from.buffer, from.at, through, 0, bytes);
    encoder.copyBufferToBuffer(through, 0, to.buffer, to.at, bytes);
  } else encoder.copyBufferToBuffer(from.buffer, from.at, to.buffer, to.at, bytes);
}

function encode(encoder: GPUCommandEncoder, commands: readonly object[]): void {
  let pass: GPUComputePassEncoder | undefined;
  let current: GPUComputePipeline | undefined;
  for (const command of commands as readonly Command[]) {
    if ('from' in command) {
      pass?.end();
      pass = current = undefined;
      copy(encoder, command.from, command.to, command.through);
      continue;
    }
    pass ??= encoder.beginComputePass();
    if (command.pipeline !== current) pass.setPipeline((current = command.pipeline));
    pass.setBindGroup(0, command.group);
    const { workgroups } = command;
    pass.dispatchWorkgroups(Math.min(workgroups, mostWorkgroups), Math.ceil(workgroups / mostWorkgroups));
  }
  pass?.end();
}
