// Questions about dims as an evaluation asks them: holes are solved on the way, obligations on the
// config of a layer that is checked by itself are assumed (they are discharged where it is built).
import { asConstant, asVariable, divideExactly, floorDiv, mod, sub, variables, type Dim } from '../ir/dim.ts';
import { Facts, type Answer } from '../ir/dim-solver.ts';
import type { Fact } from '../ir/graph.ts';
import type { Frame } from './frame.ts';
import { resolveHoles } from './graph-context.ts';

const noFacts = new Facts();

/** The facts in force. */
export const factsOf = (frame: Frame): Facts => frame.graph?.builder.facts ?? noFacts;

/** `d` with solved holes replaced. */
export const resolved = (frame: Frame, d: Dim): Dim => resolveHoles(d, frame.session.holes);

const isHole = (d: Dim): string | undefined => {
  const name = asVariable(d);
  return name?.startsWith('%hole') ? name : undefined;
};

/** a = b? An unsolved `_` becomes equal. */
export function equalDims(frame: Frame, left: Dim, right: Dim): Answer {
  const [a, b] = [resolved(frame, left), resolved(frame, right)];
  if (a.key === b.key) return 'proved';
  const hole = isHole(a) ?? isHole(b);
  if (hole !== undefined) {
    frame.session.holes.set(hole, isHole(a) ? b : a);
    return 'proved';
  }
  return decide(frame, factsOf(frame).equal(a, b), { kind: '==0', lhs: sub(a, b) });
}

/** a ≤ b? */
export function lessEqualDims(frame: Frame, a: Dim, b: Dim): Answer {
  const [x, y] = [resolved(frame, a), resolved(frame, b)];
  return decide(frame, factsOf(frame).lessEqual(x, y), { kind: '>=0', lhs: sub(y, x) });
}

/** Does `divisor` divide `d`? */
export function divides(frame: Frame, divisor: Dim, d: Dim): Answer {
  const [x, y] = [resolved(frame, d), resolved(frame, divisor)];
  if (asConstant(y) === 0) return 'refuted';
  if (divideExactly(x, y)) return 'proved';
  if (asConstant(mod(x, y)) === 0) return 'proved';
  return decide(frame, factsOf(frame).divisible(x, y), { kind: 'multiple', lhs: x, modulus: y });
}

/** The quotient of an exact division that {@link divides} has proved. */
export const exactQuotient = (frame: Frame, d: Dim, divisor: Dim): Dim => {
  const [x, y] = [resolved(frame, d), resolved(frame, divisor)];
  return divideExactly(x, y) ?? floorDiv(x, y);
};

// A layer checked by itself cannot discharge what depends on its config alone: its caller will.
function decide(frame: Frame, answer: Answer, fact: Fact): Answer {
  const graph = frame.graph;
  if (answer !== 'unknown' || !graph?.standalone) return answer;
  const names = [...variables(fact.lhs), ...(fact.modulus ? variables(fact.modulus) : [])];
  const ofPack = names.some((name) => graph.packs.has(name));
  if (!ofPack && !names.every((name) => graph.symbols.has(name))) return answer;
  graph.assume(fact);
  return 'proved';
}
