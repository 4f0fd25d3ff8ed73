// Sizes that are still to be inferred have names of their own; a diagnostic shows them as they were written: `_`.
import type { Diagnostic } from '../support/diagnostic.ts';

const shown = (text: string): string => text.replace(/%hole\d+/g, '_');

/** The diagnostic with `_` for every size that is not known yet. */
export function withoutHoleNames(diagnostic: Diagnostic): Diagnostic {
  const { message, label, secondary, derivation, notes, helps } = diagnostic;
  return {
    ...diagnostic,
    message: shown(message),
    ...(label !== undefined && { label: shown(label) }),
    secondary: secondary.map((each) => ({ ...each, label: shown(each.label) })),
    ...(derivation && {
      derivation: derivation.map((step) => ({ ...step, shape: shown(step.shape), note: shown(step.note) })),
    }),
    notes: notes.map(shown),
    helps: helps.map((help) => ({ ...help, text: shown(help.text) })),
  };
}
