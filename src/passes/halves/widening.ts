// Expressions with f16 as expressions of f32.
import type { Expr, Index } from '../../ir/expr.ts';
import { operands } from '../../ir/expr-rewrite.ts';
import { exactInHalf, nearestHalf } from '../../ir/half.ts';
import { roundedToHalf } from './rounding.ts';

/** Whether something is of f16. */
export const isHalf = (x: { readonly dtype: Expr['dtype'] }): boolean => x.dtype === 'f16';

/** Rewrites the expressions of one nest; shared nodes stay shared. */
export class Widening {
  private readonly memo = new Map<Expr, Expr>();

  /** Loads of buffers that are `packed` stay of f16, and are cast. Unless it `rounds`, casts to f16 change nothing. */
  constructor(
    private readonly packed: (buffer: string) => boolean,
    private readonly rounds = true,
  ) {}

  /** `e` with f32 in the place of f16. */
  wide(e: Expr): Expr {
    const known = this.memo.get(e);
    if (known) return known;
    const result = this.rebuild(e);
    this.memo.set(e, result);
    return result;
  }

  index(index: Index): Index {
    return 'kind' in index ? { kind: 'dynamic', expr: this.wide(index.expr) } : index;
  }

  /** What is stored for a value of dtype f16. */
  rounded(e: Expr): Expr {
    return isExact(e) ? this.wide(e) : roundedToHalf(this.wide(e));
  }

  private rebuild(e: Expr): Expr {
    const dtype = isHalf(e) ? 'f32' : e.dtype;
    switch (e.kind) {
      case 'const':
        return isHalf(e) ? { kind: 'const', dtype: 'f32', value: nearestHalf(e.value) } : e;
      case 'index':
        return e;
      case 'reduced':
        return isHalf(e) ? { ...e, dtype } : e;
      case 'load': {
        const indices = e.indices.map((index) => this.index(index));
        if (!isHalf(e) || !this.packed(e.buffer)) return { ...e, dtype, indices };
        return { kind: 'cast', dtype: 'f32', x: { ...e, indices } };
      }
      case 'cast':
      case 'bitcast':
        return this.cast(e);
      case 'unary':
        return { ...e, dtype, x: this.wide(e.x) };
      case 'binary':
        return { ...e, dtype, a: this.wide(e.a), b: this.wide(e.b) };
      case 'select':
        return { ...e, dtype, cond: this.wide(e.cond), then: this.wide(e.then), otherwise: this.wide(e.otherwise) };
      case 'guard':
        return { ...e, dtype, then: this.wide(e.then), otherwise: this.wide(e.otherwise) };
      case 'threefry':
        return {
          ...e,
          key: [this.wide(e.key[0]), this.wide(e.key[1])],
          counter: [this.wide(e.counter[0]), this.wide(e.counter[1])],
        };
    }
  }

  private cast(e: Extract<Expr, { kind: 'cast' | 'bitcast' }>): Expr {
    const x = this.wide(e.x);
    if (e.kind === 'bitcast') return { ...e, x };
    const to = isHalf(e) ? 'f32' : e.dtype;
    const wide: Expr = x.dtype === to ? x : { kind: 'cast', dtype: to, x };
    return this.rounds && isHalf(e) && !isHalf(e.x) && e.x.dtype !== 'bool' ? roundedToHalf(wide) : wide;
  }
}

/** True where the f32 that stands for an f16 value is an f16 without rounding. */
function isExact(e: Expr): boolean {
  if (e.kind === 'const' || e.kind === 'load' || e.kind === 'cast' || e.kind === 'bitcast') return isHalf(e);
  if (e.kind === 'select' || e.kind === 'guard') return isExact(e.then) && isExact(e.otherwise);
  return (e.kind === 'unary' || e.kind === 'binary') && exactInHalf.has(e.op) && operands(e).every(isExact);
}
