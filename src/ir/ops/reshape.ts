// reshape: the same elements in row-major order under another shape.
import { add, asConstant, constant, floorDiv, mod, mul, product, sameDim, zero, type Dim } from '../dim.ts';
import { defineOp, ShapeError } from '../op.ts';
import { oneDType, shapes, tensorOf } from './arbitrary.ts';
import { dimsOf } from './attributes.ts';
import { arity, operand, shapeText } from './shapes.ts';
import { resultShape, tensorAt } from './tensor.ts';
import { inputAt } from './vjp.ts';

/** Axes of the operand that hold the same elements as these axes of the result. */
interface Group {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

const nontrivial = (shape: readonly Dim[]): number[] => shape.flatMap((d, axis) => (asConstant(d) === 1 ? [] : [axis]));

// Cuts both shapes wherever the products of the extents before the cut are the same polynomial, so that
// [b, 28, 28] → [b, 784] touches b as it is and only merges the last two. Axes of extent 1 stay out.
function axisGroups(from: readonly Dim[], to: readonly Dim[]): Group[] {
  const [fromAxes, toAxes] = [nontrivial(from), nontrivial(to)];
  const cuts = new Map<string, number>();
  prefixes(from, fromAxes).forEach((key, at) => cuts.set(key, at));
  const groups: Group[] = [];
  let [fromStart, toStart] = [0, 0];
  prefixes(to, toAxes).forEach((key, at) => {
    const cut = at === toAxes.length - 1 ? fromAxes.length - 1 : cuts.get(key);
    if (cut === undefined || cut < fromStart) return;
    groups.push({ from: fromAxes.slice(fromStart, cut + 1), to: toAxes.slice(toStart, at + 1) });
    [fromStart, toStart] = [cut + 1, at + 1];
  });
  return groups;
}

function prefixes(shape: readonly Dim[], axes: readonly number[]): string[] {
  return axes.map((_, at) => product(axes.slice(0, at + 1).map((axis) => shape[axis] ?? 1)).key);
}

/** Indices of the operand (shape `from`) that hold element `i` of the result (shape `to`). */
export function reshapedIndex(from: readonly Dim[], to: readonly Dim[], i: readonly Dim[]): Dim[] {
  const index = from.map(() => zero);
  for (const group of axisGroups(from, to)) {
    const flat = group.to.reduce<Dim>((sum, axis) => add(mul(sum, to[axis] ?? 1), i[axis] ?? 0), zero);
    group.from.forEach((axis, at) => {
      const inner = product(group.from.slice(at + 1).map((a) => from[a] ?? 1));
      const outer = floorDiv(flat, inner);
      index[axis] = at === 0 ? outer : mod(outer, from[axis] ?? 1);
    });
  }
  return index;
}

/** Splits an extent into factors, to make shapes of equal size. */
const factorsOf = (n: number): number[] => Array.from({ length: n }, (_, d) => d + 1).filter((d) => n % d === 0);

export default defineOp({
  name: 'reshape',
  doc: 'The same elements in row-major order, under another shape of the same size.',
  attrs: { shape: 'shape of the result' },
  infer(inputs, attrs, facts) {
    arity(inputs, 1);
    const x = operand(inputs, 0);
    const shape = dimsOf(attrs, 'shape');
    const [before, after] = [product(x.shape), product(shape)];
    const answer = sameDim(before, after) ? 'proved' : facts.equal(before, after);
    if (answer !== 'proved') {
      const what = `${shapeText(x.shape)} has ${before.key} elements, ${shapeText(shape)} has ${after.key}`;
      if (answer === 'refuted') throw new ShapeError('shape', what, [before, after]);
      throw new ShapeError('unknown', `cannot prove that the sizes are equal: ${what}`, [before, after]);
    }
    return [{ dtype: x.dtype, shape }];
  },
  vjp: (b, { inputs, cotangents: [ct] }) => [ct ? b.reshape(ct, inputAt(inputs, 0).type.shape) : null],
  lower: (k, [x]) => (x ? [k.map((i) => x.at(reshapedIndex(x.type.shape, k.type().shape, i)))] : []),
  evaluate(inputs, _attrs, cx) {
    const x = tensorAt(inputs, 0);
    return [{ dtype: x.dtype, shape: resultShape(cx), data: x.data }];
  },
  rewrites: {
    'reshape-to-itself': (_b, { inputs: [x], outputs: [out] }) =>
      x &&
      out &&
      x.type.shape.length === out.type.shape.length &&
      x.type.shape.every((d, axis) => sameDim(d, out.type.shape[axis] ?? zero))
        ? [x]
        : null,
  },
  arbitrary: (fc) =>
    fc
      .tuple(oneDType(fc, 'f32', 'i32', 'bool'), shapes(fc), fc.nat(), fc.boolean())
      .chain(([dtype, shape, pick, split]) => {
        const size = shape.reduce((n, extent) => n * extent, 1);
        const factors = factorsOf(size);
        const factor = factors[pick % factors.length] ?? 1;
        const to = split ? [factor, size / factor] : [size / factor, 1, factor];
        return tensorOf(fc, dtype, shape).map((x) => ({ inputs: [x], attrs: { shape: to.map(constant) } }));
      }),
});
