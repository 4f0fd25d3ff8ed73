// A judge of generated digits: learns from true ones, then says what others show.
import { batches, type Labelled } from '../data/labelled.ts';
import { stacked } from '../data/digits.ts';
import { random } from '../data/random.ts';
import type { Settings } from '../example.ts';
import { createFit, load, type Judge } from './judge.dlm.js';

/** What an image shows, and how sure the judge is, from 0 to 1. */
export interface Verdict {
  readonly digit: number;
  readonly sure: number;
}

/** A judge that has seen the images of a table. */
export async function trainedJudge(table: Labelled, settings: Settings): Promise<Judge> {
  const judge = await load(settings);
  await using fit = await createFit(judge);
  const order = random(settings.seed);
  for (let epoch = 0; epoch < (settings.brief ? 1 : 8); epoch++)
    for (const batch of batches(table, 32, { random: order })) await fit.step(batch);
  return judge;
}

/** What images show. */
export async function verdicts(judge: Judge, images: readonly Float32Array[]): Promise<Verdict[]> {
  using found = await judge.forward(stacked(images));
  const probabilities = await found.data();
  return images.map((_, at) => {
    const row = probabilities.subarray(10 * at, 10 * at + 10);
    const sure = Math.max(...row);
    return { digit: row.indexOf(sure), sure };
  });
}

/** The share of images that show what they should. */
export const recognised = (found: readonly Verdict[], wanted: ArrayLike<number>): number =>
  found.filter(({ digit }, at) => digit === wanted[at]).length / found.length;
