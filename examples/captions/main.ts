// Pictures of two things are described in words; attention shows where the network looks while it writes each of them.
import { bleu } from 'dlm/metrics';
import { random, type Random } from '../data/random.ts';
import { caption, images, kinds, scene, type Kind, type Scene } from '../data/scenes.ts';
import { marks, padded, slices, Vocabulary, type Ids, type Sentence } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { label, svg } from '../pictures/chart.ts';
import { photo, veil } from '../pictures/photo.ts';
import { createFit, load, type Captioner } from './captions.dlm.js';

const longest = 7;

/** Row 13. */
export const example: HostExample = {
  row: 13,
  title: 'Image captions',
  goals: {
    'new pictures: exact captions': { least: 0.9 },
    'new captions: exact captions': { least: 0.9 },
    'new captions: BLEU': { least: 0.9 },
  },
  programs: [{ file: 'captions.dlm', dims: { b: 32, t: longest } }],
  async run(settings) {
    const dice = random(settings.seed);
    const order = slices(kinds, 40, dice);
    const unseen = order.next().value ?? [];
    const seen = [...order].flat();
    const few = (count: number): number => (settings.brief ? 8 : count);
    const train = draw(seen, few(4000), dice);
    const vocabulary = new Vocabulary(kinds.map(caption));
    await using net = await load(settings);
    const losses = await learn(net, train, vocabulary, settings);
    const [pictures, captions] = [draw(seen, few(300), dice), draw(unseen, few(300), dice)];
    const found = await describe(net, captions, vocabulary);
    return {
      scores: {
        'new pictures: exact captions': exact(await describe(net, pictures, vocabulary), pictures),
        'new captions: exact captions': exact(found, captions),
        'new captions: BLEU': bleu(found, captions.map((each) => [caption(each)])),
      },
      losses: { captioner: losses },
      pictures: { 'attention.svg': await looks(net, captions.slice(0, 4), vocabulary) },
    };
  },
};

const draw = (from: readonly Kind[], count: number, dice: Random): Scene[] =>
  Array.from({ length: Math.ceil(count / from.length) }, () => [...slices(from, from.length, dice)].flat())
    .flat()
    .slice(0, count)
    .map((kind) => scene(kind, dice));

const targets = (scenes: readonly Scene[], vocabulary: Vocabulary): Ids =>
  padded(
    scenes.map((each) => [...vocabulary.encode(caption(each)), marks.end]),
    longest,
  );

async function learn(net: Captioner, train: readonly Scene[], vocabulary: Vocabulary, { seed, brief }: Settings) {
  const epochs = brief ? 4 : 10;
  await using fit = await createFit(net, brief ? {} : { steps: (epochs * train.length) / 32 });
  const order = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const batch of slices(train, 32, order))
      losses.push((await fit.step({ image: images(batch), caption: targets(batch, vocabulary) })).loss);
  return losses;
}

async function describe(net: Captioner, scenes: readonly Scene[], vocabulary: Vocabulary): Promise<Sentence[]> {
  using found = await net.describe(images(scenes), longest);
  const ids = await found.data();
  return scenes.map((_, at) => vocabulary.decode(ids.subarray(at * longest, (at + 1) * longest)));
}

const exact = (found: readonly Sentence[], scenes: readonly Scene[]): number =>
  scenes.filter((each, at) => caption(each).join(' ') === found[at]?.join(' ')).length / scenes.length;

/** Each picture, and again for each word that the network writes: bright where it looks. */
async function looks(net: Captioner, scenes: readonly Scene[], vocabulary: Vocabulary): Promise<string> {
  const found = await describe(net, scenes, vocabulary);
  using weights = await net.attention_of(images(scenes), padded(found.map((words) => vocabulary.encode(words)), longest));
  const values = await weights.data();
  const [edge, step] = [84, 92];
  const parts = scenes.flatMap(({ pixels }, row) => {
    const top = 40 + 112 * row;
    const words = (found[row] ?? []).flatMap((word, at) => {
      const left = 10 + step * (at + 1);
      const place = (row * longest + at) * 196;
      return [
        photo(pixels, left, top, edge),
        veil(values.subarray(place, place + 196), left, top, edge),
        label(left + edge / 2, top + edge + 14, word, 'text-anchor="middle"'),
      ];
    });
    return [photo(pixels, 10, top, edge), ...words];
  });
  const title = label(10, 24, 'Pictures, what is written about them, and where each word looks', 'font-weight="bold"');
  return svg(10 + step * longest, 40 + 112 * scenes.length, [title, ...parts]);
}
