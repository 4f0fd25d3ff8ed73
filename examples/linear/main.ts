// Descent against mathematics: the line of least squares has a closed form, the logistic one Newton's method.
import { people, type People } from '../data/people.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart } from '../pictures/chart.ts';
import { createFitLine, createFitLogistic, loadLine, loadLogistic } from './linear.dlm.js';
import { leastSquares, newton } from './exact.ts';

/** Row 1. */
export const example: HostExample = {
  row: 1,
  title: 'Linear and logistic regression',
  goals: {
    'line: distance from the closed form': { most: 0.01 },
    'logistic: distance from Newton’s method': { most: 0.01 },
  },
  programs: [{ file: 'linear.dlm', dims: { b: 200 } }],
  async run(settings) {
    const data = people(200, random(settings.seed));
    const line = await fitLine(data, settings);
    const logistic = await fitLogistic(data, settings);
    const closed = leastSquares(data.height, data.weight);
    const exact = newton(data);
    const at = (height: number): [number, number] => [height, line.slope * height + line.intercept];
    return {
      scores: {
        'line: distance from the closed form': distance([line.slope, line.intercept], closed),
        'logistic: distance from Newton’s method': distance(logistic.weights, exact),
      },
      losses: { line: line.losses, logistic: logistic.losses },
      pictures: {
        'line.svg': chart({
          title: `weight = ${line.slope.toFixed(3)} · height ${line.intercept.toFixed(1)}`,
          x: 'height (cm)',
          y: 'weight (kg)',
          series: [
            { name: 'women', points: pairs(data, 0), dots: true },
            { name: 'men', points: pairs(data, 1), dots: true },
            { name: 'trained line', points: [at(147), at(197)] },
            { name: 'even odds', points: boundary(logistic.weights) },
          ],
        }),
      },
    };
  },
};

/** The largest relative difference. */
const distance = (found: readonly number[], exact: readonly number[]): number =>
  Math.max(...exact.map((value, at) => Math.abs((found[at] ?? NaN) - value) / Math.abs(value)));

async function fitLine({ height, weight }: People, { device, seed, brief }: Settings) {
  await using net = await loadLine({ device, seed });
  await using fit = await createFitLine(net);
  const losses: number[] = [];
  for await (const event of fit.run([{ height, weight }], { epochs: brief ? 10 : 100 }))
    if (event.type === 'step') losses.push(event.loss);
  using w = await net.weights.get('fc.weight');
  using b = await net.weights.get('fc.bias');
  const [slope = 0, bias = 0] = [...(await w.data()), ...(await b.data())];
  // From steps of 10 cm around 170 cm back to cm.
  return { slope: slope / 10, intercept: bias - 17 * slope, losses };
}

async function fitLogistic({ height, weight, male }: People, { device, seed, brief }: Settings) {
  await using net = await loadLogistic({ device, seed });
  await using fit = await createFitLogistic(net);
  const losses: number[] = [];
  for await (const event of fit.run([{ height, weight, male }], { epochs: brief ? 10 : 600 }))
    if (event.type === 'step') losses.push(event.loss);
  using w = await net.weights.get('fc.weight');
  using b = await net.weights.get('fc.bias');
  return { weights: [...(await w.data()), ...(await b.data())], losses };
}

const pairs = ({ height, weight, male }: People, sex: number): [number, number][] =>
  [...height].flatMap((h, at) => (male[at] === sex ? [[h, weight[at] ?? 0] as [number, number]] : []));

/** Where the odds are even: a (height - 170) / 10 + b (weight - 70) / 10 + c = 0. */
function boundary([a = 0, b = 0, c = 0]: readonly number[]): [number, number][] {
  const height = (weight: number): number => 170 - (10 * c + b * (weight - 70)) / a;
  return [45, 90].map((weight) => [height(weight), weight]);
}
