// The files of a new project: two inputs, two classes, and points on two rings that no straight line separates.

// Programs stand indented here, as text of this file.
const unindented = (text: string): string => text.slice(1).replaceAll(/^ {2}/gm, '');

const model = unindented(`
  // Two features, two classes.
  import { Linear } from "std/nn"
  import { Adam } from "std/optim"

  /// Classifies points of the plane.
  export model Model(hidden: int = 16) {
    let fc1 = Linear(2, hidden)
    let fc2 = Linear(hidden, 2)

    export fn forward(x: [b, 2]) -> [b, 2] = x |> fc1 |> tanh |> fc2
    export fn predict(x: [b, 2]) -> i32[b] = argmax(forward(x), axis=-1)
  }

  export train Fit(net: Model, lr: f32[] = 1e-2) {
    batch x: f32[b, 2], y: i32[b]
    let logits = net(x)
    minimize cross_entropy(logits, y) using Adam(lr=lr)
    metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
  }
`);

const host = unindented(`
  // Run with Node after \`dlm compile model.dlm\` and training: node main.mjs
  import { readFile } from 'node:fs/promises';
  import { load } from './model.dlm.js';

  const net = await load({ weights: await readFile(new URL('model.safetensors', import.meta.url)) });
  const classes = await net.predict([
    [0.5, 0],
    [0, 2],
  ]);
  console.log([...(await classes.data())]);
  net.dispose();
`);

function rings(): string {
  const rows = Array.from({ length: 200 }, (_, at) => {
    const [angle, radius] = [at * 2.399963, (at % 2) + 0.5 + 0.25 * Math.sin(at * 7.3)];
    const [a, b] = [radius * Math.cos(angle), radius * Math.sin(angle)];
    return `${a.toFixed(3)},${b.toFixed(3)},${at % 2 === 0 ? 'inner' : 'outer'}\n`;
  });
  return `a,b,label\n${rows.join('')}`;
}

/** Files of a new project by name. */
export const starterFiles: Readonly<Record<string, string>> = {
  'model.dlm': model,
  'data.csv': rings(),
  'main.mjs': host,
};
