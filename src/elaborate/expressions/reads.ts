// `left ?? right`: a default for an optional, or for an index read that may be out of bounds.
import type { BinaryExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import { reject, type Frame } from '../frame.ts';
import type { Value } from '../values.ts';
import { evaluate } from './evaluate.ts';

/** The left side unless it is `none`. */
export function readOrDefault(frame: Frame, expr: BinaryExpr): Value {
  if (expr.left.kind === 'index')
    return reject(frame, messages.E0412(expr.span, { operation: 'give a default to', operands: 'an index read' }));
  const left = evaluate(frame, expr.left);
  return left.kind === 'none' ? evaluate(frame, expr.right) : left;
}
