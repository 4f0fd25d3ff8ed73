// onnxruntime, web or node: the case as an ONNX model, with LSTM, LayerNormalization and Gelu as ops. It copies inputs in
// and outputs out on every run; its API has no other way on WebAssembly.
import type { Case, Ops } from '../comparison/case.ts';
import type { Engine } from '../comparison/engine.ts';
import { transposed, type CaseData } from '../comparison/random.ts';
import { OnnxGraph } from './onnx.ts';

interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
  release(): Promise<void>;
}

/** What both packages export. */
export interface OnnxRuntime {
  readonly env: {
    readonly wasm: { numThreads: number; wasmPaths?: string };
    logLevel: string;
  };
  readonly Tensor: new (type: 'float32' | 'int32', data: Float32Array | Int32Array, dims: readonly number[]) => unknown;
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
}

// torch has the gates i, f, g, o; ONNX i, o, f, c.
function gates(data: Float32Array): Float32Array {
  const part = data.length / 4;
  const result = new Float32Array(data.length);
  [0, 3, 1, 2].forEach((from, to) => result.set(data.subarray(from * part, (from + 1) * part), to * part));
  return result;
}

function onnxOps(graph: OnnxGraph, one: Case, data: CaseData): Ops<string> {
  const values = (path: string): Float32Array => data.weights.get(path) ?? new Float32Array(0);
  const shape = (path: string): readonly number[] => one.weights[path] ?? [];
  const weight = (path: string): string => graph.floats(values(path), shape(path));
  const operand = (value: string | number): string =>
    typeof value === 'number' ? graph.floats(new Float32Array([value]), []) : value;
  const op = (name: string, ...inputs: readonly string[]): string => graph.node(name, inputs)[0];
  const transpose = (x: string, perm: readonly number[]): string => graph.node('Transpose', [x], { perm })[0];
  const activated = (y: string, activation?: 'relu'): string => (activation === 'relu' ? op('Relu', y) : y);
  const parts = (path: string, ...names: readonly string[]): string[] => names.map((name) => weight(`${path}.${name}`));
  return {
    table: (path) => weight(`${path}.weight`),
    constant: (values, extents) => graph.floats(values, extents),
    matmul: (a, b) => op('MatMul', a, b),
    linear(x, path, activation) {
      const [rows = 1, columns = 1] = shape(`${path}.weight`);
      const right = graph.floats(transposed(values(`${path}.weight`), [rows, columns]), [columns, rows]);
      return activated(op('Add', op('MatMul', x, right), weight(`${path}.bias`)), activation);
    },
    conv(x, path, { stride = 1, padding = 0, depthwise = false, activation }) {
      const [channels = 1, , size = 1] = shape(`${path}.weight`);
      const names = one.weights[`${path}.bias`] ? ['weight', 'bias'] : ['weight'];
      const y = graph.node('Conv', [x, ...parts(path, ...names)], {
        kernel_shape: [size, size],
        pads: [padding, padding, padding, padding],
        strides: [stride, stride],
        group: depthwise ? channels : 1,
      })[0];
      return activated(y, activation);
    },
    batchNorm: (x, path) =>
      graph.node('BatchNormalization', [x, ...parts(path, 'weight', 'bias', 'running_mean', 'running_var')], {
        epsilon: { float: 1e-5 },
      })[0],
    maxPool: (x, size, { stride = size, padding = 0 }) =>
      graph.node('MaxPool', [x], {
        kernel_shape: [size, size],
        pads: [padding, padding, padding, padding],
        strides: [stride, stride],
      })[0],
    meanOfPixels: (x) => op('Flatten', op('GlobalAveragePool', x)),
    flatten: (x) => op('Flatten', x),
    embedding: (ids, path) => op('Gather', weight(`${path}.weight`), ids),
    lstm(x, path) {
      const hidden = shape(`${path}.weight_hh_l0`)[1] ?? 0;
      const tensor = (name: string): string =>
        graph.floats(gates(values(`${path}.${name}`)), [1, ...shape(`${path}.${name}`)]);
      const biases = [...gates(values(`${path}.bias_ih_l0`)), ...gates(values(`${path}.bias_hh_l0`))];
      const bias = graph.floats(Float32Array.from(biases), [1, 8 * hidden]);
      const inputs = [transpose(x, [1, 0, 2]), tensor('weight_ih_l0'), tensor('weight_hh_l0'), bias];
      const [y] = graph.node('LSTM', inputs, { hidden_size: hidden });
      return transpose(op('Squeeze', y, graph.ints([1])), [1, 0, 2]);
    },
    last: (x) => op('Squeeze', graph.node('Gather', [x, graph.ints([-1])], { axis: 1 })[0], graph.ints([1])),
    layerNorm: (x, path) =>
      graph.node('LayerNormalization', [x, ...parts(path, 'weight', 'bias')], { epsilon: { float: 1e-5 } })[0],
    softmax: (x) => op('Softmax', x),
    add: (a, b) => op('Add', a, operand(b)),
    mul: (a, b) => op('Mul', a, operand(b)),
    relu: (x) => op('Relu', x),
    tanh: (x) => op('Tanh', x),
    sigmoid: (x) => op('Sigmoid', x),
    gelu: (x) => op('Gelu', x),
    reshape: (x, extents) => op('Reshape', x, graph.ints(extents)),
    transpose,
    split: (x, count) => graph.node('Split', [x], { axis: 2, num_outputs: count }, count),
  };
}

/** onnxruntime as an engine; `options` go to every session. */
export function onnxEngine(
  name: string,
  ort: Pick<OnnxRuntime, 'Tensor' | 'InferenceSession'>,
  options: Readonly<Record<string, unknown>>,
  native = false,
): Engine {
  return {
    name,
    native,
    async open(one, data) {
      if (one.train) throw new Error('its JavaScript packages have no training');
      const type = one.ids === undefined ? 'float32' : 'int32';
      const graph = new OnnxGraph();
      const inputs = Object.entries(one.inputs);
      const output = one.program(
        onnxOps(graph, one, data),
        inputs.map(([input, shape]) => graph.input(input, shape, type)),
      );
      const session = await ort.InferenceSession.create(graph.model(output), {
        graphOptimizationLevel: 'all',
        ...options,
      });
      const feeds = Object.fromEntries(
        inputs.map(([input, shape], at) => [
          input,
          new ort.Tensor(type, data.inputs[at] ?? new Float32Array(0), shape),
        ]),
      );
      return {
        run: async () => (await session.run(feeds))[output]?.data ?? new Float32Array(0),
        close: () => void session.release(),
      };
    },
  };
}
