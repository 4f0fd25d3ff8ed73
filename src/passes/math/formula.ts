// Writes formulas as kernel statements: every step is a `let`, so later steps can use it again.
import type { BinaryOp, UnaryOp } from '../../ir/expr.ts';
import type { Kernel, KernelExpr, ScalarType, Statement, Width } from '../../ir/kernel.ts';

/** Collects the steps of formulas over operands of one width. */
export class Formula {
  constructor(
    private readonly width: Width,
    private readonly steps: Statement[],
    private readonly fresh: () => string,
    private readonly target: Kernel['target'],
  ) {}

  /** `e` as something that costs nothing to repeat. */
  hold(e: KernelExpr): KernelExpr {
    if (e.kind === 'const' || e.kind === 'name' || e.kind === 'param' || e.kind === 'scalar') return e;
    const name = this.fresh();
    this.steps.push({ kind: 'let', name, value: e });
    return { kind: 'name', type: e.type, width: e.width, name };
  }

  number(value: number): KernelExpr {
    return { kind: 'const', type: 'f32', width: this.width, value };
  }
  integer(value: number): KernelExpr {
    return { kind: 'const', type: 'i32', width: this.width, value };
  }
  private wrap(x: KernelExpr | number): KernelExpr {
    return typeof x === 'number' ? this.number(x) : x;
  }

  unary(op: UnaryOp, x: KernelExpr): KernelExpr {
    return this.hold({ kind: 'unary', type: x.type, width: this.width, op, x });
  }

  private float(op: BinaryOp, a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.hold({ kind: 'binary', type: 'f32', width: this.width, op, a: this.wrap(a), b: this.wrap(b) });
  }

  add(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('add', a, b);
  }
  sub(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('sub', a, b);
  }
  mul(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('mul', a, b);
  }
  div(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('div', a, b);
  }

  /** An op of 32-bit integers. */
  bits(op: BinaryOp, a: KernelExpr, b: KernelExpr | number): KernelExpr {
    return this.hold({
      kind: 'binary',
      type: 'i32',
      width: this.width,
      op,
      a,
      b: typeof b === 'number' ? this.integer(b) : b,
    });
  }

  /** A comparison; plain numbers take the type of the other side. */
  compare(op: 'lt' | 'le' | 'eq' | 'ne', a: KernelExpr, b: KernelExpr | number): KernelExpr {
    const right: KernelExpr = typeof b === 'number' ? { kind: 'const', type: a.type, width: this.width, value: b } : b;
    return this.hold({ kind: 'binary', type: 'bool', width: this.width, op, a, b: right });
  }

  select(cond: KernelExpr, then: KernelExpr | number, otherwise: KernelExpr | number): KernelExpr {
    const [a, b] = [this.wrap(then), this.wrap(otherwise)];
    return this.hold({ kind: 'select', type: a.type, width: this.width, cond, then: a, otherwise: b });
  }

  cast(type: ScalarType, x: KernelExpr): KernelExpr {
    return this.hold({ kind: 'cast', type, width: this.width, x });
  }
  bitcast(type: ScalarType, x: KernelExpr): KernelExpr {
    return this.hold({ kind: 'bitcast', type, width: this.width, x });
  }

  /** Σ cᵢ·xⁿ⁻ⁱ by Horner's rule: the highest power first. */
  polynomial(x: KernelExpr, coefficients: readonly number[]): KernelExpr {
    const [first = 0, ...rest] = coefficients;
    return rest.reduce<KernelExpr>((sum, c) => this.add(this.mul(sum, x), c), this.number(first));
  }

  /** `low` where x < low, `high` where x > high; NaN stays NaN, which min and max would drop. */
  clamp(x: KernelExpr, low: number, high: number): KernelExpr {
    const raised = this.select(this.compare('lt', x, low), low, x);
    return this.select(this.compare('lt', this.number(high), raised), high, raised);
  }

  /**
   * `x` rounded to a whole number n (|n| < 2²²), and an integer whose low bits are n. On the CPU the sum with 1.5·2²³
   * rounds, and holds n in its low bits: a conversion costs many instructions there. Shader compilers may drop the sum.
   */
  round(x: KernelExpr): { readonly whole: KernelExpr; readonly n: KernelExpr } {
    if (this.target === 'gpu') {
      const whole = this.unary('round', x);
      return { whole, n: this.cast('i32', whole) };
    }
    const shifted = this.add(x, 12582912);
    return { whole: this.sub(shifted, 12582912), n: this.bitcast('i32', shifted) };
  }

  /** 2ⁿ for −126 ≤ n ≤ 127, n as given by {@link round}. */
  powerOfTwo(n: KernelExpr): KernelExpr {
    return this.bitcast('f32', this.bits('shl', this.bits('add', n, 127), 23));
  }

  /** x·2ⁿ where x and the product are normal numbers, n as given by {@link round}. */
  scale(x: KernelExpr, n: KernelExpr): KernelExpr {
    return this.bitcast('f32', this.bits('add', this.bitcast('i32', x), this.bits('shl', n, 23)));
  }
}
