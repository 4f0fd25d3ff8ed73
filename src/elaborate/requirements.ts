// `requires` clauses: facts where they are assumed (an entry, a check by itself), obligations where a
// function or layer is used.
import { add, asConstant, sub, type Dim } from '../ir/dim.ts';
import type { Fact } from '../ir/graph.ts';
import type { Expr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText, type Span } from '../support/source.ts';
import { resolved } from './dims.ts';
import { evaluate } from './expressions/evaluate.ts';
import { report, type Frame } from './frame.ts';
import type { Value } from './values.ts';

/** Takes the clause as a fact about the dims of the signature. */
export function assumeRequirement(frame: Frame, clause: Expr): void {
  const fact = factOf(frame, clause);
  if (fact) frame.graph?.assume(fact);
  else checkRequirement(frame, clause, frame, clause.span);
}

/** The clause must hold; reported at the call. */
export function checkRequirement(frame: Frame, clause: Expr, caller: Frame, span: Span): void {
  const value = evaluate(frame, clause);
  if (value.kind === 'unknown' || (value.kind === 'bool' && value.value)) return;
  const text = spanText(clause.span);
  const secondary = [{ span: clause.span, label: 'required here' }];
  if (value.kind === 'bool') report(caller, messages.E0316(span, { fact: text, reason: 'it is false for these sizes' }, { secondary }));
  else if (value.kind !== 'tensor') report(caller, messages.E0406(clause.span, { got: 'no condition' }));
  else report(caller, messages.E0316(span, { fact: text, reason: 'it cannot be proved here' }, {
    secondary, helps: [{ text: `require it of the caller too: \`requires ${text}\`` }],
  }));
}

function factOf(frame: Frame, clause: Expr): Fact | undefined {
  if (clause.kind !== 'binary') return undefined;
  const dims = [evaluate(frame, clause.left), evaluate(frame, clause.right)].map((v) => dimOfValue(frame, v));
  const [a, b] = dims;
  if (!a || !b) return undefined;
  const modulus = clause.operator === '==' && asConstant(b) === 0 ? multipleOf(frame, clause.left) : undefined;
  if (modulus) return modulus;
  switch (clause.operator) {
    case '==': return { kind: '==0', lhs: sub(a, b) };
    case '<=': return { kind: '>=0', lhs: sub(b, a) };
    case '<': return { kind: '>=0', lhs: sub(b, add(a, 1)) };
    case '>=': return { kind: '>=0', lhs: sub(a, b) };
    case '>': return { kind: '>=0', lhs: sub(a, add(b, 1)) };
    default: return undefined;
  }
}

function multipleOf(frame: Frame, expr: Expr): Fact | undefined {
  if (expr.kind !== 'binary' || expr.operator !== '%') return undefined;
  const [lhs, modulus] = [dimOfValue(frame, evaluate(frame, expr.left)), dimOfValue(frame, evaluate(frame, expr.right))];
  return lhs && modulus ? { kind: 'multiple', lhs, modulus } : undefined;
}

const dimOfValue = (frame: Frame, value: Value): Dim | undefined => (value.kind === 'int' ? resolved(frame, value.dim) : undefined);
