// constant: one number, or a small table of numbers.
import { asConstant, constant as dimConstant, sub, type Dim } from '../dim.ts';
import type { DType } from '../dtype.ts';
import type { Expr } from '../expr.ts';
import type { Attrs } from '../graph.ts';
import { rowMajor, type LowerContext } from '../lower.ts';
import { defineOp, ShapeError } from '../op.ts';
import { oneDType, scalars, tensors } from './arbitrary.ts';
import { dimsOf, dtypeOf, numberOf, numbersOf } from './attributes.ts';
import { arity } from './shapes.ts';
import { fill, sizeOf } from './tensor.ts';

const isTable = (attrs: Attrs): boolean => attrs['values'] !== undefined;

function tableShape(attrs: Attrs): number[] {
  return dimsOf(attrs, 'shape').map((d) => {
    const n = asConstant(d);
    if (n === undefined) throw new ShapeError('attribute', `a table of constants has fixed extents, not ${d.key}`);
    return n;
  });
}

// values[position], as a balanced tree of lazy choices: log₂ n conditions, n leaves.
function lookUp(k: LowerContext, dtype: DType, values: readonly number[], position: Dim, from: number): Expr {
  const [first = 0] = values;
  if (values.every((value) => Object.is(value, first))) return k.constant(dtype, first);
  const middle = Math.ceil(values.length / 2);
  const [low, high] = [values.slice(0, middle), values.slice(middle)];
  const isLow = { kind: '>=0', lhs: sub(from + middle - 1, position) } as const;
  return k.guard([isLow], lookUp(k, dtype, low, position, from), lookUp(k, dtype, high, position, from + middle));
}

export default defineOp({
  name: 'constant',
  doc: 'A scalar `value`, or a table of `values` in row-major order.',
  attrs: {
    dtype: 'dtype of the result',
    value: 'the scalar (rank 0); or',
    shape: 'fixed extents of the table',
    values: 'its elements in row-major order',
  },
  infer(inputs, attrs) {
    arity(inputs, 0);
    const dtype = dtypeOf(attrs);
    if (!isTable(attrs)) {
      numberOf(attrs, 'value');
      return [{ dtype, shape: [] }];
    }
    const shape = tableShape(attrs);
    const { length } = numbersOf(attrs, 'values');
    if (length !== sizeOf(shape))
      throw new ShapeError('attribute', `${length} values do not fill [${shape.join(', ')}]`);
    return [{ dtype, shape: shape.map(dimConstant) }];
  },
  vjp: () => [],
  lower(k, _inputs, attrs) {
    const dtype = dtypeOf(attrs);
    if (!isTable(attrs)) return [k.map(() => k.constant(dtype, numberOf(attrs, 'value')))];
    return [k.map((i) => lookUp(k, dtype, numbersOf(attrs, 'values'), rowMajor(i, k.type().shape), 0))];
  },
  evaluate(_inputs, attrs, cx) {
    const dtype = dtypeOf(attrs);
    const round = dtype === 'f32' || dtype === 'f16' ? cx.round : (value: number) => value;
    if (!isTable(attrs)) return [fill(dtype, [], () => round(numberOf(attrs, 'value')))];
    const values = numbersOf(attrs, 'values');
    return [fill(dtype, tableShape(attrs), (e) => round(values[e] ?? 0))];
  },
  arbitrary: (fc) =>
    oneDType(fc, 'f32', 'i32', 'u32', 'bool').chain((dtype) =>
      fc.oneof(
        scalars(fc, dtype).map((value) => ({ inputs: [], attrs: { dtype, value } })),
        tensors(fc, dtype, {}, { minRank: 1 }).map(({ shape, data }) => ({
          inputs: [],
          attrs: { dtype, shape: shape.map(dimConstant), values: [...data] },
        })),
      ),
    ),
});
