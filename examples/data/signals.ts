// Noisy signals with one of four short patterns somewhere in them.
import type { Labelled } from './labelled.ts';
import type { Random } from './random.ts';

/** Samples of one signal. */
export const signalLength = 96;
const patternLength = 24;

const patterns: readonly (readonly [name: string, shape: (t: number) => number])[] = [
  ['rising', (t) => Math.sin(2 * Math.PI * (1 * t + 2.5 * t * t))],
  ['falling', (t) => Math.sin(2 * Math.PI * (1 * (1 - t) + 2.5 * (1 - t) ** 2))],
  ['steady', (t) => Math.sin(2 * Math.PI * 3.5 * t)],
  ['beats', (t) => Math.sin(2 * Math.PI * 3.5 * t) * Math.cos(2 * Math.PI * t)],
];

/** Signals with the pattern's name as their class. */
export function signals(count: number, random: Random): Labelled {
  const y = Array.from({ length: count }, (_, at) => at % patterns.length);
  const x = y.map((label) => {
    const start = random.below(signalLength - patternLength);
    const size = random.uniform(0.8, 1.4);
    return Float32Array.from({ length: signalLength }, (_, at) => {
      const t = (at - start) / patternLength;
      const part = t < 0 || t >= 1 ? 0 : size * Math.sin(Math.PI * t) * (patterns[label]?.[1](t) ?? 0);
      return part + 0.25 * random.normal();
    });
  });
  return { x, y, classes: patterns.map(([name]) => name) };
}
