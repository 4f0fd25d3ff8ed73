// How a shape came about: a chain of named stages from a parameter to the value at hand, shown with
// shape errors.
import { asConstant, one, product, type Dim } from '../ir/dim.ts';
import type { TensorType } from '../ir/graph.ts';
import type { DerivationStep } from '../support/diagnostic.ts';
import type { Span } from '../support/source.ts';
import { typeText } from './values.ts';

/** One stage, and the one before it. */
export interface Derivation {
  readonly name: string;
  readonly type: TensorType;
  readonly note: string;
  readonly previous?: Derivation;
  /** The name in the `let` that this stage comes from. */
  readonly place?: Span;
}

/** Adds a stage; a stage of the same name and type as the last one is not repeated. */
export function derive(name: string, type: TensorType, note: string, previous?: Derivation): Derivation {
  if (previous && previous.name === name && previous.type === type) return previous;
  return previous ? { name, type, note, previous } : { name, type, note };
}

/** The rows of the table, oldest first; long chains keep their newest eight. */
export function derivationRows(last: Derivation | undefined): readonly DerivationStep[] {
  const rows: DerivationStep[] = [];
  for (let at = last; at && rows.length < 8; at = at.previous)
    rows.unshift({ name: at.name, shape: typeText(at.type), note: at.note });
  return rows;
}

/** How sizes follow from those before: `64 * 14 * 14` for axes that became one, `28 / 2` for one that shrank. */
export function sizeNote(before: TensorType | undefined, after: TensorType): string {
  if (!before) return '';
  const [from, to] = [before.shape, after.shape];
  const changed = to.findIndex((d, i) => d.key !== from[i]?.key);
  const own = to[changed];
  if (!own) return '';
  const joined = from.slice(changed, from.length - to.length + changed + 1);
  if (joined.length > 1 && product(joined).key === own.key) return joined.map(factor).join(' * ');
  const [old, now] = [asConstant(from[changed] ?? one), asConstant(own)];
  if (from.length !== to.length || old === undefined || now === undefined || now === 0 || old % now !== 0) return '';
  return `${old} / ${old / now}`;
}

const factor = (d: Dim): string => (d.terms.length > 1 ? `(${d.key})` : d.key);
