// Kernel → the same kernel with fewer and shorter names: a `let` that is used once moves into its use where
// nothing happens in between, and locals are numbered by block, so that like code gives like text.
import { formOf, hashOf } from '../../ir/kernel-key.ts';
import { kernelOperands, mapKernelExpr, mapStatements } from '../../ir/kernel-rewrite.ts';
import type { Kernel, KernelExpr, Statement } from '../../ir/kernel.ts';
import { accessesOf, isVectorMemory, visitBody } from './storage.ts';

// Deeper expressions are hard to read, and compilers of WGSL limit nesting.
const maxDepth = 12;

interface Pending {
  readonly name: string;
  readonly value: KernelExpr;
  /** It reads memory or a variable, so it may not pass what writes. */
  readonly reads: boolean;
}

// Uses of every name. The index of an access that prints it more than once counts as several uses.
function countUses(kernel: Kernel): Map<string, number> {
  const uses = new Map<string, number>();
  const accesses = accessesOf(kernel);
  const add = (e: KernelExpr): void => {
    if (e.kind === 'name') uses.set(e.name, (uses.get(e.name) ?? 0) + 1);
    for (const operand of kernelOperands(e)) add(operand);
  };
  const isRepeated = (e: KernelExpr): boolean => {
    if (e.kind !== 'load' && e.kind !== 'load-array') return false;
    const memory = e.kind === 'load' ? e.buffer : e.array;
    return isVectorMemory(accesses.get(memory)) !== (e.width === 4);
  };
  visitBody(
    kernel.body,
    (e) => {
      if (e.kind === 'name') uses.set(e.name, (uses.get(e.name) ?? 0) + 1);
      if ((e.kind === 'load' || e.kind === 'load-array') && isRepeated(e)) add(e.index);
    },
    () => {},
  );
  return uses;
}

function depthOf(e: KernelExpr): number {
  return 1 + Math.max(0, ...kernelOperands(e).map(depthOf));
}

const some = (e: KernelExpr, test: (e: KernelExpr) => boolean): boolean =>
  test(e) || kernelOperands(e).some((x) => some(x, test));

class Inliner {
  private readonly uses: ReadonlyMap<string, number>;
  private readonly variables = new Set<string>();

  constructor(kernel: Kernel) {
    this.uses = countUses(kernel);
    visitBody(
      kernel.body,
      () => {},
      (s) => {
        if (s.kind === 'var') this.variables.add(s.name);
      },
    );
  }

  block(body: readonly Statement[]): Statement[] {
    const out: Statement[] = [];
    let pending: Pending[] = [];
    const flush = (test: (p: Pending) => boolean): void => {
      for (const { name, value } of pending.filter(test)) out.push({ kind: 'let', name, value });
      pending = pending.filter((p) => !test(p));
    };
    const inlined = (e: KernelExpr): KernelExpr =>
      mapKernelExpr(e, (x) => {
        const found = x.kind === 'name' ? pending.find((p) => p.name === x.name) : undefined;
        if (!found) return x;
        pending = pending.filter((p) => p !== found);
        return found.value;
      });
    for (const s of body) {
      const next = this.statement(s, inlined, flush);
      if (next.kind === 'let' && this.uses.get(next.name) === 1 && depthOf(next.value) < maxDepth) {
        pending.push({ name: next.name, value: next.value, reads: this.reads(next.value) });
      } else out.push(next);
    }
    flush(() => true);
    return out;
  }

  private reads(value: KernelExpr): boolean {
    return some(
      value,
      (e) => e.kind === 'load' || e.kind === 'load-array' || (e.kind === 'name' && this.variables.has(e.name)),
    );
  }

  // The statement with its own expressions inlined, after flushing what may not pass it.
  private statement(
    s: Statement,
    inlined: (e: KernelExpr) => KernelExpr,
    flush: (test: (p: Pending) => boolean) => void,
  ): Statement {
    switch (s.kind) {
      case 'let':
        return { ...s, value: inlined(s.value) };
      case 'var':
        return { ...s, init: inlined(s.init) };
      case 'assign': {
        const value = inlined(s.value);
        flush((p) => p.reads);
        return { ...s, value };
      }
      case 'store':
      case 'store-array': {
        const [index, value] = [inlined(s.index), inlined(s.value)];
        flush((p) => p.reads);
        return { ...s, index, value };
      }
      case 'barrier':
      case 'combine':
        flush((p) => p.reads);
        return s;
      case 'if': {
        const cond = inlined(s.cond);
        flush(() => true);
        return { ...s, cond, then: this.block(s.then), otherwise: this.block(s.otherwise) };
      }
      case 'for': {
        const from = inlined(s.from);
        flush(() => true);
        return { ...s, from, body: this.block(s.body) };
      }
    }
  }
}

type Names = ReadonlyMap<string, string>;

const renamed = (e: KernelExpr, names: Names): KernelExpr =>
  mapKernelExpr(e, (x) => (x.kind === 'name' ? { ...x, name: names.get(x.name) ?? x.name } : x));

const letters = 'cdefghijklmnoqrstuvwxyzACDEFGHIJKLMNOPQRSTUVWXYZ';
const wheel = letters.length * 10;

// A letter and a digit by the form of the value, so that like code gives like text wherever it stands.
function nameBy(form: string, taken: ReadonlySet<string>): string {
  const hash = hashOf(form);
  for (let turn = 0; ; turn++) {
    const place = (hash + turn) % wheel;
    const name = `${letters[Math.floor(place / 10)] ?? 'v'}${place % 10}${turn < wheel ? '' : turn}`;
    if (!taken.has(name)) return name;
  }
}

// Names locals by what they hold; blocks side by side use the same names.
function renameBlock(body: readonly Statement[], outer: Names): Statement[] {
  const names = new Map(outer);
  const taken = new Set(outer.values());
  const define = (name: string, form: string): string => {
    const short = nameBy(form, taken);
    names.set(name, short);
    taken.add(short);
    return short;
  };
  return body.map((s): Statement => {
    switch (s.kind) {
      case 'let': {
        const value = renamed(s.value, names);
        return { ...s, name: define(s.name, formOf(s.value)), value };
      }
      case 'var': {
        const init = renamed(s.init, names);
        return { ...s, name: define(s.name, `var ${formOf(s.init)}`), init };
      }
      case 'assign':
        return { ...s, name: names.get(s.name) ?? s.name, value: renamed(s.value, names) };
      case 'store':
      case 'store-array':
        return { ...s, index: renamed(s.index, names), value: renamed(s.value, names) };
      case 'if':
        return {
          ...s,
          cond: renamed(s.cond, names),
          then: renameBlock(s.then, names),
          otherwise: renameBlock(s.otherwise, names),
        };
      case 'for': {
        const [from, to] = [renamed(s.from, names), renamed(s.to, names)];
        const name = nameBy(`for ${s.step}`, taken);
        return { ...s, name, from, to, body: renameBlock(s.body, new Map([...names, [s.name, name]])) };
      }
      case 'combine':
        return { ...s, name: names.get(s.name) ?? s.name };
      case 'barrier':
        return s;
    }
  });
}

/** The kernel with buffers that are named b and the number of their binding, as they are declared. */
export function numberBuffers(kernel: Kernel): Kernel {
  const names = new Map(kernel.buffers.map(({ name }, at) => [name, `b${at}`]));
  if (kernel.buffers.every(({ name }) => names.get(name) === name)) return kernel;
  const own = (name: string): string => names.get(name) ?? name;
  const load = (e: KernelExpr): KernelExpr =>
    mapKernelExpr(e, (x) => (x.kind === 'load' ? { ...x, buffer: own(x.buffer) } : x));
  return {
    ...kernel,
    buffers: kernel.buffers.map((buffer) => ({ ...buffer, name: own(buffer.name) })),
    body: mapStatements(kernel.body, load, (s) => (s.kind === 'store' ? { ...s, buffer: own(s.buffer) } : s)),
  };
}

/** The kernel as it is printed. */
export function tidy(kernel: Kernel): Kernel {
  const numbered = numberBuffers(kernel);
  return { ...numbered, body: renameBlock(new Inliner(numbered).block(numbered.body), new Map()) };
}
