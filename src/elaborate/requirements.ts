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

/**
 * The clause must hold; reported at the call where it does not. What depends on sizes that are not known
 * yet becomes a requirement of the function under construction, checked when its dims are bound.
 */
export function checkRequirement(frame: Frame, clause: Expr, caller: Frame, span: Span): boolean {
  const value = evaluate(frame, clause);
  if (value.kind === 'unknown') return true;
  if (value.kind === 'bool' && value.value) return true;
  const text = spanText(clause.span);
  const secondary = [{ span: clause.span, label: 'required here' }];
  if (value.kind === 'bool') {
    report(caller, messages.E0316(span, { fact: text, reason: 'it is false for these sizes' }, { secondary }));
    return false;
  }
  const fact = frame.graph && value.kind === 'tensor' ? factOf(frame, clause) : undefined;
  if (fact) frame.graph?.assume(fact);
  else
    report(
      caller,
      messages.E0316(span, { fact: text, reason: 'it cannot be decided from the sizes here' }, { secondary }),
    );
  return fact !== undefined;
}

function factOf(frame: Frame, clause: Expr): Fact | undefined {
  if (clause.kind !== 'binary') return undefined;
  const dims = [evaluate(frame, clause.left), evaluate(frame, clause.right)].map((v) => dimOfValue(frame, v));
  const [a, b] = dims;
  if (!a || !b) return undefined;
  const modulus = clause.operator === '==' && asConstant(b) === 0 ? multipleOf(frame, clause.left) : undefined;
  if (modulus) return modulus;
  if (clause.operator === '==') return { kind: '==0', lhs: sub(a, b) };
  const sides: Readonly<Record<string, Dim>> = {
    '<=': sub(b, a),
    '<': sub(b, add(a, 1)),
    '>=': sub(a, b),
    '>': sub(a, add(b, 1)),
  };
  const lhs = sides[clause.operator];
  return lhs && { kind: '>=0', lhs };
}

function multipleOf(frame: Frame, expr: Expr): Fact | undefined {
  if (expr.kind !== 'binary' || expr.operator !== '%') return undefined;
  const [lhs, modulus] = [
    dimOfValue(frame, evaluate(frame, expr.left)),
    dimOfValue(frame, evaluate(frame, expr.right)),
  ];
  return lhs && modulus ? { kind: 'multiple', lhs, modulus } : undefined;
}

const dimOfValue = (frame: Frame, value: Value): Dim | undefined =>
  value.kind === 'int' ? resolved(frame, value.dim) : undefined;
