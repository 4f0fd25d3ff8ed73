// Puts a value that is used once, in the statement list where it is defined, into the place of its use:
// the stack carries it and no local is needed. Reads of memory and variables do not cross writes.
import type { Kernel, KernelExpr, Statement } from '../../ir/kernel.ts';
import {
  kernelOperands,
  mapKernelExpr,
  mapStatements,
  statementBodies,
  statementExprs,
} from '../../ir/kernel-rewrite.ts';

interface Uses {
  readonly total: Map<string, number>;
  readonly variables: Set<string>;
}

function countNames(e: KernelExpr, into: Map<string, number>): void {
  if (e.kind === 'name') into.set(e.name, (into.get(e.name) ?? 0) + 1);
  for (const x of kernelOperands(e)) countNames(x, into);
}

function collect(body: readonly Statement[], uses: Uses): void {
  for (const s of body) {
    for (const e of statementExprs(s)) countNames(e, uses.total);
    if (s.kind === 'var') uses.variables.add(s.name);
    for (const inner of statementBodies(s)) collect(inner, uses);
  }
}

const readsState = (e: KernelExpr, variables: ReadonlySet<string>): boolean =>
  e.kind === 'load' ||
  e.kind === 'load-array' ||
  (e.kind === 'name' && variables.has(e.name)) ||
  kernelOperands(e).some((x) => readsState(x, variables));

const writesState = (s: Statement): boolean =>
  s.kind === 'store' ||
  s.kind === 'store-array' ||
  s.kind === 'assign' ||
  statementBodies(s).some((body) => body.some(writesState));

/** The body of `kernel` with values inlined into their only use. */
export function inlineOnce(kernel: Kernel): readonly Statement[] {
  const uses: Uses = { total: new Map(), variables: new Set() };
  collect(kernel.body, uses);
  return inlineList(kernel.body, uses);
}

function inlineList(body: readonly Statement[], uses: Uses): Statement[] {
  const direct = new Map<string, number>();
  for (const s of body) for (const e of statementExprs(s)) countNames(e, direct);
  const pending = new Map<string, { readonly value: KernelExpr; readonly readsState: boolean }>();
  const result: Statement[] = [];
  const substitute = (e: KernelExpr): KernelExpr =>
    mapKernelExpr(e, (x) => {
      const waiting = x.kind === 'name' ? pending.get(x.name) : undefined;
      if (!waiting || x.kind !== 'name') return x;
      pending.delete(x.name);
      return waiting.value;
    });
  for (const s of body) {
    const own = substituteOwn(s, substitute);
    if (own.kind === 'let' && uses.total.get(own.name) === 1 && direct.get(own.name) === 1) {
      pending.set(own.name, { value: own.value, readsState: readsState(own.value, uses.variables) });
      continue;
    }
    if (writesState(own)) {
      for (const [name, waiting] of pending) {
        if (!waiting.readsState) continue;
        pending.delete(name);
        result.push({ kind: 'let', name, value: waiting.value });
      }
    }
    result.push(withBodies(own, (inner) => inlineList(inner, uses)));
  }
  return result;
}

// Only the statement's own expressions: bodies come later.
function substituteOwn(s: Statement, substitute: (e: KernelExpr) => KernelExpr): Statement {
  if (s.kind === 'for') return { ...s, from: substitute(s.from), to: substitute(s.to) };
  if (s.kind === 'if') return { ...s, cond: substitute(s.cond) };
  return mapStatements([s], substitute)[0] ?? s;
}

function withBodies(s: Statement, change: (body: readonly Statement[]) => Statement[]): Statement {
  if (s.kind === 'for') return { ...s, body: change(s.body) };
  return s.kind === 'if' ? { ...s, then: change(s.then), otherwise: change(s.otherwise) } : s;
}
