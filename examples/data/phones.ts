// Speech of a kind: one of six phones after the other, each a tone for a while, by speakers who are louder or softer.
import type { Random } from './random.ts';

/** How many phones there are, frames of an utterance, and samples of a frame. */
export const speech = { phones: 6, frames: 20, samples: 8 } as const;

/** A wave, and the phone of each of its frames. */
export interface Utterance {
  readonly wave: Float32Array;
  readonly phones: readonly number[];
}

/** Phones of three to six frames each; phases, loudness and noise say nothing about them. */
export function utterance(random: Random): Utterance {
  const phones: number[] = [];
  while (phones.length < speech.frames) {
    // Never the same twice in a row.
    const phone = ((phones.at(-1) ?? 0) + 1 + random.below(speech.phones - 1)) % speech.phones;
    for (let left = 3 + random.below(4); left > 0 && phones.length < speech.frames; left--) phones.push(phone);
  }
  const gain = random.uniform(0.7, 1.3);
  let phase = random.uniform(0, 2 * Math.PI);
  const wave = Float32Array.from({ length: speech.frames * speech.samples }, (_, at) => {
    const phone = phones[Math.floor(at / speech.samples)] ?? 0;
    if (at % speech.samples === 0) phase = random.uniform(0, 2 * Math.PI);
    phase += 2 * Math.PI * (0.06 + 0.07 * phone);
    return gain * Math.sin(phase) + 0.25 * random.normal();
  });
  return { wave, phones };
}
