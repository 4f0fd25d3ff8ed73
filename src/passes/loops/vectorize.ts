// One node of a loop body for all steps at once: operands stacked along a new axis 0 give the results
// stacked along it. Ops that are not here stay in the loop.
import type { Builder } from '../../ir/builder.ts';
import { constant, type Dim } from '../../ir/dim.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { dimsOf, numberOf, numbersOf, pairsOf } from '../../ir/ops/attributes.ts';
import { binaryOps } from '../../ir/ops/scalar-binary.ts';
import { unaryOps } from '../../ir/ops/scalar.ts';

/** An operand of the node: `outer` is stacked over the steps, or the same in each. */
export interface OuterValue {
  readonly outer: Value;
  readonly stacked: boolean;
}

const elementwise = new Set([...unaryOps, ...binaryOps].map(({ name }) => name).concat('select', 'cast', 'bitcast'));
const others = new Set(['broadcast', 'permute', 'reshape', 'slice', 'concat', 'reduce', 'dot', 'gather']);

/** Whether {@link vectorize} knows the op of the node. */
export function canVectorize(node: Node, operands: readonly OuterValue[]): boolean {
  if (node.op === 'gather') return operands[0]?.stacked === false && node.attrs['axis'] === 0;
  return elementwise.has(node.op) || others.has(node.op);
}

const up = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

function stackedOf(b: Builder, { outer, stacked }: OuterValue, length: Dim): Value {
  if (stacked) return outer;
  const { shape } = outer.type;
  return b.broadcast(outer, up(shape.map((_, axis) => axis)), [length, ...shape]);
}

/** The result of `node` stacked over `length` steps. */
export function vectorize(b: Builder, node: Node, operands: readonly OuterValue[], length: Dim): Value {
  const all = (): Value[] => operands.map((operand) => stackedOf(b, operand, length));
  const x = (): Value => {
    const [value] = all();
    if (!value) throw new RangeError(`${node.op} has no operand`);
    return value;
  };
  switch (node.op) {
    case 'broadcast':
      return b.op('broadcast', [x()], {
        axes: [0, ...up(numbersOf(node.attrs, 'axes'))],
        shape: [length, ...dimsOf(node.attrs, 'shape')],
      });
    case 'permute':
      return b.permute(x(), [0, ...up(numbersOf(node.attrs, 'order'))]);
    case 'reshape':
      return b.reshape(x(), [length, ...dimsOf(node.attrs, 'shape')]);
    case 'slice':
      return b.op('slice', [x()], {
        start: [constant(0), ...dimsOf(node.attrs, 'start')],
        size: [length, ...dimsOf(node.attrs, 'size')],
        stride: [1, ...numbersOf(node.attrs, 'stride')],
      });
    case 'concat':
      return b.op('concat', all(), { axis: numberOf(node.attrs, 'axis') + 1 });
    case 'reduce':
      return b.op('reduce', [x()], { ...node.attrs, axes: up(numbersOf(node.attrs, 'axes')) });
    case 'gather':
      return b.op(
        'gather',
        operands.map(({ outer }) => outer),
        node.attrs,
      );
    case 'dot':
      return vectorizeDot(b, node, operands);
    default:
      return b.op(node.op, all(), node.attrs);
  }
}

// The step axis is one more batch axis when both operands have it, else one more free axis, which is
// brought to the front.
function vectorizeDot(b: Builder, node: Node, [left, right]: readonly OuterValue[]): Value {
  if (!left || !right) throw new RangeError('a dot has two operands');
  const shift = (pairs: readonly (readonly [number, number])[]): [number, number][] =>
    pairs.map(([p, q]) => [p + Number(left.stacked), q + Number(right.stacked)]);
  const [batch, contract] = [shift(pairsOf(node.attrs, 'batch')), shift(pairsOf(node.attrs, 'contract'))];
  if (left.stacked && right.stacked) return b.dot(left.outer, right.outer, [[0, 0], ...batch], contract);
  const result = b.dot(left.outer, right.outer, batch, contract);
  const freeLeft = left.outer.type.shape.length - batch.length - contract.length;
  const at = left.stacked ? batch.length : batch.length + freeLeft;
  if (at === 0) return result;
  const axes = result.type.shape.map((_, axis) => axis);
  return b.permute(result, [at, ...axes.filter((axis) => axis !== at)]);
}
