// jax-js on any of its backends, every case under jit. Arrays are consumed by use there, so each use takes a `ref`.
import type { Case, Ops } from '../comparison/case.ts';
import type { Engine, Runner } from '../comparison/engine.ts';
import { transposed, type CaseData } from '../comparison/random.ts';

interface Array_ {
  readonly ref: Array_;
  readonly shape: readonly number[];
  add(other: Array_ | number): Array_;
  sub(other: Array_ | number): Array_;
  mul(other: Array_ | number): Array_;
  div(other: Array_ | number): Array_;
  neg(): Array_;
  sum(axis?: number): Array_;
  mean(axis?: number | readonly number[]): Array_;
  reshape(shape: readonly number[]): Array_;
  transpose(order: readonly number[]): Array_;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type JaxDevice = 'wasm' | 'webgpu';

type Tree = Array_ | readonly Tree[];

/** The part of jax-js that the cases take. */
export interface Jax {
  init(device: JaxDevice): Promise<readonly string[]>;
  defaultDevice(device: JaxDevice): void;
  readonly jit: <A extends readonly Tree[], R extends Tree>(
    body: (...args: A) => R,
  ) => ((...args: A) => R) & { dispose(): void };
  readonly valueAndGrad: <A extends readonly Tree[]>(
    body: (...args: A) => Array_,
  ) => (...args: A) => [Array_, Array_[]];
  readonly numpy: {
    array(data: Float32Array | Int32Array, options: { shape: readonly number[] }): Array_;
    zeros(shape: readonly number[]): Array_;
    matmul(a: Array_, b: Array_): Array_;
    take(x: Array_, ids: Array_, axis: number): Array_;
    pad(x: Array_, widths: readonly (readonly number[])[]): Array_;
    max(x: Array_): Array_;
    tanh(x: Array_): Array_;
    sqrt(x: Array_): Array_;
    split(x: Array_, parts: number, axis: number): Array_[];
    unstack(x: Array_, axis: number): Array_[];
    stack(xs: readonly Array_[], axis: number): Array_;
  };
  readonly nn: {
    relu(x: Array_): Array_;
    sigmoid(x: Array_): Array_;
    gelu(x: Array_, options: { approximate: boolean }): Array_;
    softmax(x: Array_, axis: number): Array_;
    logSoftmax(x: Array_, axis: number): Array_;
    standardize(x: Array_, axis: number): Array_;
    oneHot(x: Array_, classes: number): Array_;
  };
  readonly lax: {
    convGeneralDilated(
      x: Array_,
      w: Array_,
      strides: readonly number[],
      padding: readonly (readonly number[])[],
      options: { readonly featureGroupCount: number },
    ): Array_;
    reduceWindow(
      x: Array_,
      body: (window: Array_) => Array_,
      sizes: readonly number[],
      strides: readonly number[],
    ): Array_;
  };
}

const perChannel = (values: Array_): Array_ => values.reshape([-1, 1, 1]);

const taken = (value: Array_ | number): Array_ | number => (typeof value === 'number' ? value : value.ref);

function jaxOps({ numpy, nn, lax }: Jax, one: Case, weights: ReadonlyMap<string, Array_>): Ops<Array_> {
  const weight = (path: string): Array_ => {
    const found = weights.get(path);
    if (!found) throw new Error(`no weight ${path}`);
    return found.ref;
  };
  return {
    table: (path) => weight(`${path}.weight`),
    constant: (data, shape) => numpy.array(data, { shape }),
    matmul: (a, b) => numpy.matmul(a.ref, b.ref),
    linear(x, path, activation) {
      const y = numpy.matmul(x.ref, weight(`${path}.weight`)).add(weight(`${path}.bias`));
      return activation === 'relu' ? nn.relu(y) : y;
    },
    conv(x, path, { stride = 1, padding = 0, depthwise = false, activation }) {
      const filter = weight(`${path}.weight`);
      const around = [padding, padding];
      const options = { featureGroupCount: depthwise ? (filter.shape[0] ?? 1) : 1 };
      const y = lax.convGeneralDilated(x.ref, filter, [stride, stride], [around, around], options);
      const biased = weights.has(`${path}.bias`) ? y.add(perChannel(weight(`${path}.bias`))) : y;
      return activation === 'relu' ? nn.relu(biased) : biased;
    },
    batchNorm(x, path) {
      const scale = weight(`${path}.weight`).div(numpy.sqrt(weight(`${path}.running_var`).add(1e-5)));
      const shift = weight(`${path}.bias`).sub(weight(`${path}.running_mean`).mul(scale.ref));
      return x.ref.mul(perChannel(scale)).add(perChannel(shift));
    },
    maxPool(x, size, { stride = size, padding = 0 }) {
      const around = [padding, padding];
      const widths = [[0, 0], [0, 0], around, around];
      const padded = padding === 0 ? x.ref : numpy.pad(x.ref, widths);
      return lax.reduceWindow(padded, (window) => numpy.max(window), [size, size], [stride, stride]);
    },
    meanOfPixels: (x) => x.ref.mean([2, 3]),
    flatten: (x) => x.ref.reshape([x.shape[0] ?? 1, -1]),
    embedding(ids, path) {
      const rows = weight(`${path}.weight`);
      // The gradient of `take` cannot be under jit.
      if (!one.train) return numpy.take(rows, ids.ref, 0);
      return numpy.matmul(nn.oneHot(ids.ref, rows.shape[0] ?? 1), rows);
    },
    last: (x) => numpy.unstack(x.ref, 1).at(-1) ?? x,
    lstm: (x, path) => lstm({ numpy, nn }, x, (name) => weight(`${path}.${name}_l0`)),
    layerNorm: (x, path) =>
      nn
        .standardize(x.ref, -1)
        .mul(weight(`${path}.weight`))
        .add(weight(`${path}.bias`)),
    softmax: (x) => nn.softmax(x.ref, -1),
    add: (a, b) => a.ref.add(taken(b)),
    mul: (a, b) => a.ref.mul(taken(b)),
    relu: (x) => nn.relu(x.ref),
    tanh: (x) => numpy.tanh(x.ref),
    sigmoid: (x) => nn.sigmoid(x.ref),
    gelu: (x) => nn.gelu(x.ref, { approximate: false }),
    reshape: (x, shape) => x.ref.reshape(shape),
    transpose: (x, order) => x.ref.transpose(order),
    split: (x, parts) => numpy.split(x.ref, parts, -1),
  };
}

// The projection of the inputs is one product; jit unrolls the steps.
function lstm({ numpy, nn }: Pick<Jax, 'numpy' | 'nn'>, x: Array_, weight: (name: string) => Array_): Array_ {
  const hidden = weight('weight_hh').shape[0] ?? 1;
  const bias = weight('bias_ih').add(weight('bias_hh'));
  const rows = numpy.unstack(numpy.matmul(x.ref, weight('weight_ih')).add(bias), 1);
  const start = numpy.zeros([x.shape[0] ?? 1, hidden]);
  let [h, c] = [start, start.ref];
  const seen: Array_[] = [];
  for (const row of rows) {
    const [i, f, g, o] = numpy.split(row.add(numpy.matmul(h, weight('weight_hh'))), 4, -1);
    if (!i || !f || !g || !o) throw new Error('four gates');
    c = nn
      .sigmoid(f)
      .mul(c)
      .add(nn.sigmoid(i).mul(numpy.tanh(g)));
    h = nn.sigmoid(o).mul(numpy.tanh(c.ref));
    seen.push(h.ref);
  }
  return numpy.stack(seen, 1);
}

// Dense kernels [in, out], as its users keep them.
function stored({ numpy }: Jax, one: Case, data: CaseData): Map<string, Array_> {
  return new Map(
    [...data.weights].map(([path, values]) => {
      const shape = one.weights[path] ?? [];
      const flip = shape.length === 2 && one.tables?.includes(path) !== true;
      return [
        path,
        numpy.array(flip ? transposed(values, shape) : values, { shape: flip ? shape.toReversed() : shape }),
      ];
    }),
  );
}

const refs = (arrays: readonly Array_[]): Array_[] => arrays.map((array) => array.ref);

function forwardRunner(jax: Jax, one: Case, data: CaseData, inputs: readonly Array_[]): Runner {
  const weights = stored(jax, one, data);
  const paths = [...weights.keys()];
  const forward = jax.jit((given: readonly Array_[], values: readonly Array_[]): Array_ => {
    const named = new Map(paths.flatMap((path, at) => (values[at] ? [[path, values[at]] as const] : [])));
    return one.program(jaxOps(jax, one, named), given);
  });
  const kept = [...weights.values()];
  return {
    run: async () => forward(refs(inputs), refs(kept)).data(),
    close() {
      forward.dispose();
      for (const array of [...kept, ...inputs]) array.dispose();
    },
  };
}

type Slots = readonly Array_[];

// One step of Adam with the corrections of its averages in `rates`: lr / (1 - beta1^t) and 1 / (1 - beta2^t).
function adam({ numpy }: Jax, p: Array_, g: Array_, m: Array_, v: Array_, rates: readonly [Array_, Array_]): Array_[] {
  const mean = m.mul(0.9).add(g.ref.mul(0.1));
  const square = v.mul(0.999).add(g.ref.mul(g).mul(0.001));
  const step = mean.ref.mul(rates[0].ref).div(numpy.sqrt(square.ref.mul(rates[1].ref)).add(1e-8));
  return [p.sub(step), mean, square];
}

function trainRunner(jax: Jax, one: Case, data: CaseData, inputs: readonly Array_[]): Runner {
  const { numpy, nn, jit, valueAndGrad } = jax;
  const weights = stored(jax, one, data);
  const paths = [...weights.keys()];
  const labels = numpy.array(data.labels, { shape: [data.labels.length] });
  const targets = nn.oneHot(labels, one.train?.classes ?? 1);
  const step = jit(
    (values: Slots, ms: Slots, vs: Slots, given: Slots, y: Array_, rate: Array_, scale: Array_): Tree => {
      const loss = (at: Slots): Array_ => {
        const named = new Map(paths.flatMap((path, i) => (at[i] ? [[path, at[i]] as const] : [])));
        const logits = one.program(jaxOps(jax, one, named), given).reshape([-1, one.train?.classes ?? 1]);
        return nn.logSoftmax(logits, -1).mul(y.ref).sum(-1).mean().neg();
      };
      const [value, gradients] = valueAndGrad(loss)(refs(values));
      const next = values.map((p, at) => {
        const [g, m, v] = [gradients[at], ms[at], vs[at]];
        if (!g || !m || !v) throw new Error('a gradient and two slots each');
        return adam(jax, p, g, m, v, [rate, scale]);
      });
      return [value, next];
    },
  );
  let state = [...weights.values()].map((p) => [p, numpy.zeros(p.shape), numpy.zeros(p.shape)]);
  const column = (at: number): Array_[] => state.flatMap((row) => row[at] ?? []);
  let t = 0;
  return {
    async run() {
      t++;
      const rate = numpy.array(new Float32Array([1e-3 / (1 - 0.9 ** t)]), { shape: [] });
      const scale = numpy.array(new Float32Array([1 / (1 - 0.999 ** t)]), { shape: [] });
      const [value, next] = step(column(0), column(1), column(2), refs(inputs), targets.ref, rate, scale) as [
        Array_,
        Array_[][],
      ];
      state = next;
      return value.data();
    },
    close() {
      step.dispose();
      for (const array of [...state.flat(), ...inputs, targets]) array.dispose();
    },
  };
}

/** jax-js as an engine; `workers` lets it use all cores. @throws Error where it does not have the backend */
export async function jaxEngine(name: string, jax: Jax, device: JaxDevice, workers: boolean): Promise<Engine> {
  // It takes a `Worker`, which tfjs and onnxruntime-web define in Node, for leave to share its memory.
  const alone = (): boolean => workers || Reflect.deleteProperty(globalThis, 'Worker');
  const devices = await jax.init(device);
  if (!devices.includes(device)) throw new Error(`jax-js has no ${device} backend here`);
  jax.defaultDevice(device);
  return {
    name,
    async open(one, data) {
      alone();
      const inputs = Object.values(one.inputs).map((shape, at) =>
        jax.numpy.array(data.inputs[at] ?? new Float32Array(0), { shape }),
      );
      return one.train ? trainRunner(jax, one, data, inputs) : forwardRunner(jax, one, data, inputs);
    },
  };
}
