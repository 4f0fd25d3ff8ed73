// Melodies: sequences of tones as sound, and the energies in bands of frequency, frame by frame, that a network hears.
// Tones differ in length, loudness and timbre, pauses in length; nothing says where a tone begins.
import type { Random } from './random.ts';

/** Tones of the scale; labels are 1 … tones, 0 stands for none of them. */
export const tones = 10;
/** Bands of frequency. */
export const bands = 24;
/** The length that melodies are filled up to with silence, in frames. */
export const frames = 96;

const rate = 4000; // samples a second
const hop = 80; // from frame to frame: 20 ms
const window = 256; // samples that a frame sees: 64 ms
/** Whole tones from 220 Hz on. */
const pitch = (tone: number): number => 220 * 2 ** ((tone - 1) / 6);

/** What is played and how it sounds. */
export interface Melody {
  readonly labels: readonly number[];
  /** Log energies [frames, bands]. */
  readonly energies: Float32Array;
  /** Frames until the end of the last tone. */
  readonly length: number;
}

/** A melody of `count` tones; the same tone may come twice in a row. */
export function melody(count: number, random: Random): Melody {
  const sound = Float32Array.from({ length: frames * hop + window }, () => 0.05 * random.normal());
  const labels = Array.from({ length: count }, () => 1 + random.below(tones));
  let at = random.uniform(0.02, 0.08) * rate;
  for (const label of labels) {
    const end = at + random.uniform(0.08, 0.15) * rate;
    play(sound, pitch(label), Math.round(at), Math.round(end), random);
    at = end + random.uniform(0.04, 0.08) * rate;
  }
  return { labels, energies: heard(sound), length: Math.min(frames, Math.ceil(at / hop)) };
}

function play(sound: Float32Array, frequency: number, from: number, to: number, random: Random): void {
  const [loud, second, phase] = [random.uniform(0.5, 1), random.uniform(0, 0.5), random.uniform(0, 2 * Math.PI)];
  for (let at = from; at < Math.min(to, sound.length); at++) {
    // Tones fade in and out within 10 ms.
    const edge = Math.min(1, (at - from) / 40, (to - at) / 40);
    const turn = (2 * Math.PI * frequency * at) / rate + phase;
    sound[at] = (sound[at] ?? 0) + edge * loud * (Math.sin(turn) + second * Math.sin(2 * turn));
  }
}

// Hann's window.
const shape = Float32Array.from({ length: window }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / window));
/** Log energies of bands a semitone apart, from 200 Hz on, by Goertzel's recurrence. */
function heard(sound: Float32Array): Float32Array {
  const energies = new Float32Array(frames * bands);
  for (let band = 0; band < bands; band++) {
    const turn = 2 * Math.cos((2 * Math.PI * 200 * 2 ** (band / 12)) / rate);
    for (let frame = 0; frame < frames; frame++) {
      let [last, before] = [0, 0];
      for (let at = 0; at < window; at++) {
        [last, before] = [(shape[at] ?? 0) * (sound[frame * hop + at] ?? 0) + turn * last - before, last];
      }
      const energy = last * last + before * before - turn * last * before;
      energies[frame * bands + band] = (Math.log(energy + 1) - 2) / 3;
    }
  }
  return energies;
}

/** What a path of labels spells: repeats are merged, then blanks (0) dropped. */
export const spelled = (path: ArrayLike<number>): number[] =>
  Array.from(path).filter((label, at) => label !== 0 && label !== path[at - 1]);

/** The least number of labels to insert, delete or replace that makes `b` of `a` (Levenshtein). */
export function editDistance(a: readonly number[], b: readonly number[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  a.forEach((label, i) => {
    const next = [i + 1];
    b.forEach((other, j) => {
      const replaced = (row[j] ?? 0) + (label === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    });
    row = next;
  });
  return row.at(-1) ?? 0;
}
