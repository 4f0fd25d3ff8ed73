// Numbers scalar expressions by structure: equal expressions get one entry, which knows what it needs
// (axes, reduced values), how often it is used and how deep it is. Emission shares by these numbers.
import { variables, type Dim } from '../../../ir/dim.ts';
import { operands } from '../../../ir/expr-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import { dimsOf } from '../expr-dims.ts';

/** What is known of one expression. */
export interface Entry {
  readonly id: string;
  /** Variables of its dims, and `reduced <stage>` for results of stages. */
  readonly needs: ReadonlySet<string>;
  readonly depth: number;
  /** It loads memory or computes random bits: better not done where a guard says no. */
  readonly costly: boolean;
  uses: number;
}

/** The name under which a stage's results are needed. */
export const reducedName = (stage: string): string => `reduced ${stage}`;

/** Entries of all expressions of a nest. */
export class ExprTable {
  private readonly byExpr = new Map<Expr, Entry>();
  private readonly byKey = new Map<string, Entry>();
  private readonly dimUses = new Map<string, number>();

  /** The entry of `expr`, made when it is new. Each new parent counts as one use of its operands. */
  entry(expr: Expr): Entry {
    const known = this.byExpr.get(expr);
    if (known) return known;
    const children = operands(expr).map((child) => this.entry(child));
    const key = keyOf(expr, children);
    const entry = this.byKey.get(key) ?? this.create(expr, key, children);
    this.byExpr.set(expr, entry);
    return entry;
  }

  /** Counts the uses below a root expression. */
  use(expr: Expr): void {
    this.entry(expr).uses++;
  }

  /** How many different expressions compute with this dim. */
  usesOf(d: Dim): number {
    return this.dimUses.get(d.key) ?? 0;
  }

  private create(expr: Expr, key: string, children: readonly Entry[]): Entry {
    const needs = new Set(children.flatMap((child) => [...child.needs]));
    for (const d of dimsOf(expr)) {
      variables(d, needs);
      this.dimUses.set(d.key, this.usesOf(d) + 1);
    }
    if (expr.kind === 'reduced') needs.add(reducedName(expr.stage));
    for (const child of children) child.uses++;
    const depth = 1 + Math.max(0, ...children.map((child) => child.depth));
    const costly = expr.kind === 'load' || expr.kind === 'threefry' || children.some((child) => child.costly);
    const entry = { id: `e${this.byKey.size}`, needs, depth, costly, uses: 0 };
    this.byKey.set(key, entry);
    return entry;
  }
}

function keyOf(expr: Expr, children: readonly Entry[]): string {
  const below = children.map((child) => child.id).join(' ');
  const own = ownKey(expr);
  return `${expr.kind} ${expr.dtype} ${own} ${dimsOf(expr)
    .map((d) => d.key)
    .join(';')} (${below})`;
}

function ownKey(expr: Expr): string {
  switch (expr.kind) {
    case 'const':
      return Object.is(expr.value, -0) ? '-0' : String(expr.value);
    case 'load':
      return expr.buffer;
    case 'unary':
    case 'binary':
      return expr.op;
    case 'guard':
      return expr.conditions.map((condition) => condition.kind).join(' ');
    case 'threefry':
      return String(expr.word);
    case 'reduced':
      return `${expr.stage}.${expr.part}`;
    case 'index':
    case 'select':
    case 'cast':
    case 'bitcast':
      return '';
  }
}
