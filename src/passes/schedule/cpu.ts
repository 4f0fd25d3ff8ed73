// Schedules nests for the CPU: convolutions over a laid-out image, matrix products on packed panels, everything else
// as loops with four lanes. One nest becomes one kernel and one dispatch, where weights are combined first two.
import { constant } from '../../ir/dim.ts';
import { Facts } from '../../ir/dim-solver.ts';
import type { Dim } from '../../ir/dim.ts';
import type { DType } from '../../ir/dtype.ts';
import type { Nest, NestFunction } from '../../ir/nest.ts';
import { emitAttention } from './cpu/attend-rows.ts';
import { asAttention } from './cpu/attention.ts';
import { asContraction } from './cpu/contraction.ts';
import { asConvolution, paysToShift } from './cpu/convolution.ts';
import { emitConvolvedPositions } from './cpu/convolve-positions.ts';
import { emitConvolvedTaps } from './cpu/convolve-taps.ts';
import { DimValues } from './cpu/dim-values.ts';
import { emitAnyRows } from './cpu/few-rows.ts';
import { KernelWriter } from './cpu/kernel-writer.ts';
import { emitLoops } from './cpu/loops.ts';
import { defaultTiles, emitMatrixProduct } from './cpu/matrix-product.ts';
import { keepRowValues } from './cpu/row-values.ts';
import { clampScatters } from './cpu/scatter.ts';
import { splitLastAxis } from './cpu/split-axis.ts';
import { Values } from './cpu/values.ts';
import { asWinograd, combineWeights, emitWinograd, type Winograd } from './cpu/winograd.ts';
import { fillsBuffer, flattenNest } from './flatten.ts';
import { opaqueSchedule } from './order/schedules.ts';
import { joined, type Scheduled, type ScheduleNest } from './schedule.ts';

/** Schedules one nest for WebAssembly. @throws RangeError for f16 buffers */
export const scheduleForCpu: ScheduleNest = (nest, scope) => {
  if (nest.kind === 'opaque') return opaqueSchedule(nest, 'cpu')(nest, scope);
  const whole = flattenNest(clampScatters(nest, scope), scope);
  const flat = keepRowValues(whole, (buffer) => dtypeOf(buffer, scope) === 'f32');
  const [attention, contraction] = [asAttention(flat), asContraction(flat)];
  const convolution = contraction && asConvolution(contraction);
  const winograd = convolution && asWinograd(convolution);
  if (winograd) return scheduleWinograd(nest, winograd, scope);
  return scheduled(nest, scope, flat, (values) => {
    if (attention) return emitAttention(values, attention);
    if (!contraction) {
      const split = splitLastAxis(flat, values.dims.facts);
      return emitLoops(values, split, (store) => fillsBuffer(split.nest, store, scope));
    }
    const convolve = convolution?.columns === 'taps' ? emitConvolvedTaps : emitConvolvedPositions;
    const shifted = convolution && paysToShift(convolution) ? convolve(values, convolution) : undefined;
    if (shifted) return shifted;
    const tiled = (): Dim => emitMatrixProduct(values, contraction);
    return emitAnyRows(values, contraction, defaultTiles.registerColumns, tiled) ?? tiled();
  });
};

// The combinations of the weights, which need not be made again where they stay the same, and the rest.
function scheduleWinograd(nest: Nest, winograd: Winograd, scope: NestFunction): Scheduled {
  const weights = 'combined';
  const { nest: combine, buffer } = combineWeights(winograd, nest.origin, weights);
  const within = { ...scope, buffers: [...scope.buffers, buffer] };
  const rest = scheduled(nest, within, nest, (values) => emitWinograd(values, winograd, weights));
  return joined(
    [scheduled(combine, within, combine, (values) => emitLoops(values, { nest: combine }, () => true)), rest],
    [buffer],
  );
}

function dtypeOf(buffer: string, scope: NestFunction): DType {
  const found = scope.buffers.find(({ id }) => id === buffer);
  if (!found) throw new RangeError(`${scope.name} has no buffer ${buffer}`);
  return found.type.dtype;
}

// One kernel and its dispatch; `emit` writes the body and returns the range that threads share.
function scheduled(nest: Nest, scope: NestFunction, flat: Nest, emit: (values: Values) => Dim): Scheduled {
  const writer = new KernelWriter((buffer) => dtypeOf(buffer, scope));
  const written = new Set(flat.stages.flatMap((stage) => (stage.kind === 'store' ? [stage.buffer] : [])));
  const extent = emit(new Values(writer, new DimValues(writer, new Facts(scope.dims, scope.facts)), written));
  const { kernel, buffers, params } = writer.finish(nest.name, nest.origin);
  const grid = [extent, constant(1), constant(1)] as const;
  return {
    kernels: [kernel],
    steps: [{ kind: 'dispatch', kernel: kernel.name, buffers, params, scalars: [], grid }],
    buffers: [],
  };
}
