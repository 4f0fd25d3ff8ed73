// The perceptron as textbooks have it: one example at a time in random order, until an epoch no longer helps. Irises
// cannot be told apart by lines, so the rule never rests; the pocket keeps the weights of the best epoch (Gallant 1990).
import { accuracy, batches, readTable, split, type Labelled } from '../data/labelled.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { createLearn, load, type OneVsRest } from './perceptron.dlm.js';

/** How to learn. */
interface Recipe {
  readonly eta: number;
  readonly epochs: number;
  readonly penalty: 'none' | 'l1' | 'l2';
  /** Weight of the penalty. */
  readonly alpha: number;
  readonly shuffle: boolean;
  /** Ends when the loss of an epoch was not below the best by this much, five times in a row. */
  readonly tolerance: number;
}

const usual: Recipe = { eta: 0.1, epochs: 60, penalty: 'none', alpha: 1e-4, shuffle: true, tolerance: 1e-3 };
const recipes: Readonly<Record<string, Recipe>> = {
  'no penalty': usual,
  l1: { ...usual, penalty: 'l1' },
  l2: { ...usual, penalty: 'l2' },
};

/** Row 2. */
export const example: HostExample = {
  row: 2,
  title: 'Perceptron, one against the rest, on irises',
  goals: {
    'test accuracy, no penalty': { least: 0.8 },
    'test accuracy, l1': { least: 0.8 },
    'test accuracy, l2': { least: 0.8 },
  },
  programs: [{ file: 'perceptron.dlm', dims: { b: 1 } }],
  async run(settings) {
    const parts = split(readTable('examples/data/iris.csv'), 0.2, random(settings.seed));
    const runs = [];
    for (const [name, recipe] of Object.entries(recipes))
      runs.push({ name, ...(await learn(parts, recipe, settings)) });
    return {
      scores: Object.fromEntries(runs.map(({ name, score }) => [`test accuracy, ${name}`, score])),
      losses: Object.fromEntries(runs.map(({ name, losses }) => [name, losses])),
      pictures: {
        'epochs.svg': chart({
          title: 'Perceptron rule on irises',
          x: 'epoch',
          y: 'mean loss of an epoch',
          series: runs.map(({ name, losses }) => line(name, losses)),
        }),
      },
    };
  },
};

async function learn(
  { train, test }: { train: Labelled; test: Labelled },
  { eta, epochs, penalty, alpha, shuffle, tolerance }: Recipe,
  { device, seed, brief }: Settings,
) {
  await using net = await load({ device, seed });
  await using fit = await createLearn(net, { eta, ...(penalty !== 'none' && { [penalty]: alpha }) });
  const order = random(seed);
  const seen = brief ? { ...train, x: train.x.slice(0, 40) } : train;
  const losses: number[] = [];
  let pocket = { share: 0, weights: await net.weights.save() };
  let [best, patience] = [Infinity, 5];
  while (losses.length < (brief ? 3 : epochs) && patience > 0) {
    let sum = 0;
    for (const batch of batches(seen, 1, shuffle ? { random: order } : {})) sum += (await fit.step(batch)).loss;
    const loss = sum / seen.x.length;
    losses.push(loss);
    const share = await right(net, train);
    if (share > pocket.share) pocket = { share, weights: await net.weights.save() };
    patience = loss > best - tolerance ? patience - 1 : 5;
    best = Math.min(best, loss);
  }
  await net.weights.load(pocket.weights);
  return { score: await right(net, test), losses };
}

/** The share of a table that a network tells right. */
async function right(net: OneVsRest, table: Labelled): Promise<number> {
  const [all] = batches(table, table.x.length);
  if (!all) throw new Error('an empty table');
  using predicted = await net.predict(all.x);
  return accuracy(await predicted.data(), table);
}
