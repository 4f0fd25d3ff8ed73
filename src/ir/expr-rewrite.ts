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
    pushOperands(expr, stack);
  }
}

// What `operands` lists, without a list: walks are most of what fusion does.
function pushOperands(expr: Expr, stack: Expr[]): void {
  switch (expr.kind) {
    case 'const':
    case 'index':
    case 'reduced':
      return;
    case 'load':
      for (const index of expr.indices) if (isDynamic(index)) stack.push(index.expr);
      return;
    case 'unary':
    case 'cast':
    case 'bitcast':
      stack.push(expr.x);
      return;
    case 'binary':
      stack.push(expr.a, expr.b);
      return;
    case 'select':
      stack.push(expr.cond, expr.then, expr.otherwise);
      return;
    case 'guard':
      stack.push(expr.then, expr.otherwise);
      return;
    case 'threefry':
      stack.push(expr.key[0], expr.key[1], expr.counter[0], expr.counter[1]);
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
    const name = this.replacement.axes && asVariable(index);
    const replaced = name === undefined ? undefined : this.replacement.axes?.get(name);
    return replaced ?? this.dim(index);
  }

  dim(d: Dim): Dim {
    let result = this.dims.get(d);
    if (!result) {
      result = this.simplify(this.replacement.axes ? substitute(d, this.affine) : d);
      if (result.key === d.key) result = d;
      this.dims.set(d, result);
    }
    return result;
  }

  conditions(conditions: readonly Condition[]): readonly Condition[] {
    return mapKept(conditions, (condition) => {
      const lhs = this.dim(condition.lhs);
      return lhs === condition.lhs ? condition : { kind: condition.kind, lhs };
    });
  }

  private readonly affine = (name: string): Dim | undefined => {
    const replaced = this.replacement.axes?.get(name);
    if (replaced && isDynamic(replaced)) throw new NotAffine(name);
    return replaced;
  };

  private rebuild(e: Expr): Expr {
    switch (e.kind) {
      case 'const':
        return e;
      case 'unary':
      case 'cast':
      case 'bitcast':
      case 'binary':
      case 'select':
      case 'guard':
      case 'threefry':
        return rebuildOperands(e, this);
      case 'reduced': {
        const stage = this.replacement.stages?.get(e.stage) ?? e.stage;
        return stage === e.stage ? e : { kind: 'reduced', dtype: e.dtype, stage, part: e.part };
      }
      case 'index':
        return this.indexValue(e);
      case 'load': {
        const load = withIndices(
          e,
          mapKept(e.indices, (index) => this.index(index)),
        );
        return this.replacement.load?.(load) ?? load;
      }
    }
  }

  // Conditions without variables are decided here.
  guard(e: Extract<Expr, { kind: 'guard' }>): Expr {
    const all = this.conditions(e.conditions);
    const open: Condition[] = [];
    for (const condition of all) {
      const value = asConstant(condition.lhs);
      if (value === undefined) open.push(condition);
      else if (condition.kind === '>=0' ? value < 0 : value !== 0) return this.expr(e.otherwise);
    }
    if (open.length === 0) return this.expr(e.then);
    const [then, otherwise] = [this.expr(e.then), this.expr(e.otherwise)];
    const conditions = open.length === all.length ? all : open;
    return conditions === e.conditions && then === e.then && otherwise === e.otherwise
      ? e
      : { kind: 'guard', dtype: e.dtype, conditions, then, otherwise };
  }

  // An axis read as a number may become a loaded position: then the number is the loaded value.
  private indexValue(e: Extract<Expr, { kind: 'index' }>): Expr {
    const name = asVariable(e.dim);
    const replaced = name === undefined ? undefined : this.replacement.axes?.get(name);
    if (replaced && isDynamic(replaced)) {
      const { expr } = replaced;
      return expr.dtype === e.dtype ? expr : { kind: 'cast', dtype: e.dtype, x: expr };
    }
    const d = this.dim(e.dim);
    return d === e.dim ? e : { kind: 'index', dtype: e.dtype, dim: d };
  }
}

// The list with every item mapped, or the list itself when each is what it was.
function mapKept<T>(items: readonly T[], map: (item: T) => T): readonly T[] {
  let changed: T[] | undefined;
  for (let at = 0; at < items.length; at++) {
    const item = items[at] as T;
    const mapped = map(item);
    if (mapped !== item) changed ??= items.slice(0, at);
    changed?.push(mapped);
  }
  return changed ?? items;
}

const withIndices = (e: Load, indices: readonly Index[]): Load =>
  indices === e.indices ? e : { kind: 'load', dtype: e.dtype, buffer: e.buffer, indices };

type Inner = Exclude<Expr, { kind: 'const' | 'reduced' | 'index' | 'load' }>;

/** Gives what takes the place of each operand. */
interface Operands {
  expr(e: Expr): Expr;
  guard(e: Extract<Expr, { kind: 'guard' }>): Expr;
}

// The node over what takes the place of its operands; the node itself when they stay.
function rebuildOperands(e: Inner, by: Operands): Expr {
  switch (e.kind) {
    case 'unary': {
      const x = by.expr(e.x);
      return x === e.x ? e : { kind: 'unary', dtype: e.dtype, op: e.op, x };
    }
    case 'cast':
    case 'bitcast': {
      const x = by.expr(e.x);
      return x === e.x ? e : { kind: e.kind, dtype: e.dtype, x };
    }
    case 'binary': {
      const a = by.expr(e.a);
      const b = by.expr(e.b);
      return a === e.a && b === e.b ? e : { kind: 'binary', dtype: e.dtype, op: e.op, a, b };
    }
    case 'select': {
      const cond = by.expr(e.cond);
      const then = by.expr(e.then);
      const otherwise = by.expr(e.otherwise);
      return cond === e.cond && then === e.then && otherwise === e.otherwise
        ? e
        : { kind: 'select', dtype: e.dtype, cond, then, otherwise };
    }
    case 'guard':
      return by.guard(e);
    case 'threefry': {
      const [k0, k1, c0, c1] = [...e.key, ...e.counter].map((x) => by.expr(x)) as [Expr, Expr, Expr, Expr];
      return k0 === e.key[0] && k1 === e.key[1] && c0 === e.counter[0] && c1 === e.counter[1]
        ? e
        : { kind: 'threefry', dtype: 'u32', key: [k0, k1], counter: [c0, c1], word: e.word };
    }
  }
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
        return withIndices(
          e,
          mapKept(e.indices, (index) => this.internIndex(index)),
        );
      case 'unary':
      case 'cast':
      case 'bitcast':
      case 'binary':
      case 'select':
      case 'guard':
      case 'threefry':
        return rebuildOperands(e, this.parts);
    }
  }

  private readonly parts: Operands = {
    expr: (e) => this.intern(e),
    guard: (e) => {
      const [then, otherwise] = [this.intern(e.then), this.intern(e.otherwise)];
      return then === e.then && otherwise === e.otherwise
        ? e
        : { kind: 'guard', dtype: e.dtype, conditions: e.conditions, then, otherwise };
    },
  };

  // The kind, the plain fields, and the ids of the operands, which are interned already.
  private keyOf(e: Expr): string {
    const own = `${e.kind}|${e.dtype}|${this.plainKey(e)}`;
    if (e.kind === 'const' || e.kind === 'index' || e.kind === 'reduced') return own;
    return operands(e).reduce((key, x) => `${key}|${this.ids.get(x) ?? -1}`, own);
  }

  private plainKey(e: Expr): string {
    switch (e.kind) {
      case 'const':
        return Object.is(e.value, -0) ? '-0' : String(e.value);
      case 'index':
        return e.dim.key;
      case 'load':
        return e.indices.reduce((key, index) => `${key},${isDynamic(index) ? '?' : index.key}`, e.buffer);
      case 'unary':
      case 'binary':
        return e.op;
      case 'guard':
        return e.conditions.map(({ kind, lhs }) => kind + lhs.key).join();
      case 'threefry':
        return String(e.word);
      case 'reduced':
        return `${e.stage} ${e.part}`;
      case 'select':
      case 'cast':
      case 'bitcast':
        return '';
    }
  }
}
