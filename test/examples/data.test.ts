// The data pipelines that people will copy, on cases that one can check by hand.
import { describe, expect, test } from 'vitest';
import { augment, crop, flip, join, rotate, scale, shift, warp, type Affine } from '../../examples/data/augment.ts';
import { batches, split, type Labelled } from '../../examples/data/labelled.ts';
import { copying, segments } from '../../examples/data/copying.ts';
import { masked, nextSentences, permuted, sentenceOrders, joined, unasked } from '../../examples/data/masking.ts';
import { questions, wordVectors } from '../../examples/data/questions.ts';
import { random } from '../../examples/data/random.ts';
import { caption, kinds, scene, side } from '../../examples/data/scenes.ts';
import { labelledShapes, picture } from '../../examples/data/shapes.ts';
import { taskList } from '../../examples/data/tasks.ts';
import { bands, editDistance, melody, spelled } from '../../examples/data/tones.ts';
import { standardized, windows, type Series } from '../../examples/data/windows.ts';

const table: Labelled = {
  x: Array.from({ length: 10 }, (_, at) => Float32Array.of(at, -at)),
  y: Array.from({ length: 10 }, (_, at) => at % 2),
  classes: ['even', 'odd'],
};

describe('tables', () => {
  test('split in two parts without common rows; labels stay with their rows', () => {
    const { train, test: held } = split(table, 0.3, random(1));
    const rows = [...train.x, ...held.x].map(([first = 0]) => first);
    expect([train.x.length, held.x.length]).toEqual([7, 3]);
    expect(rows.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...train.y, ...held.y]).toEqual(rows.map((row) => row % 2));
  });

  test('batches take every row once, in order or shuffled', () => {
    const inOrder = [...batches(table, 4)];
    expect(inOrder.map(({ x }) => x.shape)).toEqual([
      [4, 2],
      [4, 2],
      [2, 2],
    ]);
    expect([...(inOrder[1]?.x.data ?? [])]).toEqual([4, -4, 5, -5, 6, -6, 7, -7]);
    const shuffled = [...batches(table, 4, { random: random(2) })];
    const seen = shuffled.flatMap(({ x }) => [...x.data].filter((_, at) => at % 2 === 0));
    expect(seen).not.toEqual(table.x.map(([first]) => first));
    expect(seen.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(shuffled.flatMap(({ y }) => [...y])).toEqual(seen.map((row) => row % 2));
  });
});

describe('augmentation', () => {
  const image = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);
  const changed = (map: Affine): number[] => [...warp(image, 3, map)].map((value) => Math.round(value * 1e4) / 1e4);

  test.each<[string, Affine, number[]]>([
    ['shift to the right', shift(1, 0), [0, 1, 2, 0, 4, 5, 0, 7, 8]],
    ['shift down by half', shift(0, 0.5), [0.5, 1, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]],
    ['a quarter turn clockwise', rotate(90), [7, 4, 1, 8, 5, 2, 9, 6, 3]],
    ['flip', flip, [3, 2, 1, 6, 5, 4, 9, 8, 7]],
    ['twice as large', scale(2), [3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7]],
    ['the lower right part', crop(0.5, 0.5, 0.5), [5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9]],
    ['flip, then shift', join(flip, shift(1, 0)), [0, 3, 2, 0, 6, 5, 0, 9, 8]],
    ['shift, then flip', join(shift(1, 0), flip), [2, 1, 0, 5, 4, 0, 8, 7, 0]],
  ])('%s', (_name, map, expected) => expect(changed(map)).toEqual(expected));

  test('changes nothing where nothing may change, and something else each time where it may', () => {
    const none = augment(3, { shift: 0, scale: 0, crop: 0, rotate: 0 }, random(1));
    expect([...none(image)].map(Math.round)).toEqual([...image]);
    const some = augment(3, { shift: 1, scale: 0.1, crop: 0.1, rotate: 10 }, random(1));
    expect([...some(image)]).not.toEqual([...some(image)]);
  });
});

describe('windows', () => {
  // Row t is (t, 100 + t).
  const series: Series = {
    features: 2,
    values: Float32Array.from({ length: 24 }, (_, at) => (at % 2) * 100 + Math.floor(at / 2)),
  };
  const cut = { lookback: 4, delay: 2, step: 1, from: 1, to: 10, batch: 3 };

  test('rows, targets and batches', () => {
    const [first, second, ...more] = [...windows(series, cut)];
    expect(first?.x.shape).toEqual([3, 4, 2]);
    expect([...(first?.x.data.slice(0, 8) ?? [])]).toEqual([1, 101, 2, 102, 3, 103, 4, 104]);
    expect([...(first?.y ?? [])]).toEqual([6, 7, 8]);
    // The last target is row 9, the last one of the range.
    expect([...(second?.y ?? [])]).toEqual([9]);
    expect(more).toEqual([]);
  });

  test('a step leaves rows out, never the newest', () => {
    const [batch] = windows(series, { ...cut, step: 3 });
    expect([...(batch?.x.data.slice(0, 4) ?? [])]).toEqual([1, 101, 4, 104]);
  });

  test('shuffled windows are the same ones', () => {
    const targets = [...windows(series, { ...cut, from: 0, to: 12, shuffle: random(3) })].flatMap(({ y }) => [...y]);
    expect(targets).not.toEqual(targets.toSorted((a, b) => a - b));
    expect(targets.toSorted((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10, 11]);
  });

  test('standardized by the rows before the border only', () => {
    const { values } = standardized(series, 3);
    const deviation = Math.sqrt(2 / 3);
    [-1, 0, 1, 2].forEach((steps, row) => {
      expect(values[2 * row]).toBeCloseTo(steps / deviation, 5);
      expect(values[2 * row + 1]).toBeCloseTo(steps / deviation, 5);
    });
  });
});

describe('shapes', () => {
  const making = { side: 24, kinds: ['disc', 'square', 'triangle'], most: 3, radius: [3, 6], noise: 0 } as const;

  test('boxes hold all pixels of their label and no others, and the pixels stand out', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { pixels, mask, things } = picture(making, random(seed));
      expect(things.length).toBeGreaterThanOrEqual(1);
      const inBoxes = (at: number): number =>
        things.find(({ box: [x1, y1, x2, y2] }) => {
          const [x, y] = [at % 24, Math.floor(at / 24)];
          return x >= x1 && x < x2 && y >= y1 && y < y2;
        })?.label ?? -1;
      mask.forEach((label, at) => {
        if (label > 0) expect(inBoxes(at)).toBe(label - 1);
        if (label > 0) expect(Math.abs(pixels[at] ?? 0)).toBeGreaterThan(0.25);
      });
      for (const { label, box } of things) {
        const [x1, y1, x2, y2] = box;
        const hit = (x: number, y: number): boolean => mask[y * 24 + x] === label + 1;
        const rows = Array.from({ length: y2 - y1 }, (_, at) => y1 + at);
        const columns = Array.from({ length: x2 - x1 }, (_, at) => x1 + at);
        expect([x1, x2 - 1].every((x) => rows.some((y) => hit(x, y)))).toBe(true);
        expect([y1, y2 - 1].every((y) => columns.some((x) => hit(x, y)))).toBe(true);
      }
    }
  });

  test('one of each for a classifier, the same from the same seed', () => {
    const { x, y, classes } = labelledShapes(30, making, random(3));
    expect([x.length, y.length, classes]).toEqual([30, 30, making.kinds]);
    expect(new Set(y)).toEqual(new Set([0, 1, 2]));
    expect(labelledShapes(30, making, random(3)).x).toEqual(x);
  });
});

describe('scenes', () => {
  const kind = kinds.find((each) => caption(each).join(' ') === 'red circle left of blue square');
  if (!kind) throw new Error('no such scene');

  test('every caption belongs to one kind', () => {
    expect(new Set(kinds.map((each) => caption(each).join(' '))).size).toBe(264);
  });

  // Where a colour channel stands out from the two others, on average.
  const place = (pixels: Float32Array, channel: number): { x: number; y: number } => {
    const at = Array.from({ length: side * side }, (_, index) => index).filter((index) => {
      const values = [0, 1, 2].map((c) => pixels[c * side * side + index] ?? 0);
      return (values[channel] ?? 0) > 0.35 + Math.max(...values.filter((_, c) => c !== channel));
    });
    const mean = (of: (index: number) => number): number => at.reduce((sum, index) => sum + of(index), 0) / at.length;
    return { x: mean((index) => index % side), y: mean((index) => Math.floor(index / side)) };
  };

  test('things stand where the caption says', () => {
    for (let seed = 0; seed < 20; seed++) {
      const { pixels } = scene(kind, random(seed));
      expect(place(pixels, 2).x - place(pixels, 0).x).toBeGreaterThan(9);
      const above = scene({ ...kind, relation: 'above' }, random(seed));
      expect(place(above.pixels, 2).y - place(above.pixels, 0).y).toBeGreaterThan(9);
    }
  });

  test('questions and answers', () => {
    const texts = questions(kind).map(({ words, answer }) => `${words.join(' ')} ${answer.join(' ')}`);
    expect(texts).toEqual([
      'what is there ? red circle left of blue square',
      'what is right of the red circle ? the blue square is right of it',
      'what is left of the blue square ? the red circle is left of it',
      'where is the red circle ? left of the blue square',
      'where is the blue square ? right of the red circle',
      'which colour has the circle ? it is red',
      'which shape is red ? it is a circle',
      'which colour has the square ? it is blue',
      'which shape is blue ? it is a square',
    ]);
    const alike = kinds.find((each) => caption(each).join(' ') === 'red circle above blue circle');
    expect(alike && questions(alike).some(({ words }) => words.join(' ').startsWith('which colour'))).toBe(false);
  });

  test('word vectors: words in like places are near each other', () => {
    // 0 and 1 stand between 2 and 3, 4 between 5 and 6.
    const vectors = wordVectors(
      [
        [2, 0, 3],
        [2, 1, 3],
        [5, 4, 6],
      ],
      7,
      64,
      random(1),
    );
    const cosine = (a: number, b: number): number =>
      Array.from({ length: 64 }, (_, k) => (vectors[a * 64 + k] ?? 0) * (vectors[b * 64 + k] ?? 0)).reduce(
        (x, y) => x + y,
        0,
      );
    expect(cosine(0, 1)).toBeCloseTo(1, 5);
    expect(Math.abs(cosine(0, 4))).toBeLessThan(0.5);
  });
});

describe('melodies', () => {
  test('paths spell labels: repeats are merged, then blanks dropped', () => {
    expect(spelled([0, 3, 3, 0, 3, 5, 5, 0, 0])).toEqual([3, 3, 5]);
    expect(spelled([])).toEqual([]);
  });

  test('edit distance', () => {
    const letters = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
    expect(editDistance(letters('kitten'), letters('sitting'))).toBe(3);
    expect(editDistance(letters('abc'), [])).toBe(3);
    expect(editDistance(letters('abc'), letters('abc'))).toBe(0);
  });

  test('a tone sounds in its band: labels rise by two semitones, bands by one', () => {
    for (let seed = 0; seed < 10; seed++) {
      const { labels, energies, length } = melody(1, random(seed));
      const sums = Array.from({ length: bands }, (_, band) =>
        Array.from({ length }, (_frame, at) => energies[at * bands + band] ?? 0).reduce((a, b) => a + b, 0),
      );
      const loudest = sums.indexOf(Math.max(...sums));
      expect(Math.abs(loudest - (2 * ((labels[0] ?? 0) - 1) + 12 * Math.log2(1.1)))).toBeLessThan(1.5);
    }
  });
});

describe('texts without labels', () => {
  const rules = { rate: 0.25, mask: 4, firstWord: 5, words: 50 };
  const text = [1, ...Array.from({ length: 20 }, (_, at) => 10 + at), 2];

  test('hidden words: a quarter, never a mark; targets are what stood there', () => {
    const counts = { mask: 0, same: 0, other: 0 };
    for (let seed = 0; seed < 200; seed++) {
      const { ids, targets } = masked(text, rules, random(seed));
      const asked = [...text.keys()].filter((at) => targets[at] !== unasked);
      expect(asked).toHaveLength(5);
      expect([ids[0], ids[21], targets[0], targets[21]]).toEqual([1, 2, unasked, unasked]);
      text.forEach((id, at) => {
        if (!asked.includes(at)) return expect(ids[at]).toBe(id);
        expect(targets[at]).toBe(id);
        counts[ids[at] === 4 ? 'mask' : ids[at] === id ? 'same' : 'other']++;
      });
    }
    expect(counts.mask / 1000).toBeCloseTo(0.8, 1);
    expect(counts.same / 1000).toBeCloseTo(0.1, 1);
    expect(counts.other / 1000).toBeCloseTo(0.1, 1);
  });

  const documents = Array.from({ length: 40 }, (_, at) => [0, 1, 2].map((sentence) => [100 * at + sentence]));

  test('next sentences: half of them are of another document', () => {
    const pairs = nextSentences(documents, random(1));
    expect(pairs).toHaveLength(80);
    for (const { first, second, label } of pairs) {
      const [a = 0, b = 0] = [first[0], second[0]];
      if (label === 0) expect(b).toBe(a + 1);
      else expect(Math.floor(b / 100)).not.toBe(Math.floor(a / 100));
    }
    expect(Math.abs(pairs.filter(({ label }) => label === 1).length - 40)).toBeLessThan(15);
  });

  test('orders of sentences: half of them are swapped', () => {
    const pairs = sentenceOrders(documents, random(1));
    for (const { first, second, label } of pairs) expect((second[0] ?? 0) - (first[0] ?? 0)).toBe(label === 0 ? 1 : -1);
    expect(Math.abs(pairs.filter(({ label }) => label === 1).length - 40)).toBeLessThan(15);
  });

  test('two texts as one', () => {
    expect(joined({ first: [7, 8], second: [9] }, { begin: 1, end: 2 })).toEqual({
      ids: [1, 7, 8, 2, 9, 2],
      types: [0, 0, 0, 0, 1, 1],
    });
  });

  test('random orders: every word once, the last ones are to be guessed', () => {
    const { order, targets } = permuted(text, 0.25, rules, random(1));
    expect(order.slice(1, 21).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(order.slice(1, 21)).not.toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    text.forEach((id, at) => expect(targets[at]).toBe((order[at] ?? 0) > 15 ? id : unasked));
  });

  test('tasks', () => {
    const list = taskList(300, random(1));
    expect(new Set(list.map(({ input }) => input.join(' '))).size).toBe(300);
    for (const { name, input, output } of list) {
      const words = input.slice(1);
      if (name === 'reverse') expect(output).toEqual(words.toReversed());
      if (name === 'ends') expect(output).toEqual([words[0], words.at(-1)]);
      if (name === 'opposite') expect(output.every((word, at) => word !== '' && word !== words[at])).toBe(true);
    }
  });

  test('segments go on where the one before ended, and ask for what came before', () => {
    const source = segments(2, random(1));
    const rows: number[][] = [[], []];
    const asked: number[][] = [[], []];
    for (let at = 0; at < 20; at++) {
      const { ids, next } = source.next().value;
      for (const row of [0, 1]) {
        const part = (of: typeof ids): number[] => [
          ...of.data.subarray(row * copying.segment, (row + 1) * copying.segment),
        ];
        rows[row]?.push(...part(ids));
        asked[row]?.push(...part(next));
      }
    }
    const period = 2 * (copying.part + 1);
    rows.forEach((text, row) =>
      text.slice(0, -1).forEach((_, at) => {
        const place = (at + 1 + row * (copying.part + 1)) % period;
        const isTold = place >= copying.part;
        expect(asked[row]?.[at]).toBe(isTold ? text[at + 1] : unasked);
        if (isTold && at > copying.part) expect(text[at + 1]).toBe(text[at - copying.part]);
      }),
    );
  });
});
