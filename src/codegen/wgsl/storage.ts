// How buffers and arrays of a kernel are declared: as vectors where every store is four wide (a store
// to one lane of a vector may touch the others), else as scalars.
import type { Kernel, KernelExpr, Statement, Width } from '../../ir/kernel.ts';

/** Widths at which a buffer or array is read and written. */
export interface Accesses {
  readonly loads: ReadonlySet<Width>;
  readonly stores: ReadonlySet<Width>;
}

/** Calls `onExpr` for every expression and `onStatement` for every statement below `body`. */
export function visitBody(
  body: readonly Statement[],
  onExpr: (e: KernelExpr) => void,
  onStatement: (s: Statement) => void,
): void {
  for (const s of body) {
    onStatement(s);
    for (const e of expressionsOf(s)) visitExpr(e, onExpr);
    if (s.kind === 'for') visitBody(s.body, onExpr, onStatement);
    if (s.kind === 'if') {
      visitBody(s.then, onExpr, onStatement);
      visitBody(s.otherwise, onExpr, onStatement);
    }
  }
}

function expressionsOf(s: Statement): readonly KernelExpr[] {
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
      return [];
  }
}

/** The operands of an expression. */
export function operandsOf(e: KernelExpr): readonly KernelExpr[] {
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
      return [e.a, e.b];
    case 'madd':
      return [e.a, e.b, e.c];
    case 'select':
      return [e.cond, e.then, e.otherwise];
    case 'vector':
      return e.lanes;
  }
}

function visitExpr(e: KernelExpr, visit: (e: KernelExpr) => void): void {
  visit(e);
  for (const operand of operandsOf(e)) visitExpr(operand, visit);
}

/** Accesses by the name of the buffer or array. */
export function accessesOf(kernel: Kernel): ReadonlyMap<string, Accesses> {
  const found = new Map<string, { loads: Set<Width>; stores: Set<Width> }>();
  const at = (name: string): { loads: Set<Width>; stores: Set<Width> } => {
    const accesses = found.get(name) ?? { loads: new Set(), stores: new Set() };
    found.set(name, accesses);
    return accesses;
  };
  visitBody(
    kernel.body,
    (e) => {
      if (e.kind === 'load') at(e.buffer).loads.add(e.width);
      if (e.kind === 'load-array') at(e.array).loads.add(e.width);
    },
    (s) => {
      if (s.kind === 'store') at(s.buffer).stores.add(s.value.width);
      if (s.kind === 'store-array') at(s.array).stores.add(s.value.width);
    },
  );
  return found;
}

/** True when the memory is declared as an array of vectors. */
export const isVectorMemory = (accesses: Accesses | undefined): boolean =>
  accesses !== undefined && !accesses.stores.has(1) && (accesses.loads.has(4) || accesses.stores.has(4));
