// f16 in WebAssembly, which has no f16: loads widen 16 bits to f32 and stores narrow them, by shifts and one product
// with a power of two, which is exact. Values that are stored are f16 numbers already, or NaN.
import type { Kernel, KernelExpr, Statement } from '../../ir/kernel.ts';
import { mapKernelExpr, statementBodies } from '../../ir/kernel-rewrite.ts';

type Width = KernelExpr['width'];
type Load = Extract<KernelExpr, { readonly kind: 'load' }>;

/** Writes the steps of one conversion in front of the statement that needs it. */
class Steps {
  readonly statements: Statement[] = [];

  constructor(private readonly fresh: () => string) {}

  hold(value: KernelExpr): KernelExpr {
    const name = this.fresh();
    this.statements.push({ kind: 'let', name, value });
    return { kind: 'name', type: value.type, width: value.width, name };
  }

  bits(op: 'and' | 'or' | 'shl' | 'shr', a: KernelExpr, b: KernelExpr | number): KernelExpr {
    const right = typeof b === 'number' ? number(b, a.width) : b;
    return this.hold({ kind: 'binary', type: 'i32', width: a.width, op, a, b: right });
  }

  scaled(x: KernelExpr, factor: number): KernelExpr {
    const b: KernelExpr = { kind: 'const', type: 'f32', width: x.width, value: factor };
    return this.hold({ kind: 'binary', type: 'f32', width: x.width, op: 'mul', a: x, b });
  }

  // Exponent 31 is NaN: there is no infinity. It gives 2¹⁶ and more, which another 2¹¹² makes infinite, and 0 · ∞ is NaN.
  widen(load: Load): KernelExpr {
    const h = this.hold({ ...load, type: 'i32', half: true });
    const value = this.scaled(as('f32', this.bits('and', this.bits('shl', h, 13), 0x8fffe000 | 0)), 2 ** 112);
    const b = this.scaled(this.scaled(value, 2 ** 112), 0);
    return { kind: 'binary', type: 'f32', width: h.width, op: 'add', a: value, b };
  }

  narrow(value: KernelExpr): KernelExpr {
    const all = this.hold(as('i32', this.hold(value)));
    const size = this.bits('shr', as('i32', this.scaled(as('f32', this.bits('and', all, 0x7fffffff)), 2 ** -112)), 13);
    return this.bits('or', this.bits('and', size, 0x7fff), this.bits('and', this.bits('shr', all, 16), 0x8000));
  }
}

const number = (value: number, width: Width): KernelExpr => ({ kind: 'const', type: 'i32', width, value });
const as = (type: 'f32' | 'i32', x: KernelExpr): KernelExpr => ({ kind: 'bitcast', type, width: x.width, x });

/** `kernel` with loads and stores of 16 bits in the place of f16. */
export function convertHalves(kernel: Kernel): Kernel {
  const halves = new Set(kernel.buffers.filter(({ dtype }) => dtype === 'f16').map(({ name }) => name));
  if (halves.size === 0) return kernel;
  let count = 0;
  const fresh = (): string => `h${count++}`;
  const list = (body: readonly Statement[]): Statement[] => body.flatMap(statement);
  const statement = (s: Statement): Statement[] => {
    const steps = new Steps(fresh);
    const expr = (e: KernelExpr): KernelExpr =>
      mapKernelExpr(e, (x) => (x.kind === 'load' && halves.has(x.buffer) ? steps.widen(x) : x));
    const own = rebuilt(s, expr, list);
    const narrowed: Statement =
      own.kind === 'store' && halves.has(own.buffer) ? { ...own, value: steps.narrow(own.value), half: true } : own;
    return [...steps.statements, narrowed];
  };
  return { ...kernel, body: list(kernel.body) };
}

function rebuilt(
  s: Statement,
  expr: (e: KernelExpr) => KernelExpr,
  list: (body: readonly Statement[]) => Statement[],
): Statement {
  const [first = [], second = []] = statementBodies(s);
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
      return { ...s, from: expr(s.from), to: expr(s.to), body: list(first) };
    case 'if':
      return { ...s, cond: expr(s.cond), then: list(first), otherwise: list(second) };
    case 'barrier':
    case 'combine':
      return s;
  }
}
