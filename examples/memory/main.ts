// A memory network reads stories and says where people are.
import { random, type Random } from '../data/random.ts';
import { story, type Story } from '../data/stories.ts';
import { padded, slices, Vocabulary, type Ids } from '../data/words.ts';
import type { HostExample, Settings } from '../example.ts';
import { heat, type Heat } from '../pictures/heat.ts';
import { createFit, load, type MemoryNetwork } from './memory.dlm.js';

const sentences = 8;

/** Row 26, with `../graph`. */
export const example: HostExample = {
  row: 26,
  title: 'Memory network',
  goals: { 'held-out answers that are right': { least: 0.95 } },
  programs: [{ file: 'memory.dlm', dims: { b: 32, s: sentences, w: 5, q: 3 } }],
  async run(settings) {
    const source = random(settings.seed);
    const draw = (count: number): Story[] => Array.from({ length: count }, () => story(sentences, source));
    const [train, test] = settings.brief ? [draw(64), draw(20)] : [draw(3000), draw(300)];
    const vocabulary = new Vocabulary(train.flatMap((each) => [...each.sentences, each.question, [each.answer]]));
    await using net = await load(settings);
    const losses = await learn(net, train, vocabulary, source, settings);
    const held = tensors(test, vocabulary);
    using found = await net.answer(held.story, held.question);
    const answers = await found.data();
    return {
      scores: { 'held-out answers that are right': held.answer.filter((id, at) => id === answers[at]).length / test.length },
      losses: { 'memory network': losses },
      pictures: { 'hops.svg': heat(await Promise.all(test.slice(0, 2).map((each) => looks(net, each, vocabulary)))) },
    };
  },
};

/** Stories as tensors: sentences and words are axes of their own. */
function tensors(stories: readonly Story[], vocabulary: Vocabulary) {
  const words = padded(stories.flatMap((each) => each.sentences.map((words) => vocabulary.encode(words))), 5);
  const text: Ids = { data: words.data, shape: [stories.length, sentences, 5] };
  const question = padded(stories.map((each) => vocabulary.encode(each.question)));
  return { story: text, question, answer: Int32Array.from(stories.flatMap((each) => vocabulary.encode([each.answer]))) };
}

async function learn(net: MemoryNetwork, train: readonly Story[], vocabulary: Vocabulary, order: Random, { brief }: Settings) {
  await using fit = await createFit(net);
  const losses: number[] = [];
  for (let epoch = 0; epoch < (brief ? 5 : 15); epoch++)
    for (const batch of slices(train, 32, order)) losses.push((await fit.step(tensors(batch, vocabulary))).loss);
  return losses;
}

/** Which sentences a question looks at, hop by hop. */
async function looks(net: MemoryNetwork, each: Story, vocabulary: Vocabulary): Promise<Heat> {
  const { story: text, question } = tensors([each], vocabulary);
  using seen = await net.attention(text, question);
  const [, hops, rows] = seen.shape;
  const data = await seen.data();
  return {
    title: `${each.question.join(' ')}? ${each.answer}`,
    rows: each.sentences.map((words) => words.join(' ')),
    columns: Array.from({ length: hops }, (_, hop) => `hop ${hop + 1}`),
    values: Array.from({ length: rows * hops }, (_, at) => data[(at % hops) * rows + Math.floor(at / hops)] ?? NaN),
  };
}
