// Small graphs built by hand for tests of passes: the shapes that fusion must recognise.
import { Builder } from '../../src/ir/builder.ts';
import { dim, variable, type DimLike } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { DType } from '../../src/ir/dtype.ts';
import type { FunctionInput, GraphFunction, GraphModule, InputRole, Value } from '../../src/ir/graph.ts';
import type { Tensor } from '../../src/ir/op.ts';

const dims = [{ name: 'b', min: 1 }];

/** A function under construction: `b` is a symbolic dim. */
export class FunctionCase {
  readonly b = new Builder(new Facts(dims, []));
  private readonly inputs: FunctionInput[] = [];

  input(name: string, shape: readonly (DimLike | 'b')[], dtype: DType = 'f32', role: InputRole = 'argument'): Value {
    const value: Value = { name, type: { dtype, shape: shape.map((d) => (d === 'b' ? variable('b') : dim(d))) } };
    this.inputs.push({ name, role, value });
    return value;
  }

  module(outputs: Readonly<Record<string, Value>>, updates: Readonly<Record<string, Value>> = {}): GraphModule {
    const fn: GraphFunction = {
      name: 'f',
      kind: 'entry',
      dims,
      facts: [],
      inputs: this.inputs,
      nodes: this.b.nodes,
      host: [],
      results: [
        ...Object.entries(outputs).map(([name, value]) => ({ name, role: 'output' as const, value })),
        ...Object.entries(updates).map(([name, value]) => ({ name, role: 'update' as const, value })),
      ],
    };
    return { name: 'case', functions: [fn], entries: {}, models: [], trains: [] };
  }
}

/** softmax(x) over the last axis of [b, 7]. */
export function softmaxCase(): GraphModule {
  const f = new FunctionCase();
  const x = f.input('x', ['b', 7]);
  return f.module({ y: softmax(f.b, x) });
}

export function softmax(b: Builder, x: Value): Value {
  const rows = (v: Value): Value => b.broadcast(v, [0], x.type.shape);
  const e = b.unary('exp', b.sub(x, rows(b.reduce('max', x, [1]))));
  return b.div(e, rows(b.reduce('sum', e, [1])));
}

/** (x − mean) / sqrt(var + eps) over the last axis of [b, 6]. */
export function layerNormCase(): GraphModule {
  const f = new FunctionCase();
  const { b } = f;
  const x = f.input('x', ['b', 6]);
  const rows = (v: Value): Value => b.broadcast(v, [0], x.type.shape);
  const sixth = (v: Value): Value => b.mul(v, b.like(v, 1 / 6));
  const centred = b.sub(x, rows(sixth(b.reduce('sum', x, [1]))));
  const variance = sixth(b.reduce('sum', b.mul(centred, centred), [1]));
  return f.module({ y: b.mul(centred, rows(b.unary('rsqrt', b.add(variance, b.like(variance, 1e-5))))) });
}

/** relu(x·wᵀ + bias): one contraction with an epilogue. */
export function linearCase(): GraphModule {
  const f = new FunctionCase();
  const { b } = f;
  const [x, w, bias] = [
    f.input('x', ['b', 5]),
    f.input('w', [4, 5], 'f32', 'param'),
    f.input('bias', [4], 'f32', 'param'),
  ];
  const y = b.dot(x, w, [], [[1, 1]]);
  const z = b.add(y, b.broadcast(bias, [1], y.type.shape));
  return f.module({ y: b.binary('max', z, b.zero(z)) });
}

/** mean((x·w − y)²), and w − 0.1·∇w as an update of w: needs autodiff. */
export function regressionCase(): GraphModule {
  const f = new FunctionCase();
  const { b } = f;
  const [x, y] = [f.input('x', ['b', 3]), f.input('y', ['b', 2])];
  const w = f.input('w', [2, 3], 'f32', 'param');
  const gap = b.sub(b.dot(x, w, [], [[1, 1]]), y);
  const total = b.reduce('sum', b.mul(gap, gap), [0, 1]);
  const count = b.cast(b.dimValue(variable('b')), 'f32');
  const loss = b.div(total, count);
  const [gradient] = b.node('gradient', [loss, w]);
  if (!gradient) throw new Error('no gradient');
  return f.module({ loss }, { w: b.sub(w, b.mul(gradient, b.like(w, 0.1))) });
}

/** Views in a row: transpose, reshape, slice, pad, concat, all free. */
export function viewsCase(): GraphModule {
  const f = new FunctionCase();
  const { b } = f;
  const x = f.input('x', ['b', 2, 6]);
  const rows = variable('b');
  const t = b.permute(b.reshape(x, [rows, 3, 4]), [0, 2, 1]);
  const s = b.op('slice', [t], { start: [dim(0), dim(3), dim(0)], size: [rows, dim(4), dim(2)], stride: [1, -1, 1] });
  const p = b.op('pad', [s], {
    lo: [dim(0), dim(1), dim(0)],
    hi: [dim(0), dim(0), dim(1)],
    interior: [0, 0, 1],
    value: 2,
  });
  const c = b.op('concat', [p, p], { axis: 1 });
  return f.module({ y: b.unary('neg', c) });
}

/** A tensor of pseudo-random multiples of 1/16 in [-2, 2]. */
export function sampleTensor(shape: readonly number[], seed = 1, dtype: DType = 'f32'): Tensor {
  let state = (seed * 2654435761) >>> 0;
  const data = Float64Array.from({ length: shape.reduce((a, n) => a * n, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round((state / 2 ** 32) * 64 - 32) / 16;
  });
  return { dtype, shape, data };
}
