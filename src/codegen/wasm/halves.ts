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

  bits(op: 'and' | 'or' | 'shl' | 'shr' | 'lt', a: KernelExpr, b: KernelExpr | number): KernelExpr {
    const right = typeof b === 'number' ? number(b, a.width) : b;
    return this.hold({ kind: 'binary', type: op === 'lt' ? 'bool' : 'i32', width: a.width, op, a, b: right });
  }

  scaled(bits: KernelExpr, factor: number): KernelExpr {
    const { width } = bits;
    const by: KernelExpr = { kind: 'const', type: 'f32', width, value: factor };
    const product: KernelExpr = { kind: 'binary', type: 'f32', width, op: 'mul', a: as('f32', bits), b: by };
    return this.hold(as('i32', this.hold(product)));
  }

  // Exponent 31 is NaN: there is no infinity.
  widen(load: Load): KernelExpr {
    const h = this.hold({ ...load, type: 'i32', half: true });
    const size = this.bits('shl', this.bits('and', h, 0x7fff), 13);
    const value = this.scaled(size, 2 ** 112);
    const [cond, otherwise] = [this.bits('lt', size, 0x0f800000), number(0x7fc00000, h.width)];
    const known = this.hold({ kind: 'select', type: 'i32', width: h.width, cond, then: value, otherwise });
    return as('f32', this.bits('or', known, this.bits('shl', this.bits('and', h, 0x8000), 16)));
  }

  narrow(value: KernelExpr): KernelExpr {
    const all = this.hold(as('i32', this.hold(value)));
    const size = this.bits('shr', this.scaled(this.bits('and', all, 0x7fffffff), 2 ** -112), 13);
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
