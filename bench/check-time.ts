// How long `check` takes in a warm process, as an editor or `dlm check --watch` would see it: a program of 2,000 lines,
// changed in one line before every run, so that nothing of the file itself is remembered.
import { check, renderTerminal } from '../src/index.ts';
import { median, type Row, type Workload } from './workload.ts';

// One block of 27 lines: an attention layer, a feed-forward layer and the two around them.
const block = (i: number): string => `/// Block ${i}: attention, then two linear layers.
layer Attention${i}(d: int, heads: int) {
  let dh = d / heads
  let qkv = Linear(d, 3 * d)
  let out = Linear(d, d)

  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn forward(x: [b, t, d]) -> [b, t, d] {
    let (q, k, v) = split(qkv(x), 3, axis=-1)
    let scores = einsum[b h t e, b h s e -> b h t s](fan(q), fan(k)) / sqrt(dh)
    let causal = for i < t, j < t => j <= i
    let w = softmax(where(causal, scores, -inf), axis=-1)
    einsum[b h t s, b h s e -> b t h e](w, fan(v)) |> rearrange[b t h e -> b t (h e)]() |> out
  }
}

layer Block${i}(d: int, heads: int) {
  let ln_1 = LayerNorm(d)
  let attn = Attention${i}(d, heads)
  let ln_2 = LayerNorm(d)
  let fc = Linear(d, 4 * d)
  let proj = Linear(4 * d, d)

  fn forward(x: [b, t, d]) -> [b, t, d] {
    let x = x + attn(ln_1(x))
    x + (x |> ln_2 |> fc |> gelu |> proj)
  }
}
`;

/** A program of about 2,000 lines whose model uses every layer of it; `seed` is in one of its lines. */
function longProgram(seed: number): string {
  const blocks = Array.from({ length: 64 }, (_, i) => block(i));
  const members = blocks.map((_, i) => `  let h${i} = Block${i}(d, 4)`);
  const calls = blocks.map((_, i) => `    let x = h${i}(x)`);
  return `import { Linear, LayerNorm, Embedding } from "std/nn"
import { AdamW } from "std/optim"

const seed = ${seed}

${blocks.join('\n')}
export model Net(words: int = 64, d: int = 32) {
  let embed = Embedding(words, d)
${members.join('\n')}

  export fn forward(ids: i32[b, t]) -> [b, t, words] {
    let x = embed(ids)
${calls.join('\n')}
    x @ transpose(embed.weight)
  }
}

export train Fit(net: Net, lr: f32[] = 1e-3) {
  batch ids: i32[b, t], next: i32[b, t]
  minimize cross_entropy(net(ids), next) using AdamW(lr=lr)
}
`;
}

function secondsFor(seed: number): number {
  const text = longProgram(seed);
  const started = performance.now();
  const read = (path: string): string | undefined => (path === 'long.dlm' ? text : undefined);
  const { diagnostics } = check({ read, resolve: (_from, path) => path }, 'long.dlm');
  if (diagnostics.length > 0) throw new Error(renderTerminal(diagnostics));
  return (performance.now() - started) / 1_000;
}

/** The workload `check-time`. */
export const checkTime: Workload = {
  name: 'check-time',
  async run({ quick }) {
    const lines = longProgram(0).split('\n').length;
    for (let i = 0; i < 3; i++) secondsFor(i);
    const seconds = Array.from({ length: quick ? 3 : 9 }, (_, i) => secondsFor(10 + i));
    const value = Number(median(seconds).toFixed(3));
    const row: Row = {
      name: `${lines} lines, warm`,
      value,
      unit: 's',
      spread: [Math.min(...seconds), Math.max(...seconds)],
      goal: 'at most 1 s',
      met: value <= 1,
    };
    return [row];
  },
};
