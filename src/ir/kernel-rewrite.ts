// Walks and rewrites of Kernel IR: expressions are trees here, statements nest.
import type { KernelExpr, Statement } from './kernel.ts';

/** The operands of an expression. */
export function kernelOperands(e: KernelExpr): readonly KernelExpr[] {
  switch (e.kind) {
    case 'const':
    case 'name':
    case 'param':
    case 'scalar':
      return [];
    case 'load':
    case 'load-array':
      return [e.index];
    case 'unary':
    case 'cast':
    case 'bitcast':
    case 'splat':
    case 'lane':
      return [e.x];
    case 'binary':
    case 'shuffle':
      return [e.a, e.b];
    case 'madd':
      return [e.a, e.b, e.c];
    case 'select':
      return [e.cond, e.then, e.otherwise];
    case 'vector':
      return e.lanes;
  }
}

/** Rebuilds an expression bottom-up; `replace` sees each node with its new operands. */
export function mapKernelExpr(e: KernelExpr, replace: (e: KernelExpr) => KernelExpr): KernelExpr {
  const go = (x: KernelExpr): KernelExpr => mapKernelExpr(x, replace);
  switch (e.kind) {
    case 'const':
    case 'name':
    case 'param':
    case 'scalar':
      return replace(e);
    case 'load':
    case 'load-array':
      return replace({ ...e, index: go(e.index) });
    case 'unary':
    case 'cast':
    case 'bitcast':
    case 'lane':
      return replace({ ...e, x: go(e.x) });
    case 'splat':
      return replace({ ...e, x: go(e.x) });
    case 'binary':
    case 'shuffle':
      return replace({ ...e, a: go(e.a), b: go(e.b) });
    case 'madd':
      return replace({ ...e, a: go(e.a), b: go(e.b), c: go(e.c) });
    case 'select':
      return replace({ ...e, cond: go(e.cond), then: go(e.then), otherwise: go(e.otherwise) });
    case 'vector': {
      const [a, b, c, d] = e.lanes;
      return replace({ ...e, lanes: [go(a), go(b), go(c), go(d)] });
    }
  }
}

/** The expressions that a statement evaluates itself (not those of its body). */
export function statementExprs(s: Statement): readonly KernelExpr[] {
  switch (s.kind) {
    case 'let':
    case 'assign':
      return [s.value];
    case 'var':
      return [s.init];
    case 'store':
    case 'store-array':
      return [s.index, s.value];
    case 'for':
      return [s.from, s.to];
    case 'if':
      return [s.cond];
    case 'barrier':
    case 'combine':
      return [];
  }
}

/** The statements inside a statement. */
export const statementBodies = (s: Statement): readonly (readonly Statement[])[] =>
  s.kind === 'for' ? [s.body] : s.kind === 'if' ? [s.then, s.otherwise] : [];

/** Rebuilds statements: every expression through `expr`, then every statement through `statement`. */
export function mapStatements(
  body: readonly Statement[],
  expr: (e: KernelExpr) => KernelExpr,
  statement: (s: Statement) => Statement = (s) => s,
): Statement[] {
  const go = (inner: readonly Statement[]): Statement[] => mapStatements(inner, expr, statement);
  const rebuild = (s: Statement): Statement => {
    switch (s.kind) {
      case 'let':
      case 'assign':
        return { ...s, value: expr(s.value) };
      case 'var':
        return { ...s, init: expr(s.init) };
      case 'store':
      case 'store-array':
        return { ...s, index: expr(s.index), value: expr(s.value) };
      case 'for':
        return { ...s, from: expr(s.from), to: expr(s.to), body: go(s.body) };
      case 'if':
        return { ...s, cond: expr(s.cond), then: go(s.then), otherwise: go(s.otherwise) };
      case 'barrier':
      case 'combine':
        return s;
    }
  };
  return body.map((s) => statement(rebuild(s)));
}

/** True when `e` loads from a buffer that `test` accepts. */
export function loadsFrom(e: KernelExpr, test: (buffer: string) => boolean): boolean {
  return (e.kind === 'load' && test(e.buffer)) || kernelOperands(e).some((x) => loadsFrom(x, test));
}
