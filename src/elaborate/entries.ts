// Entry points of a model: how the host calls them, and one graph function for each choice of optional arguments.
import type { EntryArgument, EntryInfo, GraphFunction } from '../ir/graph.ts';
import type { FnDecl, Param } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import type { Mode, Session } from './frame.ts';
import { elaborateEntry, type Model } from './models.ts';
import { isCount, optionalTensor } from './signatures.ts';

/** Names that the options of every call have already. */
const builtIn = new Set(['seed', 'signal', 'training', 'profile', 'trace']);

/** Names that every model has; with `then`, a model would be taken for a promise. */
const ofModels = new Set(['device', 'weights', 'dispose', 'session', 'reload', 'then']);

const mostOptionals = 3;

/** All entries of a model, by exported name; functions and infos are added to the lists. */
export function elaborateEntries(
  session: Session,
  model: Model,
  functions: GraphFunction[],
  entries: Record<string, EntryInfo>,
): Record<string, string> {
  const names: Record<string, string> = {};
  for (const member of model.decl.members) {
    if (member.kind !== 'fn' || !member.exported) continue;
    const name = elaborateOne(session, model, member, functions, entries);
    if (name !== null) names[member.name.name] = name;
  }
  return names;
}

function elaborateOne(
  session: Session,
  model: Model,
  decl: FnDecl,
  functions: GraphFunction[],
  entries: Record<string, EntryInfo>,
): string | null {
  const base = `${model.decl.name.name}.${decl.name.name}`;
  const optional = decl.params.filter((param) => optionalTensor(model.instance.scope, param) !== null);
  if (!checkName(session, base, decl) || !checkOptionals(session, base, decl, optional)) return null;
  const variants: Record<string, readonly string[]> = {};
  for (const given of choices([...optional.map((param) => param.name.name), ...session.modes])) {
    const name = [base, ...given].join('.');
    const made = elaborateEntry(session, model, decl, { name, given: new Set(given), modes: given.filter(isMode) });
    if (!made) return null;
    functions.push(made.fn);
    entries[name] = made.info;
    if (given.length > 0) variants[name] = given;
  }
  const info = entries[base];
  if (!info) return null;
  const usual = optional.length === 0 && session.modes.length === 0 && !decl.params.some(isCount);
  const own = callerArguments(decl, functions, base, optional);
  if (!usual) entries[base] = { ...info, arguments: own, ...(Object.keys(variants).length > 0 ? { variants } : {}) };
  return base;
}

function checkName(session: Session, entry: string, decl: FnDecl): boolean {
  const { name, span } = decl.name;
  if (!ofModels.has(name)) return true;
  const reason =
    name === 'then' ? 'a `then` would make every model a promise' : `every model has a \`${name}\` already`;
  session.report(messages.E0901(span, { entry, reason }));
  return false;
}

function checkOptionals(session: Session, entry: string, decl: FnDecl, optional: readonly Param[]): boolean {
  const refuse = (span: Param['span'], reason: string): false => {
    session.report(messages.E0901(span, { entry, reason }));
    return false;
  };
  const named = optional.find((param) => builtIn.has(param.name.name));
  if (named) return refuse(named.name.span, `the options of every call have a \`${named.name.name}\` already`);
  if (optional.length <= mostOptionals) return true;
  return refuse(decl.name.span, `it has ${optional.length} optional arguments, more than ${mostOptionals}`);
}

/** Every subset, each in the order of the whole. */
const choices = (names: readonly string[]): readonly (readonly string[])[] =>
  names.reduce<readonly (readonly string[])[]>((all, name) => [...all, ...all.map((some) => [...some, name])], [[]]);

const isMode = (name: string): name is Mode => name === 'training' || name === 'trace';

function callerArguments(
  decl: FnDecl,
  functions: readonly GraphFunction[],
  base: string,
  optional: readonly Param[],
): readonly EntryArgument[] {
  const inputs = functions.find((fn) => fn.name === base)?.inputs.filter(({ role }) => role === 'argument') ?? [];
  return decl.params.flatMap((param): EntryArgument[] => {
    const { name } = param.name;
    if (isCount(param)) return [{ name, kind: 'dim', optional: false }];
    if (optional.includes(param)) return [{ name, kind: 'tensor', optional: true }];
    const own = inputs.filter((input) => input.name === name || input.name.startsWith(`${name}.`));
    return own.map((input) => ({ name: input.name, kind: 'tensor', optional: false }));
  });
}
