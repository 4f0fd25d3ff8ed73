// What is known of run-time integers, as dims, for proofs that reads lie inside: an index of a loop is a
// variable with bounds, arithmetic on it gives polynomials, and `%`, `min`, `max` bound what is unknown.
import { add, constant, floorDiv, max, min, mod, mul, sub, variable, type Dim } from '../../ir/dim.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import { lessEqualDims } from '../dims.ts';
import type { Frame } from '../frame.ts';
import { tensor, type TensorValue, type Value } from '../values.ts';

const known = (value: Value): Dim | undefined =>
  value.kind === 'int' ? value.dim : value.kind === 'tensor' ? value.index : undefined;

// A variable for an integer of which nothing is known.
function anyInteger(frame: Frame): Dim | undefined {
  const builder = frame.graph?.builder;
  if (!builder) return undefined;
  const name = `%v${builder.facts.variables.length}`;
  builder.facts = builder.facts.extend([{ name, min: -(2 ** 31) }], []);
  return variable(name);
}

const isInteger = (value: Value): boolean => value.kind === 'tensor' && value.value.type.dtype === 'i32';

/** The result of an operation on integers as a dim, where its operands tell something. */
export function rangeOfResult(frame: Frame, operation: string, left: Value, right: Value): Dim | undefined {
  const [a, b] = [known(left), known(right)];
  if (a && b && operation === '+') return add(a, b);
  if (a && b && operation === '-') return sub(a, b);
  if (a && b && operation === '*') return mul(a, b);
  if (operation === '%' || operation === 'floor_div') {
    const dividend = a ?? (operation === '%' && isInteger(left) ? anyInteger(frame) : undefined);
    if (!dividend || !b || lessEqualDims(frame, constant(1), b) !== 'proved') return undefined;
    return operation === '%' ? mod(dividend, b) : floorDiv(dividend, b);
  }
  if (operation !== 'min' && operation !== 'max') return undefined;
  const [x, y] = [
    a ?? (isInteger(left) ? anyInteger(frame) : undefined),
    b ?? (isInteger(right) ? anyInteger(frame) : undefined),
  ];
  return (a ?? b) && x && y ? (operation === 'min' ? min : max)(x, y) : undefined;
}

/** An integer that lies in 0 ≤ i < `length`. */
export function indexBelow(frame: Frame, value: GraphValue, length: Dim): TensorValue {
  const builder = frame.graph?.builder;
  if (!builder) return tensor(value);
  const name = `%v${builder.facts.variables.length}`;
  builder.facts = builder.facts.extend([{ name, min: 0 }], [{ kind: '>=0', lhs: sub(sub(length, 1), variable(name)) }]);
  return { ...tensor(value), index: variable(name) };
}
