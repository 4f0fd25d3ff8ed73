// A choice element by element, with its condition stretched to the shape of the branches.
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { Frame } from '../frame.ts';
import { graphOf, stretch } from './tensors.ts';

/** where(cond, a, b) for branches of one type and a condition that broadcasts to it. */
export const elementwiseSelect = (frame: Frame, cond: GraphValue, a: GraphValue, b: GraphValue): GraphValue =>
  graphOf(frame).builder.select(stretch(frame, cond, a.type.shape), a, b);
