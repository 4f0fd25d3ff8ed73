// Shapes of the weights of layers by their paths, in PyTorch's layouts.

type Shapes = Readonly<Record<string, readonly number[]>>;

/** A dense layer with bias. */
export const linearShapes = (path: string, from: number, to: number): Shapes => ({
  [`${path}.weight`]: [to, from],
  [`${path}.bias`]: [to],
});

/** A layer norm. */
export const normShapes = (path: string, size: number): Shapes => ({
  [`${path}.weight`]: [size],
  [`${path}.bias`]: [size],
});

/** A convolution; `bias` false leaves it out. */
export const convShapes = (path: string, from: number, to: number, size: number, bias = true): Shapes => ({
  [`${path}.weight`]: [to, from, size, size],
  ...(bias ? { [`${path}.bias`]: [to] } : {}),
});

/** A batch norm with its running statistics. */
export const batchNormShapes = (path: string, size: number): Shapes => ({
  ...normShapes(path, size),
  [`${path}.running_mean`]: [size],
  [`${path}.running_var`]: [size],
});

/** One layer of an LSTM. */
export const lstmShapes = (path: string, inputs: number, hidden: number): Shapes => ({
  [`${path}.weight_ih_l0`]: [4 * hidden, inputs],
  [`${path}.weight_hh_l0`]: [4 * hidden, hidden],
  [`${path}.bias_ih_l0`]: [4 * hidden],
  [`${path}.bias_hh_l0`]: [4 * hidden],
});

/** A transformer block of `bench/models/block.dlm`; `prefix` ends in a dot, or is empty. */
export const blockShapes = (prefix: string, d: number): Shapes => ({
  ...normShapes(`${prefix}ln_1`, d),
  ...linearShapes(`${prefix}qkv`, d, 3 * d),
  ...linearShapes(`${prefix}out`, d, d),
  ...normShapes(`${prefix}ln_2`, d),
  ...linearShapes(`${prefix}fc`, d, 4 * d),
  ...linearShapes(`${prefix}proj`, 4 * d, d),
});
