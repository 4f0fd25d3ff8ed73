// Schedules nests for the CPU: convolutions over a laid-out image, matrix products on packed panels, everything else
// as loops with four lanes. One nest becomes one kernel and one dispatch.
import { constant } from '../../ir/dim.ts';
import { Facts } from '../../ir/dim-solver.ts';
import type { Dim } from '../../ir/dim.ts';
import type { DType } from '../../ir/dtype.ts';
import type { Nest, NestFunction } from '../../ir/nest.ts';
import { asContraction, type Contraction } from './cpu/contraction.ts';
import { asConvolution } from './cpu/convolution.ts';
import { emitConvolvedPositions } from './cpu/convolve-positions.ts';
import { emitConvolvedTaps } from './cpu/convolve-taps.ts';
import { DimValues } from './cpu/dim-values.ts';
import { KernelWriter } from './cpu/kernel-writer.ts';
import { emitLoops } from './cpu/loops.ts';
import { emitMatrixProduct } from './cpu/matrix-product.ts';
import { keepRowValues } from './cpu/row-values.ts';
import { clampScatters } from './cpu/scatter.ts';
import { Values } from './cpu/values.ts';
import { fillsBuffer, flattenNest } from './flatten.ts';
import { opaqueSchedule } from './order/schedules.ts';
import type { Scheduled, ScheduleNest } from './schedule.ts';

/** Schedules one nest for WebAssembly. @throws RangeError for f16 buffers */
export const scheduleForCpu: ScheduleNest = (nest, scope) => {
  if (nest.kind === 'opaque') return opaqueSchedule(nest, 'cpu')(nest, scope);
  const whole = flattenNest(clampScatters(nest, scope), scope);
  const flat = keepRowValues(whole, (buffer) => dtypeOf(buffer, scope) === 'f32');
  const writer = new KernelWriter((buffer) => dtypeOf(buffer, scope));
  const written = new Set(flat.stages.flatMap((stage) => (stage.kind === 'store' ? [stage.buffer] : [])));
  const values = new Values(writer, new DimValues(writer, new Facts(scope.dims, scope.facts)), written);
  const contraction = asContraction(flat);
  const extent = contraction
    ? emitProduct(values, contraction)
    : emitLoops(values, flat, (store) => fillsBuffer(flat, store, scope));
  return finish(nest, writer, extent);
};

function emitProduct(values: Values, contraction: Contraction): Dim {
  const convolution = asConvolution(contraction);
  const emit = convolution?.columns === 'taps' ? emitConvolvedTaps : emitConvolvedPositions;
  return (convolution && emit(values, convolution)) ?? emitMatrixProduct(values, contraction);
}

function dtypeOf(buffer: string, scope: NestFunction): DType {
  const found = scope.buffers.find(({ id }) => id === buffer);
  if (!found) throw new RangeError(`${scope.name} has no buffer ${buffer}`);
  return found.type.dtype;
}

function finish(nest: Nest, writer: KernelWriter, extent: Dim): Scheduled {
  const { kernel, buffers, params } = writer.finish(nest.name, nest.origin);
  const grid = [extent, constant(1), constant(1)] as const;
  return {
    kernels: [kernel],
    steps: [{ kind: 'dispatch', kernel: kernel.name, buffers, params, scalars: [], grid }],
    buffers: [],
  };
}
