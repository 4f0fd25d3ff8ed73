// Where a point of the nest is: the value of every axis, the axis whose four neighbours are computed at
// once, and the results of reductions. Immutable; values are remembered per environment.
import type { Atom } from './kernel-writer.ts';

/** The point, or the four points along `vector`, at which expressions are evaluated. */
export interface Environment {
  /** Axis name -> i32 value; of the vector axis, the value in lane 0. */
  readonly axes: ReadonlyMap<string, Atom>;
  readonly vector: string | undefined;
  /** `stage:part` -> result of a reduction. */
  readonly reduced: ReadonlyMap<string, Atom>;
}

/** No axis, no reduction. */
export const emptyEnvironment: Environment = { axes: new Map(), vector: undefined, reduced: new Map() };

/** The environment with one more axis; `vector` tells whether four of its points are meant. */
export const withAxis = (env: Environment, name: string, value: Atom, vector = false): Environment => ({
  ...env,
  axes: new Map([...env.axes, [name, value]]),
  vector: vector ? name : env.vector === name ? undefined : env.vector,
});

/** The environment with the results of one more reduction. */
export const withReduced = (env: Environment, stage: string, parts: readonly Atom[]): Environment => ({
  ...env,
  reduced: new Map([...env.reduced, ...parts.map((atom, part): [string, Atom] => [`${stage}:${part}`, atom])]),
});
