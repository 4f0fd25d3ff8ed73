// Calls that are timed: `{ profile: (report) => … }`. On a GPU with timestamps every dispatch is a pass of its own, whose
// begin and end the GPU writes down. Only modules that were compiled for it carry this.
import type { KernelReport, Profile, ProgramSpec, Scalars } from './program.ts';
import type { Call, Runner } from './runner.ts';
import type { Tensor } from './tensor.ts';

/** The passes of one run, and where their times will be. */
interface Timed {
  readonly times: GPUBuffer;
  readonly count: number;
}

/** Runs a call, waits for it, and reports what it cost. */
export async function runProfiled(
  runner: Runner,
  call: Call,
  scalars: Scalars,
  report: (profile: Profile) => void,
): Promise<Tensor[]> {
  const { backend, program } = runner;
  const { gpu, kind: device } = backend;
  const timed: Timed[] = [];
  const hasTimes = gpu?.features.has('timestamp-query') ?? false;
  const start = performance.now();
  const inPasses: Timer =
    gpu && hasTimes ? timer(gpu, timed) : (encoder, commands, encode) => encode(encoder, commands);
  let count = 0;
  const results = await runner.tensors(call, scalars, {
    encode: (encoder, commands, encode) => {
      count += commands.filter((command) => 'pipeline' in command).length;
      inPasses(encoder, commands, encode);
    },
  });
  await gpu?.queue.onSubmittedWorkDone();
  const ms = performance.now() - start;
  const times = (await Promise.all(timed.map(readTimes))).flat();
  // What prepares weights is not run in every call.
  const all = (call.plan.steps ?? []).filter(([op]) => typeof op === 'number');
  const dispatches = all.slice(all.length - count);
  const kernels = dispatches.map(([op, , workgroups], at): KernelReport => {
    const [name = '', ...from] = (program.kernelNames?.[Number(op)] ?? '').split(' ');
    const own = times[at];
    return { name, from, workgroups: workgroups ?? 0, ...(own === undefined ? {} : { ms: own }) };
  });
  report({ entry: call.entry, device, ms, kernels });
  return results;
}

/** The kernels of the GPU as `meta` shows them. */
export const describeKernels = ({ kernelNames = [] }: ProgramSpec): object[] =>
  kernelNames.map((text) => {
    const [name, ...from] = text.split(' ');
    return { name, from };
  });

type Encode = (encoder: GPUCommandEncoder, commands: readonly object[]) => void;

type Timer = (...given: [...Parameters<Encode>, encode: Encode]) => void;

function timer(gpu: GPUDevice, timed: Timed[]): Timer {
  return (encoder, commands, encode) => {
    const count = commands.filter((command) => 'pipeline' in command).length;
    if (count === 0) return encode(encoder, commands);
    const querySet = gpu.createQuerySet({ type: 'timestamp', count: 2 * count });
    let at = 0;
    const timedEncoder = {
      beginComputePass: () => {
        const timestampWrites = { querySet, beginningOfPassWriteIndex: at++, endOfPassWriteIndex: at++ };
        return encoder.beginComputePass({ timestampWrites });
      },
      copyBufferToBuffer: encoder.copyBufferToBuffer.bind(encoder),
    } as unknown as GPUCommandEncoder;
    for (const command of commands) encode(timedEncoder, [command]);
    const size = 16 * count;
    // GPUBufferUsage: resolve a query and copy from; map to read and copy to.
    const resolved = gpu.createBuffer({ size, usage: 0x200 | 4 });
    const times = gpu.createBuffer({ size, usage: 1 | 8 });
    encoder.resolveQuerySet(querySet, 0, 2 * count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, times, 0, size);
    timed.push({ times, count });
  };
}

/** Milliseconds of each pass. */
async function readTimes({ times, count }: Timed): Promise<number[]> {
  await times.mapAsync(1);
  const stamps = new BigUint64Array(times.getMappedRange().slice(0));
  times.destroy();
  return Array.from({ length: count }, (_, at) => Number((stamps[2 * at + 1] ?? 0n) - (stamps[2 * at] ?? 0n)) / 1e6);
}
