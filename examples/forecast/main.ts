// Five recurrent networks against the forecast that nothing changes, on windows of a generated weather.
import { random } from '../data/random.ts';
import { weather } from '../data/weather.ts';
import { standardized, windows, type Series, type WindowBatch, type Windows } from '../data/windows.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import * as forecast from './forecast.dlm.js';

// Two days back, every second hour; six hours ahead.
const cut = { lookback: 48, delay: 6, step: 2, batch: 64 };

/** Row 10. */
export const example: HostExample = {
  row: 10,
  title: 'RNN, LSTM and GRU forecasters',
  goals: {
    'RNN: error below the naive forecast': { least: 0.3 },
    'LSTM: error below the naive forecast': { least: 0.3 },
    'GRU: error below the naive forecast': { least: 0.3 },
    'stacked GRU: error below the naive forecast': { least: 0.3 },
    'bidirectional LSTM: error below the naive forecast': { least: 0.3 },
  },
  programs: [{ file: 'forecast.dlm', dims: { b: cut.batch, t: 24 } }],
  async run(settings) {
    const { device, seed, brief } = settings;
    const [hours, trained] = brief ? [100, 91] : [3000, 2400];
    const series = standardized(weather(hours, random(seed)), trained);
    const parts = {
      series,
      train: { ...cut, from: 0, to: trained, shuffle: random(seed) },
      // The first target is the first hour that training did not see.
      test: { ...cut, from: trained - cut.lookback - cut.delay + 1, to: hours },
    };
    const open = { device, seed };
    const runs = [
      { name: 'RNN', ...(await compare(parts, settings, await forecast.loadRnn(open), forecast.createFitRnn)) },
      { name: 'LSTM', ...(await compare(parts, settings, await forecast.loadLstm(open), forecast.createFitLstm)) },
      { name: 'GRU', ...(await compare(parts, settings, await forecast.loadGru(open), forecast.createFitGru)) },
      {
        name: 'stacked GRU',
        ...(await compare(parts, settings, await forecast.loadStacked(open), forecast.createFitStacked)),
      },
      {
        name: 'bidirectional LSTM',
        ...(await compare(parts, settings, await forecast.loadBothWays(open), forecast.createFitBothWays)),
      },
    ];
    const targets = [...windows(series, parts.test)].flatMap(({ y }) => [...y]);
    const naive = error(naiveForecast(series, parts.test), targets);
    const shown = (values: readonly number[]): number[] => values.slice(0, 120);
    return {
      scores: Object.fromEntries(
        runs.map(({ name, forecasts }) => [
          `${name}: error below the naive forecast`,
          1 - error(forecasts, targets) / naive,
        ]),
      ),
      losses: Object.fromEntries(runs.map(({ name, losses }) => [name, losses])),
      pictures: {
        'forecast.svg': chart({
          title: 'Five days of the test part, each hour forecast six hours before',
          x: 'hour',
          y: 'temperature, standardized',
          series: [
            line('measured', shown(targets)),
            line('GRU', shown(runs[2]?.forecasts ?? [])),
            line('naive', shown(naiveForecast(series, parts.test))),
          ],
        }),
      },
    };
  },
};

/** What the networks of this example have in common. */
interface Net extends AsyncDisposable {
  forward(x: WindowBatch['x']): Promise<Disposable & { data(): Promise<Float32Array> }>;
}
interface Fit extends AsyncDisposable {
  step(batch: WindowBatch): Promise<{ loss: number }>;
}
interface Parts {
  readonly series: Series;
  readonly train: Windows;
  readonly test: Windows;
}

/** Trains a network; its losses and its forecasts of the test part. */
async function compare<N extends Net>(
  { series, train, test }: Parts,
  { seed, brief }: Settings,
  opened: N,
  createFit: (net: N, options: { seed: number }) => Promise<Fit>,
) {
  await using net = opened;
  await using fit = await createFit(net, { seed });
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 3 : 12); epoch++)
    for (const batch of windows(series, train)) losses.push((await fit.step(batch)).loss);
  const forecasts: number[] = [];
  for (const { x } of windows(series, test)) {
    using result = await net.forward(x);
    forecasts.push(...(await result.data()));
  }
  return { losses, forecasts };
}

/** It will be as it is. */
const naiveForecast = (series: Series, test: Windows): number[] =>
  [...windows(series, { ...test, delay: 0, to: test.to - test.delay })].flatMap(({ y }) => [...y]);

const error = (found: readonly number[], wanted: readonly number[]): number =>
  wanted.reduce((sum, value, at) => sum + Math.abs(value - (found[at] ?? NaN)), 0) / wanted.length;
