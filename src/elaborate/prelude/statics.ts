// Functions of static values: lists, kinds. And random bits, the one source of randomness.
import { int, kindName, list, str, tensor, tuple, unknown, type Value } from '../values.ts';
import type { Primitive, PrimitiveCall } from './primitive.ts';

function zip(call: PrimitiveCall): Value {
  const [a, b] = [call.items('a'), call.items('b')];
  if (a.length !== b.length) call.wrong('b', `a list of ${a.length}`);
  return list(a.map((item, i) => tuple([item, b[i] ?? unknown])));
}

// Bits come from the key of this call: two calls never draw the same ones.
function randomBits(call: PrimitiveCall): Value {
  const site = call.frame.keys?.next();
  if (!site) return call.wrong('shape', 'drawn where a random key is in force');
  const [k0, k1] = site.key();
  const { tabulating } = call.frame;
  const shape = call.shape('shape');
  if (tabulating && shape.length > 0) call.wrong('shape', 'the shape of a scalar, `[]`, in a tabulation');
  const bits = call.builder.op('random_bits', [k0, k1], { shape: tabulating ? [...tabulating.shape] : [...shape] });
  tabulating?.adopt(bits);
  return tensor(bits);
}

/** The static functions. */
export const staticPrimitives: readonly Primitive[] = [
  {
    name: 'len',
    params: ['xs'],
    doc: 'The number of elements of a list.',
    run: (call) => int(call.items('xs').length),
  },
  {
    name: 'append',
    params: ['xs', 'x'],
    doc: 'The list with one more element.',
    run: (call) => list([...call.items('xs'), call.value('x')]),
  },
  {
    name: 'reverse',
    params: ['xs'],
    doc: 'The list from its end.',
    run: (call) => list(call.items('xs').toReversed()),
  },
  { name: 'zip', params: ['a', 'b'], doc: 'Pairs of elements of two lists of one length.', run: zip },
  {
    name: 'enumerate',
    params: ['xs'],
    doc: 'Pairs of index and element.',
    run: (call) => list(call.items('xs').map((item, i) => tuple([int(i), item]))),
  },
  {
    name: 'kind',
    params: ['v'],
    doc: 'What a value is: "int", "real", "bool", "str", "tuple", "list", "fn", "layer", "tensor" or "none".',
    run: (call) => str(kindName(call.value('v'))),
  },
  {
    name: 'dtype_of',
    params: ['x'],
    doc: 'The dtype of a tensor, to compare with `f32`, `i32`, `bool`, ….',
    run: (call) => ({ kind: 'dtype', dtype: call.tensor('x').type.dtype }),
  },
  {
    name: 'random_bits',
    params: ['shape'],
    doc: 'Independent random u32 words from this place in the program.',
    run: randomBits,
    random: true,
  },
];
