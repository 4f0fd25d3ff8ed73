// einsum, rearrange and reduce: patterns of named axes.
import type { PatternExpr } from '../../parser/ast.ts';
import { messages } from '../../support/messages.gen.ts';
import { reject, type Frame } from '../frame.ts';
import type { GivenArgument, Value } from '../values.ts';

export function evaluatePattern(frame: Frame, expr: PatternExpr, piped: GivenArgument | null): Value {
  void piped;
  return reject(frame, messages.E0412(expr.span, { operation: 'evaluate', operands: expr.form }));
}
