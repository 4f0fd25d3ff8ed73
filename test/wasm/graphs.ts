// Small graph functions for tests: built with the Builder, lowered, fused if wanted, and compared.
import { Builder, tensorType } from '../../src/ir/builder.ts';
import type { DimLike } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { DType } from '../../src/ir/dtype.ts';
import type { DimVariable, GraphFunction, Value } from '../../src/ir/graph.ts';
import type { NestFunction } from '../../src/ir/nest.ts';
import type { Tensor } from '../../src/ir/op.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';

/** Operands of a function under construction: dtype and shape by name. */
export type Signature = Readonly<Record<string, readonly [DType, readonly DimLike[]]>>;

/** A function over `signature`; `body` returns its results. */
export function graphOf(
  signature: Signature,
  body: (b: Builder, x: Readonly<Record<string, Value>>) => readonly Value[],
  dims: readonly DimVariable[] = [],
): GraphFunction {
  const b = new Builder(new Facts(dims));
  const values = Object.fromEntries(
    Object.entries(signature).map(([name, [dtype, shape]]): [string, Value] => [
      name,
      { type: tensorType(dtype, shape) },
    ]),
  );
  const results = body(b, values);
  return {
    name: 'test',
    kind: 'entry',
    dims,
    facts: [],
    host: [],
    nodes: b.nodes,
    inputs: Object.entries(values).map(([name, value]) => ({ name, role: 'argument', value })),
    results: results.map((value, at) => ({ name: `y${at}`, role: 'output', value })),
  };
}

/** The nests of `fn`. */
export function nestsOf(fn: GraphFunction, fused: boolean): NestFunction {
  const cx = { count: (): void => undefined };
  const module = lowerToNests.run({ name: 'test', functions: [fn], entries: {}, models: [], trains: [] }, cx);
  const [nests] = (fused ? fuse.run(module, cx) : module).functions;
  if (!nests) throw new Error('nothing was lowered');
  return nests;
}

/** Numbers that look random and repeat: multiples of 1/64 in [-1, 1). */
export function tensor(shape: readonly number[], seed: number, dtype: DType = 'f32'): Tensor {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 25) / 64 - 1;
  };
  const size = shape.reduce((a, n) => a * n, 1);
  return {
    dtype,
    shape,
    data: Float64Array.from({ length: size }, () => (dtype === 'f32' ? next() : Math.round(next() * 8))),
  };
}
