// Finds loops that occur in several kernels (packing, register tiles) and makes each one function. Names,
// params and buffers may differ: what a loop takes from around it becomes a parameter.
import type { KernelExpr, ScalarType, Statement } from '../../ir/kernel.ts';
import { formOf, hashOf, structureKey } from '../../ir/kernel-key.ts';
import { mapKernelExpr, mapStatements, statementBodies, statementExprs } from '../../ir/kernel-rewrite.ts';
import { memoize } from '../../support/memoize.ts';
import type { ValueType } from './encoder.ts';

/** A local that an outlined loop reads: its name as the printer calls it. */
export interface Argument {
  readonly name: string;
  readonly type: ValueType;
}

/** A call in place of a statement. */
export interface OutlinedCall {
  readonly id: number;
  readonly args: readonly Argument[];
}

/** A loop that is a function of its own. */
export interface OutlinedFunction {
  readonly params: readonly Argument[];
  readonly statement: Statement;
  /** A body that it occurs in. */
  readonly body: Body;
}

/** What to print as functions, and which statements are calls. */
export interface Outline {
  readonly functions: readonly OutlinedFunction[];
  readonly calls: ReadonlyMap<Statement, OutlinedCall>;
}

/** A kernel body, and where each of its arrays lies in scratch memory. */
export interface Body {
  readonly statements: readonly Statement[];
  arrayOffset(name: string): number;
}

interface Canonical {
  readonly key: string;
  readonly args: readonly Argument[];
}

const smallest = 1200;

/** Chooses the loops to outline: the largest that occur at least twice, then loops inside those. */
export function outline(bodies: readonly Body[]): Outline {
  const forms = new Map<Statement, Canonical>();
  const count = new Map<string, number>();
  const hashes = new Map<Statement, number>();
  for (const body of bodies) for (const s of body.statements) hashForm(s, hashes);
  const alike = new Map<number, number>();
  for (const hash of hashes.values()) alike.set(hash, (alike.get(hash) ?? 0) + 1);
  for (const body of bodies) {
    forEachLoop(body.statements, (loop) => {
      if ((alike.get(hashes.get(loop) ?? 0) ?? 0) < 2) return;
      const form = formsOf(body)(loop);
      if (!form || form.key.length < smallest) return;
      forms.set(loop, form);
      count.set(form.key, (count.get(form.key) ?? 0) + 1);
    });
  }
  const ids = new Map<string, number>();
  const functions: OutlinedFunction[] = [];
  const calls = new Map<Statement, OutlinedCall>();
  const choose = (statements: readonly Statement[], body: Body): void => {
    for (const s of statements) {
      const form = forms.get(s);
      const id = form && ids.get(form.key);
      if (form && id !== undefined) calls.set(s, { id, args: form.args });
      else {
        if (form && (count.get(form.key) ?? 0) > 1) {
          ids.set(form.key, functions.length);
          calls.set(s, { id: functions.length, args: form.args });
          functions.push({ params: form.args, statement: s, body });
        }
        for (const inner of statementBodies(s)) choose(inner, body);
      }
    }
  };
  for (const body of bodies) choose(body.statements, body);
  return { functions, calls };
}

function forEachLoop(statements: readonly Statement[], visit: (loop: Statement) => void): void {
  for (const s of statements) {
    if (s.kind === 'for') visit(s);
    for (const body of statementBodies(s)) forEachLoop(body, visit);
  }
}

// The forms of the loops of a body, which are the same whatever else is compiled.
const formsOf = memoize((body: Body) => memoize((loop: Statement) => canonical(loop, body)));

/** A number that statements of one form share, whatever their names; those of loops are put down. */
function hashForm(s: Statement, loops: Map<Statement, number>): number {
  const inner = statementBodies(s).map((body) => body.map((each) => hashForm(each, loops)).join());
  const hash = hashOf(`${s.kind} ${statementExprs(s).map(formOf).join()} ${inner.join('|')}`);
  if (s.kind === 'for') loops.set(s, hash);
  return hash;
}

const localType = (type: ScalarType, width: number): ValueType =>
  width === 4 ? 'v128' : type === 'f32' ? 'f32' : 'i32';

/** The loop with names by order of occurrence, and what it reads from around it; undefined when it assigns there. */
function canonical(loop: Statement, body: Body): Canonical | undefined {
  const inside = new Set<string>();
  const names = new Map<string, string>();
  const args: Argument[] = [];
  let assignsOutside = false;
  const free = (name: string, type: ValueType): string => {
    const known = names.get(name);
    if (known !== undefined) return known;
    args.push({ name, type });
    names.set(name, `f${args.length}`);
    return `f${args.length}`;
  };
  define([loop], inside);
  const local = (name: string): string => {
    const known = names.get(name) ?? `d${names.size}`;
    names.set(name, known);
    return known;
  };
  const array = (name: string): string => {
    free('scratch', 'i32');
    return String(body.arrayOffset(name));
  };
  const rename = (e: KernelExpr): KernelExpr => {
    switch (e.kind) {
      case 'name':
        return { ...e, name: inside.has(e.name) ? local(e.name) : free(e.name, localType(e.type, e.width)) };
      case 'param':
        return { ...e, name: free(`param ${e.name}`, 'i32') };
      case 'scalar':
        return { ...e, name: free(`scalar ${e.name}`, localType(e.type, 1)) };
      case 'load':
        return { ...e, buffer: free(`buffer ${e.buffer}`, 'i32') };
      case 'load-array':
        return { ...e, array: array(e.array) };
      case 'const':
      case 'unary':
      case 'binary':
      case 'madd':
      case 'select':
      case 'cast':
      case 'bitcast':
      case 'splat':
      case 'lane':
      case 'shuffle':
      case 'vector':
        return e;
    }
  };
  const statement = (s: Statement): Statement => {
    switch (s.kind) {
      case 'assign':
        assignsOutside ||= !inside.has(s.name);
        return { ...s, name: local(s.name) };
      case 'let':
      case 'var':
      case 'for':
        return { ...s, name: local(s.name) };
      case 'store':
        return { ...s, buffer: free(`buffer ${s.buffer}`, 'i32') };
      case 'store-array':
        return { ...s, array: array(s.array) };
      case 'if':
      case 'barrier':
      case 'combine':
        return s;
    }
  };
  const form = mapStatements([loop], (e) => mapKernelExpr(e, rename), statement);
  return assignsOutside ? undefined : { key: structureKey(form), args };
}

function define(statements: readonly Statement[], into: Set<string>): void {
  for (const s of statements) {
    if (s.kind === 'let' || s.kind === 'var' || s.kind === 'for') into.add(s.name);
    for (const body of statementBodies(s)) define(body, into);
  }
}
