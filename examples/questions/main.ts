// Questions about pictures are answered in words. Word vectors are given and trained on; the true words before each word
// are fed less and less often, until the network writes from its own.
import { bleu } from 'dlm/metrics';
import { ask, askEvenly, questions, wordVectors, type Question } from '../data/questions.ts';
import { random, type Random } from '../data/random.ts';
import { images, kinds, scene, type Scene } from '../data/scenes.ts';
import { marks, padded, slices, Vocabulary, type Sentence } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { label, svg } from '../pictures/chart.ts';
import { photo, veil } from '../pictures/photo.ts';
import { createFit, load, type Answerer, type FitBatch } from './questions.dlm.js';

const [longest, asked] = [8, 8];

/** Row 25. */
export const example: HostExample = {
  row: 25,
  title: 'Questions about pictures',
  goals: {
    'exact answers': { least: 0.9 },
    'BLEU': { least: 0.9 },
    'exact answers, drawn at temperature 0.5': { least: 0.9 },
  },
  programs: [{ file: 'questions.dlm', dims: { b: 32, s: asked, t: longest } }],
  async run(settings) {
    const dice = random(settings.seed);
    const all = kinds.flatMap(questions);
    const vocabulary = new Vocabulary(all.flatMap(({ words, answer }) => [words, answer]));
    const few = settings.brief;
    const [train, test] = [draw(few ? 8 : 12800, askEvenly, dice), draw(few ? 4 : 400, ask, dice)];
    await using net = await load(settings);
    const texts = all.map(({ words, answer }) => vocabulary.encode([...words, ...answer]));
    net.weights.set('embed.weight', wordVectors(texts, 32, 32, dice));
    const losses = await learn(net, train, vocabulary, settings);
    const batch = tensors(test, vocabulary);
    using found = await net.answer(batch.image, batch.question, longest);
    const answers = texted(await found.data(), vocabulary);
    using drawn = await net.draw(batch.image, batch.question, longest, 0.5);
    return {
      scores: {
        'exact answers': exact(answers, test),
        'BLEU': bleu(answers, test.map(({ answer }) => [answer])),
        'exact answers, drawn at temperature 0.5': exact(texted(await drawn.data(), vocabulary), test),
      },
      losses: { answerer: losses },
      pictures: { 'answers.svg': await looks(net, test.slice(0, 5), answers, vocabulary) },
    };
  },
};

/** A picture with a question about it. */
type Asked = Scene & Question;

/** Pictures of as many kinds as there are, each with one question. */
const draw = (count: number, question: typeof ask, dice: Random): Asked[] =>
  dice.permutation(count).map((at) => {
    const kind = kinds[at % kinds.length] ?? kinds[0];
    if (!kind) throw new Error('no kinds');
    return { ...scene(kind, dice), ...question(kind, dice) };
  });

const tensors = (list: readonly Asked[], vocabulary: Vocabulary): FitBatch => ({
  image: images(list),
  question: padded(list.map(({ words }) => vocabulary.encode(words)), asked),
  answer: padded(list.map(({ answer }) => [...vocabulary.encode(answer), marks.end]), longest),
});

async function learn(net: Answerer, train: readonly Asked[], vocabulary: Vocabulary, { seed, brief }: Settings) {
  const epochs = brief ? 4 : 5;
  await using fit = await createFit(net, brief ? {} : { steps: (epochs * train.length) / 32 });
  const order = random(seed);
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    // True words only at first; in the last epoch every other word is the network's own.
    fit.options.ratio = Math.min(1, 1.5 - epoch / (epochs - 1));
    for (const batch of slices(train, 32, order)) losses.push((await fit.step(tensors(batch, vocabulary))).loss);
  }
  return losses;
}

const texted = (ids: Int32Array, vocabulary: Vocabulary): Sentence[] =>
  Array.from({ length: ids.length / longest }, (_, at) => vocabulary.decode(ids.subarray(at * longest, (at + 1) * longest)));

const exact = (found: readonly Sentence[], list: readonly Asked[]): number =>
  list.filter(({ answer }, at) => answer.join(' ') === found[at]?.join(' ')).length / list.length;

/** Each picture with its question, and again for each word of the answer: bright where the network looks. */
async function looks(net: Answerer, list: readonly Asked[], answers: readonly Sentence[], vocabulary: Vocabulary): Promise<string> {
  const { image, question } = tensors(list, vocabulary);
  const written = padded(list.map((_, row) => vocabulary.encode(answers[row] ?? [])), longest);
  using weights = await net.attention(image, question, written);
  const values = await weights.data();
  const [edge, step, line] = [84, 92, 134];
  const parts = list.flatMap(({ pixels, words }, row) => {
    const top = 62 + line * row;
    const looked = (answers[row] ?? []).flatMap((word, at) => {
      const left = 10 + step * (at + 1);
      const place = (row * longest + at) * 49;
      return [
        photo(pixels, left, top, edge),
        veil(values.subarray(place, place + 49), left, top, edge),
        label(left + edge / 2, top + edge + 14, word, 'text-anchor="middle"'),
      ];
    });
    return [label(10, top - 6, words.join(' ')), photo(pixels, 10, top, edge), ...looked];
  });
  const title = label(10, 24, 'Questions, answers, and where each word of them looks', 'font-weight="bold"');
  return svg(10 + step * longest, 56 + line * list.length, [title, ...parts]);
}
