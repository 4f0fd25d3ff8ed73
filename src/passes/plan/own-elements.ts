// A store that puts back what is there already, `b[i] = select(c, x, b[i])`, becomes `if c { b[i] = x }`. So an update in
// place touches only what changes: appending a token to a cache of a thousand writes one.
import type { Kernel, KernelExpr, Statement } from '../../ir/kernel.ts';
import { kernelOperands, statementBodies, statementExprs } from '../../ir/kernel-rewrite.ts';

type Store = Extract<Statement, { kind: 'store' }>;
type Select = Extract<KernelExpr, { kind: 'select' }>;

/** What is known of the names and stores of a kernel. */
class KernelUses {
  readonly #uses = new Map<string, number>();
  readonly #lets = new Map<string, KernelExpr | null>();
  readonly #stores = new Map<string, number>();
  readonly #vars = new Set<string>();

  constructor(body: readonly Statement[]) {
    this.#visit(body);
  }

  #visit(body: readonly Statement[]): void {
    for (const s of body) {
      // A name that is bound twice is not looked through.
      if (s.kind === 'let') this.#lets.set(s.name, this.#lets.has(s.name) ? null : s.value);
      if (s.kind === 'var') this.#vars.add(s.name);
      if (s.kind === 'store') this.#stores.set(s.buffer, (this.#stores.get(s.buffer) ?? 0) + 1);
      for (const e of statementExprs(s)) this.#count(e);
      for (const inner of statementBodies(s)) this.#visit(inner);
    }
  }

  #count(e: KernelExpr): void {
    if (e.kind === 'name') this.#uses.set(e.name, (this.#uses.get(e.name) ?? 0) + 1);
    kernelOperands(e).forEach((x) => this.#count(x));
  }

  /** What a name stands for. */
  value(e: KernelExpr): KernelExpr {
    return e.kind === 'name' ? (this.#lets.get(e.name) ?? e) : e;
  }

  /** Whether this is a name that is read once. */
  isUsedOnce(e: KernelExpr): boolean {
    return e.kind === 'name' && this.#uses.get(e.name) === 1 && this.#lets.get(e.name) !== null;
  }

  /** Whether it has the same value wherever its names can be seen. */
  isStable(e: KernelExpr): boolean {
    if (e.kind === 'load-array' || (e.kind === 'name' && this.#vars.has(e.name))) return false;
    return kernelOperands(e).every((x) => this.isStable(x));
  }

  isStoredOnce(buffer: string): boolean {
    return this.#stores.get(buffer) === 1;
  }
}

/** Makes stores of unchanged elements conditional. */
export function keepOwnElements(kernel: Kernel): Kernel {
  if (!kernel.buffers.some(({ access }) => access === 'read_write')) return kernel;
  const uses = new KernelUses(kernel.body);
  return { ...kernel, body: rewrite(kernel.body, uses) };
}

function rewrite(body: readonly Statement[], uses: KernelUses): readonly Statement[] {
  const out: Statement[] = [];
  for (const s of body) {
    const select = s.kind === 'store' ? ownElementSelect(s, uses) : undefined;
    const cond = select && scalarOf(select.cond, uses);
    if (s.kind !== 'store' || !select || !cond) out.push(inside(s, uses));
    else out.push({ kind: 'if', cond, then: changed(s, select, out, uses), otherwise: [] });
  }
  return out;
}

function inside(s: Statement, uses: KernelUses): Statement {
  if (s.kind === 'for') return { ...s, body: rewrite(s.body, uses) };
  return s.kind === 'if' ? { ...s, then: rewrite(s.then, uses), otherwise: rewrite(s.otherwise, uses) } : s;
}

function ownElementSelect({ buffer, index, value }: Store, uses: KernelUses): Select | undefined {
  const select = uses.value(value);
  if (select.kind !== 'select' || !uses.isStoredOnce(buffer)) return undefined;
  const old = uses.value(select.otherwise);
  const isOwn = old.kind === 'load' && old.buffer === buffer && JSON.stringify(old.index) === JSON.stringify(index);
  return isOwn && [index, select.cond, select.then].every((e) => uses.isStable(e)) ? select : undefined;
}

// A condition that holds for all lanes or for none.
function scalarOf(cond: KernelExpr, uses: KernelUses): KernelExpr | undefined {
  if (cond.width === 1) return cond;
  const value = uses.value(cond);
  return value.kind === 'splat' && uses.isStable(value.x) ? value.x : undefined;
}

// The store alone. Names that only it reads go: the old element is not needed, the new one only here.
function changed(store: Store, select: Select, before: Statement[], uses: KernelUses): readonly Statement[] {
  const take = (e: KernelExpr): Statement | undefined => {
    const at = uses.isUsedOnce(e)
      ? before.findIndex((s) => s.kind === 'let' && e.kind === 'name' && s.name === e.name)
      : -1;
    return at < 0 ? undefined : before.splice(at, 1)[0];
  };
  if (store.value.kind !== 'name' || take(store.value)) take(select.otherwise);
  const own = uses.isStable(uses.value(select.then)) ? take(select.then) : undefined;
  return [...(own ? [own] : []), { ...store, value: select.then }];
}
