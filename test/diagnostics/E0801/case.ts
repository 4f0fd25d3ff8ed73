// A file that misses one weight, has another the wrong way round, a third that nobody knows, and a tie that differs.
import { failing, zerosFile } from '../run-module.ts';

const program = `
import { Linear, Embedding } from "std/nn"

export model TinyGpt(words: int = 5, d: int = 2) {
  let wte = Embedding(words, d)
  let wpe = Embedding(7, d)
  let qkv = Linear(d, 3 * d, bias=false)
  let lm_head = Linear(d, words, bias=false) with { weight=wte.weight }
  export fn forward(ids: i32[t]) -> [t, words] requires t <= 7 = lm_head(qkv(wte(ids) + wpe(iota(t)))[:, :2])
}
`;

const file = zerosFile({ 'wte.weight': [5, 2], 'qkv.weight': [2, 6], 'ln_f.weight': [2], 'lm_head.weight': [5, 2] });
file.fill(1, file.length - 4);

export default () => failing(program, (module) => module.load({ device: 'wasm', weights: file }));
