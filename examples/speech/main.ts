// CPC and wav2vec listen to waves without labels; a linear probe tells phones from what they make of a frame.
import { stacked } from '../data/digits.ts';
import { speech, utterance, type Utterance } from '../data/phones.ts';
import { random } from '../data/random.ts';
import { slices } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { chart, line } from '../pictures/chart.ts';
import { probe } from '../probe/probe.ts';
import { createFitCpc, createFitWav2Vec, loadCpc, loadWav2Vec, type Cpc, type FitCpc, type FitWav2Vec, type Wav2Vec } from './speech.dlm.js';

const size = 16;

/** Row 23, with `../contrastive` and `../simcse`. */
export const example: HostExample = {
  row: 23,
  title: 'CPC and masked frames (wav2vec) on waves',
  goals: { 'CPC: probe above a random listener': { least: 0.1 }, 'wav2vec: probe above a random listener': { least: 0.1 } },
  programs: [{ file: 'speech.dlm', dims: { b: size } }],
  async run(settings) {
    const source = random(settings.seed);
    const draw = (count: number): Utterance[] => Array.from({ length: count }, () => utterance(source));
    const data = { all: draw(settings.brief ? 32 : 1000), few: draw(10), test: draw(settings.brief ? 10 : 100) };
    await using cpc = await loadCpc(settings);
    await using fitCpc = await createFitCpc(cpc);
    const ahead = await learn(cpc, fitCpc, data, settings);
    await using wav2Vec = await loadWav2Vec(settings);
    await using fitWav2Vec = await createFitWav2Vec(wav2Vec);
    const covered = await learn(wav2Vec, fitWav2Vec, data, settings);
    return {
      scores: {
        'CPC: probe above a random listener': (ahead.probes.at(-1) ?? NaN) - (ahead.probes[0] ?? NaN),
        'wav2vec: probe above a random listener': (covered.probes.at(-1) ?? NaN) - (covered.probes[0] ?? NaN),
      },
      losses: { CPC: ahead.losses, wav2vec: covered.losses },
      pictures: {
        'probes.svg': chart({
          title: 'Phones that a probe with ten labelled utterances tells',
          x: 'epochs begun',
          y: 'share of held-out frames',
          series: [line('CPC', ahead.probes), line('wav2vec', covered.probes)],
        }),
      },
    };
  },
};

interface Data {
  readonly all: readonly Utterance[];
  readonly few: readonly Utterance[];
  readonly test: readonly Utterance[];
}

const tensor = (heard: readonly Utterance[]) => stacked(heard.map(({ wave }) => wave));

async function learn(net: Cpc | Wav2Vec, fit: FitCpc | FitWav2Vec, { all, few, test }: Data, { seed, brief }: Settings) {
  const order = random(seed);
  const score = async (): Promise<number> => probe(await frames(net, few), await frames(net, test));
  const probes = [await score()];
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 3 : 20); epoch++) {
    for (const batch of slices(all, size, order)) losses.push((await fit.step({ wave: tensor(batch) })).loss);
    probes.push(await score());
  }
  return { probes, losses };
}

/** What a network makes of each frame, and its phone. */
async function frames(net: Cpc | Wav2Vec, heard: readonly Utterance[]) {
  using found = await net.features(tensor(heard));
  const [values, width] = [await found.data(), found.shape[2]];
  const rows = Array.from({ length: heard.length * speech.frames }, (_, at) => values.slice(at * width, (at + 1) * width));
  return { rows, labels: heard.flatMap(({ phones }) => phones) };
}
