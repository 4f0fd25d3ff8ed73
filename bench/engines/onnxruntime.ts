// onnxruntime-web on WebAssembly, one thread: the case as an ONNX model, with LSTM, LayerNormalization and Gelu as ops.
// It copies inputs in and outputs out on every run; its API has no other way on WebAssembly.
import type { Case, Ops } from '../comparison/case.ts';
import type { Engine } from '../comparison/engine.ts';
import { transposed, type CaseData } from '../comparison/random.ts';
import { importPeer } from './installed.ts';
import { OnnxGraph } from './onnx.ts';

interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
  release(): Promise<void>;
}

interface OnnxRuntime {
  readonly env: { readonly wasm: { numThreads: number }; logLevel: string };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;
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
  return {
    weight,
    constant: (values, extents) => graph.floats(values, extents),
    matmul: (a, b) => op('MatMul', a, b),
    linear(x, path, activation) {
      const [rows = 1, columns = 1] = shape(`${path}.weight`);
      const right = graph.floats(transposed(values(`${path}.weight`), [rows, columns]), [columns, rows]);
      const y = op('Add', op('MatMul', x, right), weight(`${path}.bias`));
      return activation === 'relu' ? op('Relu', y) : y;
    },
    conv: (x, path) =>
      graph.node('Conv', [x, weight(`${path}.weight`), weight(`${path}.bias`)], {
        kernel_shape: [3, 3],
        pads: [1, 1, 1, 1],
      })[0],
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
    layerNorm: (x, path) =>
      graph.node('LayerNormalization', [x, weight(`${path}.weight`), weight(`${path}.bias`)], {
        axis: (one.inputs['x'] ?? []).length - 1,
        epsilon: { float: 1e-5 },
      })[0],
    softmax: (x) => op('Softmax', x),
    add: (a, b) => op('Add', a, operand(b)),
    mul: (a, b) => op('Mul', a, operand(b)),
    tanh: (x) => op('Tanh', x),
    sigmoid: (x) => op('Sigmoid', x),
    gelu: (x) => op('Gelu', x),
    reshape: (x, extents) => op('Reshape', x, graph.ints(extents)),
    transpose,
    split: (x, parts) => graph.node('Split', [x], { axis: 2, num_outputs: parts }, parts),
  };
}

/** onnxruntime-web as an engine. */
export async function onnxruntime(): Promise<Engine> {
  const ort = (await importPeer('onnxruntime-web', 'dist/ort.node.min.mjs')) as OnnxRuntime;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  return {
    name: 'onnxruntime-web',
    async open(one, data) {
      if (one.train) throw new Error('its JavaScript packages have no training');
      const graph = new OnnxGraph();
      const inputs = Object.entries(one.inputs);
      const output = one.program(
        onnxOps(graph, one, data),
        inputs.map(([name, shape]) => graph.input(name, shape)),
      );
      const session = await ort.InferenceSession.create(graph.model(output), { graphOptimizationLevel: 'all' });
      const feeds = Object.fromEntries(
        inputs.map(([name, shape], at) => [
          name,
          new ort.Tensor('float32', data.inputs[at] ?? new Float32Array(0), shape),
        ]),
      );
      return {
        run: async () => (await session.run(feeds))[output]?.data ?? new Float32Array(0),
        close: () => void session.release(),
      };
    },
  };
}
