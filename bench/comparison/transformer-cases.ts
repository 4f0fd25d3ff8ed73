// W6: attention, transformer blocks and a small GPT.
import type { Case, Ops } from './case.ts';
import { blockShapes, linearShapes, normShapes } from './weight-shapes.ts';

// What may not be seen: large and negative, finite in every engine.
const causal = (t: number): Float32Array =>
  Float32Array.from({ length: t * t }, (_, at) => (at % t > Math.floor(at / t) ? -1e9 : 0));

/** Queries [b, h, t, e], keys [b, h, e, t], values [b, h, t, e]. */
function attend<T>(ops: Ops<T>, [q, k, v]: readonly [T, T, T], t: number, width: number): T {
  const scores = ops.mul(ops.matmul(q, k), 1 / Math.sqrt(width));
  return ops.matmul(ops.softmax(ops.add(scores, ops.constant(causal(t), [1, 1, t, t]))), v);
}

interface Sizes {
  readonly batch: number;
  readonly t: number;
  readonly d: number;
  readonly heads: number;
}

function block<T>(ops: Ops<T>, x: T, prefix: string, { batch, t, d, heads }: Sizes): T {
  const width = d / heads;
  const path = (name: string): string => prefix + name;
  const [q, k, v] = ops.split(ops.linear(ops.layerNorm(x, path('ln_1')), path('qkv')), 3);
  if (q === undefined || k === undefined || v === undefined) throw new Error('three parts');
  const fan = (y: T, order: readonly number[]): T => ops.transpose(ops.reshape(y, [batch, t, heads, width]), order);
  const parts = [fan(q, [0, 2, 1, 3]), fan(k, [0, 2, 3, 1]), fan(v, [0, 2, 1, 3])] as const;
  const seen = ops.transpose(attend(ops, parts, t, width), [0, 2, 1, 3]);
  const y = ops.add(x, ops.linear(ops.reshape(seen, [batch, t, d]), path('out')));
  const hidden = ops.gelu(ops.linear(ops.layerNorm(y, path('ln_2')), path('fc')));
  return ops.add(y, ops.linear(hidden, path('proj')));
}

function blockCase(d: number, heads: number, t: number): Case {
  return {
    workload: 'W6',
    name: `block d ${d}, seq ${t}`,
    source: 'block.dlm',
    model: 'Block',
    set: { 'Block.d': String(d), 'Block.heads': String(heads) },
    inputs: { x: [1, t, d] },
    weights: blockShapes('', d),
    program: (ops, [x]) => {
      if (x === undefined) throw new Error('a block takes x');
      return block(ops, x, '', { batch: 1, t, d, heads });
    },
  };
}

const attention = (heads: number, t: number, width: number): Case => ({
  workload: 'W6',
  name: `attention alone, ${heads} heads of ${width}, seq ${t}`,
  goal: 2,
  source: 'block.dlm',
  model: 'Attention',
  set: { 'Attention.heads': String(heads), 'Attention.dh': String(width) },
  inputs: { q: [1, heads, t, width], k: [1, heads, t, width], v: [1, heads, t, width] },
  weights: {},
  program: (ops, [q, k, v]) => {
    if (q === undefined || k === undefined || v === undefined) throw new Error('attention takes q, k and v');
    return attend(ops, [q, ops.transpose(k, [0, 1, 3, 2]), v], t, width);
  },
});

const gptSizes = { vocab: 1000, d: 256, heads: 8, depth: 4, t: 128 };

function gpt(batch: number): Omit<Case, 'name'> {
  const { vocab, d, heads, depth, t } = gptSizes;
  const prefixes = Array.from({ length: depth }, (_, i) => `h.${i}.`);
  return {
    workload: 'W6',
    source: 'gpt.dlm',
    model: 'Gpt',
    inputs: { x: [batch, t] },
    ids: vocab,
    weights: {
      'wte.weight': [vocab, d],
      'wpe.weight': [t, d],
      ...Object.assign({}, ...prefixes.map((prefix) => blockShapes(prefix, d))),
      ...normShapes('ln_f', d),
      ...linearShapes('head', d, vocab),
    },
    tables: ['wte.weight', 'wpe.weight'],
    program: (ops, [ids]) => {
      if (ids === undefined) throw new Error('a GPT takes ids');
      let x = ops.add(ops.embedding(ids, 'wte'), ops.table('wpe'));
      for (const prefix of prefixes) x = block(ops, x, prefix, { batch, t, d, heads });
      return ops.linear(ops.layerNorm(x, 'ln_f'), 'head');
    },
  };
}

/** Transformers. */
export const transformerCases: readonly Case[] = [
  blockCase(64, 4, 32),
  blockCase(256, 8, 128),
  attention(8, 512, 64),
  { ...gpt(1), name: 'GPT forward, 4 blocks, d 256, seq 128' },
  {
    ...gpt(4),
    name: 'GPT training step, batch 4',
    train: { name: 'Fit', classes: gptSizes.vocab },
    slow: ['tfjs-wasm', 'jax-js'],
  },
];
