// Chinese sentences and their English translations, from one small grammar. English needs what Chinese does not say:
// a tense that follows from the day, `do` before `not`, endings of verbs and nouns, `a` or `an`; and another order.
import type { Random } from './random.ts';
import { pick, type Sentence } from './words.ts';

/** A sentence in both languages. */
export interface Pair {
  readonly chinese: Sentence;
  readonly english: Sentence;
}

type Tense = 'present' | 'past' | 'future';

const subjects = [
  { chinese: '我', english: 'I', third: false },
  { chinese: '你', english: 'you', third: false },
  { chinese: '他', english: 'he', third: true },
  { chinese: '她', english: 'she', third: true },
  { chinese: '我们', english: 'we', third: false },
  { chinese: '他们', english: 'they', third: false },
  { chinese: '老师', english: 'the teacher', third: true },
];
const days: readonly { chinese: string; english: string; tense: Tense }[] = [
  { chinese: '', english: '', tense: 'present' },
  { chinese: '', english: '', tense: 'present' },
  { chinese: '昨天', english: 'yesterday', tense: 'past' },
  { chinese: '今天', english: 'today', tense: 'present' },
  { chinese: '明天', english: 'tomorrow', tense: 'future' },
];
const verbs = [
  { chinese: '爱 吃', plain: 'like', third: 'likes', past: 'liked' },
  { chinese: '买', plain: 'buy', third: 'buys', past: 'bought' },
  { chinese: '卖', plain: 'sell', third: 'sells', past: 'sold' },
  { chinese: '吃', plain: 'eat', third: 'eats', past: 'ate' },
  { chinese: '看见', plain: 'see', third: 'sees', past: 'saw' },
  { chinese: '画', plain: 'draw', third: 'draws', past: 'drew' },
];
const things = [
  { chinese: '苹果', measure: '个', one: 'apple', more: 'apples' },
  { chinese: '橙子', measure: '个', one: 'orange', more: 'oranges' },
  { chinese: '鱼', measure: '条', one: 'fish', more: 'fish' },
  { chinese: '鸡蛋', measure: '个', one: 'egg', more: 'eggs' },
  { chinese: '蛋糕', measure: '块', one: 'cake', more: 'cakes' },
];
const numbers = [
  { chinese: '', english: '' },
  { chinese: '一', english: 'a' },
  { chinese: '两', english: 'two' },
  { chinese: '三', english: 'three' },
];
const kinds = [
  { chinese: '', english: '' },
  { chinese: '红 的', english: 'red' },
  { chinese: '大 的', english: 'big' },
  { chinese: '小 的', english: 'small' },
  { chinese: '旧 的', english: 'old' },
];

function noun(random: Random): { chinese: string; english: string } {
  const [thing, number, kind] = [pick(things, random), pick(numbers, random), pick(kinds, random)];
  const name = number.english === 'a' ? thing.one : thing.more;
  const article = /^[aeiou]/.test(kind.english || name) ? 'an' : 'a';
  return {
    chinese: [number.chinese, number.chinese && thing.measure, kind.chinese, thing.chinese].join(' '),
    english: [number.english === 'a' ? article : number.english, kind.english, name].join(' '),
  };
}

function verbPhrase(verb: (typeof verbs)[number], tense: Tense, third: boolean, negative: boolean): string {
  if (tense === 'future') return `will ${negative ? 'not ' : ''}${verb.plain}`;
  if (negative) return `${tense === 'past' ? 'did' : third ? 'does' : 'do'} not ${verb.plain}`;
  return tense === 'past' ? verb.past : third ? verb.third : verb.plain;
}

function pair(random: Random): Pair {
  const [subject, day, verb, object] = [pick(subjects, random), pick(days, random), pick(verbs, random), noun(random)];
  const [isNegative, isDayFirst] = [random.uniform() < 0.3, random.uniform() < 0.5];
  const not = !isNegative ? '' : day.tense === 'past' ? '没有' : '不';
  const start = isDayFirst ? [day.chinese, subject.chinese] : [subject.chinese, day.chinese];
  const english = [subject.english, verbPhrase(verb, day.tense, subject.third, isNegative), object.english, day.english, '.'];
  return { chinese: words([...start, not, verb.chinese, object.chinese, '。']), english: words(english) };
}

function words(parts: readonly string[]): string[] {
  const all = parts.join(' ').split(' ');
  return all.filter((word) => word !== '');
}

/** A pair to look at. */
export const sample: Pair = { chinese: words(['我 爱 吃 苹果 。']), english: words(['I like apples .']) };

/** `count` pairs of which no Chinese sentence occurs twice. */
export function pairs(count: number, random: Random): Pair[] {
  const found = new Map<string, Pair>();
  while (found.size < count) {
    const one = pair(random);
    found.set(one.chinese.join(' '), one);
  }
  return [...found.values()];
}
