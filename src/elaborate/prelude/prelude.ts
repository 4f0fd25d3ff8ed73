// The names that need no import: dtypes, `inf`, the primitives, and (added by modules.ts) std/fn.
import { infinity, dtypes } from '../../ir/dtype.ts';
import { Scope } from '../scope.ts';
import { real } from '../values.ts';
import { convolutionPrimitives } from './convolutions.ts';
import { dynamicSlicePrimitives } from './dynamic-slices.ts';
import { elementwisePrimitives } from './elementwise.ts';
import { gradientPrimitives } from './gradient.ts';
import { orderingPrimitives } from './ordering.ts';
import { poolingPrimitives } from './poolings.ts';
import type { Primitive } from './primitive.ts';
import { reductionPrimitives } from './reductions.ts';
import { shapePrimitives } from './shapes.ts';
import { staticPrimitives } from './statics.ts';

/** Every primitive, for documentation and editors. */
export const primitives: readonly Primitive[] = [
  ...elementwisePrimitives,
  ...reductionPrimitives,
  ...shapePrimitives,
  ...dynamicSlicePrimitives,
  ...orderingPrimitives,
  ...convolutionPrimitives,
  ...poolingPrimitives,
  ...staticPrimitives,
  ...gradientPrimitives,
];

/** A fresh scope with dtypes, `inf` and the primitives. */
export function primitiveScope(): Scope {
  const scope = new Scope();
  for (const dtype of dtypes) scope.define(dtype, { kind: 'dtype', dtype });
  scope.define('inf', real(infinity.f32));
  for (const primitive of primitives) scope.define(primitive.name, { kind: 'primitive', primitive });
  return scope;
}
