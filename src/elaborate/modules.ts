// Files and their names: parsing (cached by text), imports, exports, cycles. A module's scope holds its
// declarations and imports over the prelude; constants are evaluated when first used.
import type { Declaration, File, ImportDecl } from '../parser/ast.ts';
import { parse } from '../parser/parse.ts';
import type { Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { createSource } from '../support/source.ts';
import { evaluateAnnotated } from './expressions/evaluate.ts';
import { NeedsGraph } from './expressions/tensors.ts';
import { emptySignature, type Frame, type Session } from './frame.ts';
import { primitiveScope } from './prelude/prelude.ts';
import { Scope } from './scope.ts';
import { stdlib } from './stdlib.gen.ts';
import { didYouMean, renameIn } from './spelling.ts';
import { unknown, type Value } from './values.ts';

/** Where the texts of files come from. */
export interface FileHost {
  /** The text of a file, or undefined where there is none. */
  read(path: string): string | undefined;
  /** The path that `specifier` means in the file `from`. */
  resolve(from: string, specifier: string): string;
}

/** A loaded file. */
export interface Module {
  readonly path: string;
  readonly file: File;
  readonly scope: Scope;
  readonly exports: ReadonlyMap<string, () => Value>;
  readonly isStd: boolean;
}

interface ParsedText {
  readonly file: File;
  readonly diagnostics: readonly Diagnostic[];
}

const parsed = new Map<string, ParsedText>();
const cacheLimit = 256;

/** Parses a text, or finds the tree of an equal one. */
function parseCached(name: string, text: string): ParsedText {
  const key = `${name}\n${text}`;
  const found = parsed.get(key);
  if (found) return found;
  const result = parse(createSource(name, text));
  if (parsed.size >= cacheLimit) parsed.delete(parsed.keys().next().value ?? '');
  parsed.set(key, result);
  return result;
}

/** What a file of the library exports, without parsing it: its declarations begin lines. */
const exportedNames = (text: string): readonly string[] =>
  [...text.matchAll(/^export (?:const|type|fn|layer|model|optimizer) (\w+)/gm)].flatMap(([, name]) => name ?? []);

/** Loads files once each, in order of need. */
export class Modules {
  readonly prelude = primitiveScope();
  readonly loaded = new Map<string, Module>();
  readonly #loading: string[] = [];

  constructor(
    readonly host: FileHost,
    readonly makeSession: (prelude: Scope) => Omit<Session, 'std'>,
  ) {}

  session: Session | null = null;

  /** The session of this elaboration; std/fn joins the prelude on the way. */
  start(): Session {
    const session: Session = {
      ...this.makeSession(this.prelude),
      std: (name) => this.loadStd(name, session)?.exports ?? new Map<string, () => Value>(),
    };
    this.session = session;
    const fn = this.loadStd('fn', session);
    for (const [name, value] of fn?.exports ?? []) this.prelude.define(name, value);
    return session;
  }

  loadStd(name: string, session: Session): Module | null {
    const path = `std/${name}`;
    const text = stdlib[`${name}.dlm`];
    const found = this.loaded.get(path);
    if (found) return found;
    return text === undefined ? this.#loadFolder(name, session) : this.#build(path, `${path}.dlm`, text, session);
  }

  // A folder of the library is a module that exports what its files export; a file is read when one of its
  // names is first used.
  #loadFolder(name: string, session: Session): Module | null {
    const files = Object.entries(stdlib).filter(([file]) => file.startsWith(`${name}/`));
    if (files.length === 0) return null;
    const path = `std/${name}`;
    const { file } = parseCached(`${path}.dlm`, '');
    const exports = new Map<string, () => Value>();
    for (const [member, text] of files) {
      const own = member.replace(/\.dlm$/, '');
      for (const exported of exportedNames(text))
        exports.set(exported, () => this.loadStd(own, session)?.exports.get(exported)?.() ?? unknown);
    }
    const module: Module = { path, file, scope: new Scope(this.prelude), exports, isStd: true };
    this.loaded.set(path, module);
    return module;
  }

  /** A file by path. Null where it cannot be read. */
  load(path: string, session: Session): Module | null {
    const found = this.loaded.get(path);
    if (found) return found;
    const text = this.host.read(path);
    return text === undefined ? null : this.#build(path, path, text, session);
  }

  #build(path: string, name: string, text: string, session: Session): Module {
    const { file, diagnostics } = parseCached(name, text);
    for (const diagnostic of diagnostics) session.report(diagnostic);
    const scope = new Scope(this.prelude);
    const exports = new Map<string, () => Value>();
    const module: Module = { path, file, scope, exports, isStd: path.startsWith('std/') };
    this.#loading.push(path);
    for (const item of file.imports) this.#import(item, module, session);
    this.#loading.pop();
    this.loaded.set(path, module);
    for (const declaration of file.declarations) declare(declaration, module, exports, session);
    return module;
  }

  #import(item: ImportDecl, into: Module, session: Session): void {
    const source = this.#target(item, into, session);
    if (item.namespace) {
      const names = source?.exports;
      into.scope.define(item.namespace.name, names ? { kind: 'namespace', module: item.from.value, names } : unknown);
    }
    for (const { name, alias } of item.names) {
      const local = alias?.name ?? name.name;
      if (into.scope.has(local)) session.report(messages.E0204((alias ?? name).span, { name: local }));
      const exported = source?.exports.get(name.name);
      into.scope.define(local, exported ?? unknown);
      if (source && !exported)
        session.report(
          messages.E0207(
            name.span,
            { module: item.from.value, name: name.name },
            renameIn(alias ? null : into.file.span, name, source.exports.keys()),
          ),
        );
    }
  }

  #target(item: ImportDecl, into: Module, session: Session): Module | null {
    const specifier = item.from.value;
    if (specifier.startsWith('std/')) {
      const module = this.#loading.includes(specifier) ? null : this.loadStd(specifier.slice(4), session);
      const known = [...new Set(Object.keys(stdlib).map((file) => `std/${file.replace(/(\/.*|\.dlm)$/, '')}`))];
      if (!module)
        session.report(
          messages.E0208(
            item.from.span,
            { module: specifier },
            didYouMean(
              `"${specifier}"`,
              known.map((k) => `"${k}"`),
              item.from.span,
            ),
          ),
        );
      return module;
    }
    const path = this.host.resolve(into.path, specifier);
    const at = this.#loading.indexOf(path);
    if (at >= 0) {
      const cycle = [...this.#loading.slice(at), path].map((p) => p.split('/').at(-1) ?? p).join(' -> ');
      session.report(messages.E0106(item.from.span, { name: specifier, verb: 'imports', cycle }));
      return null;
    }
    const module = this.load(path, session);
    if (!module) session.report(messages.E0208(item.from.span, { module: specifier }));
    return module;
  }
}

function declare(declaration: Declaration, module: Module, exports: Map<string, () => Value>, session: Session): void {
  if (declaration.kind === 'test' || declaration.kind === 'train') return;
  const { name } = declaration.name;
  if (name === '') return;
  if (module.scope.has(name)) session.report(messages.E0204(declaration.name.span, { name }));
  const make = meaning(declaration, module, session);
  module.scope.define(name, make);
  if (declaration.exported) exports.set(name, make);
}

function meaning(
  declaration: Exclude<Declaration, { kind: 'test' | 'train' }>,
  module: Module,
  session: Session,
): () => Value {
  const { scope } = module;
  switch (declaration.kind) {
    case 'fn': {
      const value: Value = { kind: 'fn', decl: declaration, scope, instance: null };
      return () => value;
    }
    case 'unit': {
      const value: Value = { kind: 'unit', decl: declaration, scope };
      return () => value;
    }
    case 'type-decl': {
      const value: Value = { kind: 'type', decl: declaration, scope };
      return () => value;
    }
    case 'const':
      return constant(declaration, scope, session);
  }
}

// Evaluated once; a constant that needs tensors is computed in each graph, one that needs itself is an error.
function constant(declaration: Declaration & { readonly kind: 'const' }, scope: Scope, session: Session): () => Value {
  let state: Value | 'fresh' | 'busy' = 'fresh';
  return () => {
    const { name, span } = declaration.name;
    if (state === 'busy') {
      session.report(messages.E0106(span, { name, verb: 'needs', cycle: `${name} -> ${name}` }));
      return unknown;
    }
    if (state !== 'fresh') return state;
    state = 'busy';
    const frame = staticFrame(session, scope);
    try {
      state = evaluateAnnotated(frame, declaration);
    } catch (error) {
      if (!(error instanceof NeedsGraph)) throw error;
      state = {
        kind: 'computed',
        make: (reader) => evaluateAnnotated({ ...frame, graph: reader.graph, keys: reader.keys }, declaration),
      };
    }
    return state;
  };
}

/** A frame for static evaluation in a scope. */
export const staticFrame = (session: Session, scope: Scope): Frame => ({
  session,
  scope,
  signature: emptySignature(),
  graph: null,
  keys: null,
  training: false,
  fn: null,
  instance: null,
  constructing: [],
  caller: null,
  depth: 0,
});
