// W2, W4 and W7: convolutions, a small CNN and ResNet-18.
import type { Case, Ops } from './case.ts';
import { batchNormShapes, convShapes, linearShapes } from './weight-shapes.ts';

function conv(name: string, channels: number, size: number, depthwise = false): Case {
  return {
    workload: 'W2',
    name,
    source: 'conv.dlm',
    model: 'Conv',
    set: { 'Conv.c': String(channels), 'Conv.n': String(size), 'Conv.groups': String(depthwise ? channels : 1) },
    inputs: { x: [1, channels, size, size] },
    weights: convShapes('conv', depthwise ? 1 : channels, channels, 3),
    program: (ops, [x]) => {
      if (x === undefined) throw new Error('a convolution takes x');
      return ops.conv(x, 'conv', { padding: 1, depthwise });
    },
    images: true,
    ...(depthwise ? {} : { slow: ['jax-js'] }),
  };
}

const cnn: Omit<Case, 'name'> = {
  workload: 'W4',
  source: 'cnn.dlm',
  model: 'Cnn',
  inputs: { x: [32, 3, 32, 32] },
  weights: {
    ...convShapes('conv1', 3, 32, 3),
    ...convShapes('conv2', 32, 64, 3),
    ...linearShapes('fc1', 64 * 8 * 8, 128),
    ...linearShapes('fc2', 128, 10),
  },
  flattened: { fc1: [64, 8, 8] },
  images: true,
  program: (ops, [x]) => {
    if (x === undefined) throw new Error('the CNN takes x');
    const first = ops.maxPool(ops.conv(x, 'conv1', { padding: 1, activation: 'relu' }), 2, { stride: 2 });
    const second = ops.maxPool(ops.conv(first, 'conv2', { padding: 1, activation: 'relu' }), 2, { stride: 2 });
    return ops.linear(ops.linear(ops.flatten(second), 'fc1', 'relu'), 'fc2');
  },
  slow: ['jax-js'],
};

interface BasicBlock {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

const basicBlocks: readonly BasicBlock[] = [64, 128, 256, 512].flatMap((to, stage) => {
  const path = `layer${stage + 1}`;
  const first = { path: `${path}.0`, from: stage === 0 ? 64 : to / 2, to, stride: stage === 0 ? 1 : 2 };
  return [first, { path: `${path}.1`, from: to, to, stride: 1 }];
});

const blockWeights = ({ path, from, to, stride }: BasicBlock): Case['weights'] => ({
  ...convShapes(`${path}.conv1`, from, to, 3, false),
  ...batchNormShapes(`${path}.bn1`, to),
  ...convShapes(`${path}.conv2`, to, to, 3, false),
  ...batchNormShapes(`${path}.bn2`, to),
  ...(stride === 1
    ? {}
    : { ...convShapes(`${path}.downsample.0`, from, to, 1, false), ...batchNormShapes(`${path}.downsample.1`, to) }),
});

function basicBlock<T>(ops: Ops<T>, x: T, { path, stride }: BasicBlock): T {
  const first = ops.relu(ops.batchNorm(ops.conv(x, `${path}.conv1`, { stride, padding: 1 }), `${path}.bn1`));
  const second = ops.batchNorm(ops.conv(first, `${path}.conv2`, { padding: 1 }), `${path}.bn2`);
  const rest =
    stride === 1 ? x : ops.batchNorm(ops.conv(x, `${path}.downsample.0`, { stride }), `${path}.downsample.1`);
  return ops.relu(ops.add(second, rest));
}

const resnet: Case = {
  workload: 'W7',
  name: 'ResNet-18 forward, 224²',
  source: 'resnet.dlm',
  model: 'Classifier',
  inputs: { x: [1, 3, 224, 224] },
  weights: {
    ...convShapes('conv1', 3, 64, 7, false),
    ...batchNormShapes('bn1', 64),
    ...Object.assign({}, ...basicBlocks.map(blockWeights)),
    ...linearShapes('fc', 512, 1000),
  },
  images: true,
  program: (ops, [image]) => {
    if (image === undefined) throw new Error('a ResNet takes an image');
    const stem = ops.relu(ops.batchNorm(ops.conv(image, 'conv1', { stride: 2, padding: 3 }), 'bn1'));
    let x = ops.maxPool(stem, 3, { stride: 2, padding: 1 });
    for (const one of basicBlocks) x = basicBlock(ops, x, one);
    return ops.linear(ops.meanOfPixels(x), 'fc');
  },
  slow: ['jax-js'],
};

/** Convolutions, W2. */
export const convCases: readonly Case[] = [
  conv('conv 3×3, 56×56×64→64', 64, 56),
  conv('conv 3×3, 14×14×256→256', 256, 14),
  conv('depthwise 3×3, 56×56×128', 128, 56, true),
];

/** Whole networks over images, W4 and W7. */
export const cnnCases: readonly Case[] = [
  { ...cnn, name: 'CNN forward, batch 32' },
  { ...cnn, name: 'CNN training step, batch 32', train: { name: 'Fit', classes: 10 } },
];

/** ResNet-18, W7. */
export const resnetCases: readonly Case[] = [resnet];
