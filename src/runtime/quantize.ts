// Quantizes floats of a file as the module keeps them (src/elaborate/quantize.ts says how they lie in words). Only modules
// with quantized weights carry this.
import type { Data, QuantizedSpec } from './program.ts';
import { convertStored, type StoredTensor } from './safetensors.ts';

// To the nearest integer, ties to even, by the rounding of f32: its last bit is 1 from 2²³ on.
const nearest = (x: number): number => Math.fround(x + 1.5 * 2 ** 23) - 1.5 * 2 ** 23;

/** Words and scales of a weight whose floats are stored; undefined where they are no floats or have another shape. */
export function quantizeStored(
  [bits, group, shape]: QuantizedSpec,
  stored: StoredTensor,
): readonly [words: Data, scales: Data] | undefined {
  const [rows = 1, ...rest] = shape;
  const data = String(stored.shape) === String(shape) ? convertStored(stored, 'f32') : undefined;
  if (!data) return undefined;
  const row = rest.reduce((a, b) => a * b, 1);
  const perWord = 32 / bits;
  const blocks = Math.ceil(row / (4 * perWord));
  const groups = Math.ceil(row / group);
  const [words, scales] = [new Uint32Array(rows * blocks * 4), new Float32Array(rows * groups)];
  const [largest, mask] = [2 ** (bits - 1) - 1, 2 ** bits - 1];
  for (let at = 0; at < rows * groups; at++) {
    const first = (at % groups) * group;
    const size = Math.min(group, row - first);
    const from = Math.floor(at / groups) * row + first;
    let most = 0;
    for (let i = from; i < from + size; i++) most = Math.max(most, Math.abs(data[i] ?? 0));
    const scale = Math.fround(most / largest);
    scales[at] = scale;
    for (let i = 0; i < size; i++) {
      const place = first + i;
      const lane = Math.floor(place / 4) % perWord;
      const word = (Math.floor(at / groups) * blocks + Math.floor(place / (4 * perWord))) * 4 + (place % 4);
      const steps = Math.fround((data[from + i] ?? 0) / (scale || 1));
      words[word] = (words[word] ?? 0) | ((nearest(steps) & mask) << (bits * lane));
    }
  }
  return [words, scales];
}
