// Walks and rewrites of scalar expressions. Expressions are DAGs: every walk visits a shared node
// once, and a rewrite keeps sharing, so that schedules can compute a shared node once.
import { asConstant, asVariable, substitute, type Dim } from './dim.ts';
import type { Condition, Expr, Index } from './expr.ts';

export type Load = Extract<Expr, { kind: 'load' }>;

const isDynamic = (index: Index): index is Extract<Index, { kind: 'dynamic' }> => 'kind' in index;

/** The operands of `expr`, the expressions inside dynamic indices among them. */
export function operands(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'const':
    case 'index':
    case 'reduced':
      return [];
    case 'load':
      return expr.indices.filter(isDynamic).map((index) => index.expr);
    case 'unary':
    case 'cast':
    case 'bitcast':
      return [expr.x];
    case 'binary':
      return [expr.a, expr.b];
    case 'select':
      return [expr.cond, expr.then, expr.otherwise];
    case 'guard':
      return [expr.then, expr.otherwise];
    case 'threefry':
      return [...expr.key, ...expr.counter];
  }
}

/** Calls `visit` once for every node of the DAGs under `roots`. */
export function walkExprs(roots: Iterable<Expr>, visit: (expr: Expr) => void): void {
  const seen = new Set<Expr>();
  const stack = [...roots];
  for (let expr = stack.pop(); expr; expr = stack.pop()) {
    if (seen.has(expr)) continue;
    seen.add(expr);
    visit(expr);
    stack.push(...operands(expr));
  }
}

/** All loads under `roots`. */
export function loadsIn(roots: Iterable<Expr>): Load[] {
  const loads: Load[] = [];
  walkExprs(roots, (expr) => {
    if (expr.kind === 'load') loads.push(expr);
  });
  return loads;
}

const halfRounding = 16;

// Rough instruction counts, for deciding what is cheap enough to compute twice.
const heavy = new Set(['exp', 'log', 'log1p', 'expm1', 'sin', 'cos', 'tanh', 'sigmoid', 'erf', 'pow']);

/** Rough work of evaluating `expr` once, in arithmetic instructions; loads and views are free. */
export function weight(expr: Expr): number {
  let sum = 0;
  walkExprs([expr], (e) => {
    if (e.kind === 'threefry') sum += 80;
    else if (e.kind === 'unary' || e.kind === 'binary') sum += heavy.has(e.op) ? 12 : 1;
    else if (e.kind === 'cast' && e.dtype === 'f16' && e.x.dtype !== 'f16') sum += halfRounding;
    else if (e.kind === 'select' || e.kind === 'cast') sum += 1;
    else if (e.kind === 'load' && e.indices.some(isDynamic)) sum += 2;
  });
  return sum;
}

/** What a rewrite replaces. */
export interface Replacement {
  /** New positions for axes; an axis without one stays. */
  readonly axes?: ReadonlyMap<string, Index>;
  /** Whole nodes to what stands in their place. */
  readonly nodes?: ReadonlyMap<Expr, Expr>;
  /** A load, its indices already rewritten, to what stands in its place; undefined keeps it. */
  readonly load?: (load: Load) => Expr | undefined;
  /** New ids for reductions; one without keeps its own. */
  readonly stages?: ReadonlyMap<string, string>;
  /** Applied to every rewritten dim: simplification under the ranges of the target nest. */
  readonly simplify?: (dim: Dim) => Dim;
}

/** Thrown when a loaded position would have to take part in index arithmetic. */
export class NotAffine extends Error {}

/** Rewrites a DAG; nodes in which nothing changes stay the same objects. @throws NotAffine when an axis becomes a loaded position inside arithmetic */
export class Rewriter {
  private readonly memo = new Map<Expr, Expr>();
  private readonly dims = new Map<Dim, Dim>();
  private readonly simplify: (dim: Dim) => Dim;

  constructor(private readonly replacement: Replacement) {
    this.simplify = replacement.simplify ?? ((d) => d);
  }

  expr(expr: Expr): Expr {
    const known = this.memo.get(expr) ?? this.replacement.nodes?.get(expr);
    if (known) return known;
    const result = this.rebuild(expr);
    this.memo.set(expr, result);
    return result;
  }

  index(index: Index): Index {
    if (isDynamic(index)) {
      const expr = this.expr(index.expr);
      return expr === index.expr ? index : { kind: 'dynamic', expr };
    }
    const name = asVariable(index);
    const replaced = name === undefined ? undefined : this.replacement.axes?.get(name);
    return replaced ?? this.dim(index);
  }

  dim(d: Dim): Dim {
    let result = this.dims.get(d);
    if (!result) {
      result = this.simplify(substitute(d, (name) => this.affine(name)));
      if (result.key === d.key) result = d;
      this.dims.set(d, result);
    }
    return result;
  }

  conditions(conditions: readonly Condition[]): Condition[] {
    return conditions.map((condition) => {
      const lhs = this.dim(condition.lhs);
      return lhs === condition.lhs ? condition : { kind: condition.kind, lhs };
    });
  }

  private affine(name: string): Dim | undefined {
    const replaced = this.replacement.axes?.get(name);
    if (replaced && isDynamic(replaced)) throw new NotAffine(name);
    return replaced;
  }

  private rebuild(e: Expr): Expr {
    switch (e.kind) {
      case 'const':
        return e;
      case 'reduced':
        return same(e, { stage: this.replacement.stages?.get(e.stage) ?? e.stage });
      case 'index':
        return this.indexValue(e);
      case 'load': {
        const load = same(e, { indices: e.indices.map((index) => this.index(index)) });
        return this.replacement.load?.(load) ?? load;
      }
      case 'unary':
      case 'cast':
      case 'bitcast':
        return same(e, { x: this.expr(e.x) });
      case 'binary':
        return same(e, { a: this.expr(e.a), b: this.expr(e.b) });
      case 'select':
        return same(e, { cond: this.expr(e.cond), then: this.expr(e.then), otherwise: this.expr(e.otherwise) });
      case 'guard':
        return this.guard(e);
      case 'threefry':
        return same(e, {
          key: [this.expr(e.key[0]), this.expr(e.key[1])],
          counter: [this.expr(e.counter[0]), this.expr(e.counter[1])],
        });
    }
  }

  // Conditions without variables are decided here.
  private guard(e: Extract<Expr, { kind: 'guard' }>): Expr {
    const open: Condition[] = [];
    for (const condition of this.conditions(e.conditions)) {
      const value = asConstant(condition.lhs);
      if (value === undefined) open.push(condition);
      else if (condition.kind === '>=0' ? value < 0 : value !== 0) return this.expr(e.otherwise);
    }
    if (open.length === 0) return this.expr(e.then);
    return same(e, { conditions: open, then: this.expr(e.then), otherwise: this.expr(e.otherwise) });
  }

  // An axis read as a number may become a loaded position: then the number is the loaded value.
  private indexValue(e: Extract<Expr, { kind: 'index' }>): Expr {
    const name = asVariable(e.dim);
    const replaced = name === undefined ? undefined : this.replacement.axes?.get(name);
    if (replaced && isDynamic(replaced)) {
      const { expr } = replaced;
      return expr.dtype === e.dtype ? expr : { kind: 'cast', dtype: e.dtype, x: expr };
    }
    return same(e, { dim: this.dim(e.dim) });
  }
}

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at]);

// `{ ...e, ...parts }`, or `e` itself when every part is what it was.
function same<E extends Expr>(e: E, parts: Partial<E>): E {
  for (const [key, part] of Object.entries(parts)) {
    const before: unknown = e[key as keyof E];
    const equal = Array.isArray(part) && Array.isArray(before) ? sameItems(part, before) : part === before;
    if (!equal) return { ...e, ...parts };
  }
  return e;
}

/** Hash-conses DAGs: expressions of equal structure become one object. */
export class ExprPool {
  private readonly known = new Map<string, Expr>();
  private readonly ids = new Map<Expr, number>();
  private readonly memo = new Map<Expr, Expr>();

  intern(expr: Expr): Expr {
    const before = this.memo.get(expr);
    if (before) return before;
    const rebuilt = this.withInternedOperands(expr);
    const key = this.keyOf(rebuilt);
    const shared = this.known.get(key) ?? rebuilt;
    if (shared === rebuilt) {
      this.known.set(key, shared);
      this.ids.set(shared, this.ids.size);
    }
    this.memo.set(expr, shared);
    return shared;
  }

  internIndex(index: Index): Index {
    if (!isDynamic(index)) return index;
    const expr = this.intern(index.expr);
    return expr === index.expr ? index : { kind: 'dynamic', expr };
  }

  private withInternedOperands(e: Expr): Expr {
    switch (e.kind) {
      case 'const':
      case 'reduced':
      case 'index':
        return e;
      case 'load':
        return same(e, { indices: e.indices.map((index) => this.internIndex(index)) });
      case 'unary':
      case 'cast':
      case 'bitcast':
        return same(e, { x: this.intern(e.x) });
      case 'binary':
        return same(e, { a: this.intern(e.a), b: this.intern(e.b) });
      case 'select':
        return same(e, { cond: this.intern(e.cond), then: this.intern(e.then), otherwise: this.intern(e.otherwise) });
      case 'guard':
        return same(e, { then: this.intern(e.then), otherwise: this.intern(e.otherwise) });
      case 'threefry':
        return same(e, {
          key: [this.intern(e.key[0]), this.intern(e.key[1])],
          counter: [this.intern(e.counter[0]), this.intern(e.counter[1])],
        });
    }
  }

  // The kind, the plain fields, and the ids of the operands, which are interned already.
  private keyOf(e: Expr): string {
    const parts: (string | number)[] = [e.kind, e.dtype, ...operands(e).map((x) => this.ids.get(x) ?? -1)];
    if (e.kind === 'const') parts.push(Object.is(e.value, -0) ? '-0' : e.value);
    else if (e.kind === 'index') parts.push(e.dim.key);
    else if (e.kind === 'load') parts.push(e.buffer, ...e.indices.map((index) => (isDynamic(index) ? '?' : index.key)));
    else if (e.kind === 'unary' || e.kind === 'binary') parts.push(e.op);
    else if (e.kind === 'guard') parts.push(...e.conditions.map(({ kind, lhs }) => kind + lhs.key));
    else if (e.kind === 'threefry') parts.push(e.word);
    else if (e.kind === 'reduced') parts.push(e.stage, e.part);
    return parts.join('|');
  }
}
