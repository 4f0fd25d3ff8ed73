// The source text of a classifier of 8×8 digits with any number of hidden layers, written out layer by layer, with the
// training block that goes with it.

/** A `.dlm` file with model `Deep` and train `FitDeep`. */
export function mlpSource(hiddenLayers: number, width = 64): string {
  const names = Array.from({ length: hiddenLayers }, (_, i) => `fc${i + 1}`);
  const members = names.map((name, i) => `  let ${name} = Linear(${i === 0 ? 'inputs' : width}, ${width})`);
  const stages = names.map((name) => `    |> ${name} |> relu`);
  return `import { Linear } from "std/nn"
import { AdamW } from "std/optim"

/// Classifier with ${hiddenLayers} hidden layers.
export model Deep(inputs: int = 64, classes: int = 10) {
${members.join('\n')}
  let out = Linear(${width}, classes)

  export fn forward(x: [b, inputs]) -> [b, classes] = x
${stages.join('\n')}
    |> out
}

export train FitDeep(net: Deep, lr: f32[] = 1e-3) {
  batch x: f32[b, net.inputs], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using AdamW(lr=lr)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
`;
}
