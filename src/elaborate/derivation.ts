// How a shape came about: a chain of named stages from a parameter to the value at hand, shown with
// shape errors.
import type { TensorType } from '../ir/graph.ts';
import type { DerivationStep } from '../support/diagnostic.ts';
import { typeText } from './values.ts';

/** One stage, and the one before it. */
export interface Derivation {
  readonly name: string;
  readonly type: TensorType;
  readonly note: string;
  readonly previous?: Derivation;
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
