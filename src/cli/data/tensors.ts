// Tensors of npz, npy and safetensors files → examples. The first axis counts examples.
import type { FileTensor } from '../../index.ts';
import { badValue, doesNotFit, rowPattern, type InputRequest, type ReadInput } from './load.ts';
import { makeData } from './cells.ts';

/** Reads one tensor into one input. Floats become integers only where they are whole. @throws Failure E0807, E0808 */
export function tensorExamples(tensor: FileTensor, wanted: InputRequest): ReadInput {
  const { dtype } = wanted;
  const [count = 0, ...row] = tensor.shape;
  const pattern = rowPattern(wanted.type);
  const fits =
    tensor.shape.length === wanted.type.shape.length &&
    pattern.every((size, axis) => size === null || size === row[axis]);
  if (!fits || tensor.shape.length === 0) throw doesNotFit(wanted, `${tensor.dtype}[${tensor.shape.join(', ')}]`);
  const data = makeData(dtype, tensor.data.length);
  for (let at = 0; at < data.length; at++) {
    const value = Number(tensor.data[at]);
    data[at] = value;
    const exact = dtype === 'f32' ? Number.isFinite(data[at]) : data[at] === value;
    if (!exact) throw badValue(wanted, String(value), `[${place(at, tensor.shape).join(', ')}]`);
  }
  return { count, examples: { dtype, row, data } };
}

function place(at: number, shape: readonly number[]): number[] {
  let rest = at;
  return [...shape]
    .reverse()
    .map((size) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return index;
    })
    .reverse();
}
