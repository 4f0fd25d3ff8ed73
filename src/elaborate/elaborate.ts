// From text to graph: loads the root file and its imports, elaborates its models and trains, and checks
// every other declaration by itself. Never throws on bad input.
import type { EntryInfo, GraphFunction, GraphModule, ModelInfo, TrainInfo } from '../ir/graph.ts';
import type { TrainDecl } from '../parser/ast.ts';
import { Reporter, sortDiagnostics, type Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { createSource, createSpan } from '../support/source.ts';
import { checkModule } from './check.ts';
import { elaborateEntries } from './entries.ts';
import { Exhausted, type Mode, type Session } from './frame.ts';
import { withoutHoleNames } from './hole-names.ts';
import { lintModule, reportUnchecked, reportUnused } from './lints.ts';
import { checkHoles, constructModel, elaborateInit, guarded, modelInfo, type Model } from './models.ts';
import { checkModuleNames } from './module-names.ts';
import { Modules, type FileHost, type Module } from './modules.ts';
import type { Scope } from './scope.ts';
import { joinMissingNames } from './one-cause.ts';
import { nearest } from './spelling.ts';
import { elaborateTrain } from './train.ts';
import { planTrain, type TrainPlan } from './train-plan.ts';

/** What elaboration may be told: config of models and parameters of trains, as text. */
export interface ElaborateOptions {
  readonly set?: Readonly<Record<string, string>>;
  /** Makes functions of entry points for calls with these options, too. */
  readonly modes?: readonly Mode[];
}

/** The graph of a program, whole only where no diagnostic is an error. */
export interface Elaborated {
  readonly module: GraphModule;
  readonly diagnostics: readonly Diagnostic[];
}

/** Elaborates the program whose root file is `root`. */
export function elaborate(files: FileHost, root: string, options: ElaborateOptions = {}): Elaborated {
  const reporter = new Reporter();
  const modules = new Modules(files, (prelude) =>
    createSession(reporter, prelude, new Map(Object.entries(options.set ?? {})), options.modes),
  );
  const session = modules.start();
  const module = modules.load(root, session);
  if (!module) {
    const source = createSource(root, '');
    session.report(messages.E0208(createSpan(source, 0, 0), { module: root }));
    return { module: emptyModule(root), diagnostics: reporter.diagnostics };
  }
  checkSettings(session, module, [...modules.loaded.values()]);
  const result = whole(() => elaborateRoot(session, module)) ?? emptyModule(root);
  whole(() => {
    for (const loaded of modules.loaded.values()) {
      if (loaded.isStd) continue;
      checkModule(session, loaded);
      lintModule(session, loaded);
    }
    for (const loaded of modules.loaded.values()) if (!loaded.isStd) reportUnchecked(session, loaded);
  });
  const declarations = [...modules.loaded.values()].flatMap(({ file }) => file.declarations);
  return { module: result, diagnostics: joinMissingNames(sortDiagnostics(reporter.diagnostics), declarations) };
}

// A setting names config of a unit (`Mlp.hidden`), or a parameter of a train (`net`, `Fit.lr`).
function checkSettings(session: Session, root: Module, modules: readonly Module[]): void {
  const known = new Set<string>();
  for (const { file } of modules)
    for (const d of file.declarations) {
      if (d.kind !== 'unit' && d.kind !== 'train') continue;
      for (const { name } of d.params) known.add(`${d.name.name}.${name.name}`);
      if (d.kind === 'train') for (const { name } of d.params) known.add(name.name);
    }
  for (const setting of session.settings.keys()) {
    if (known.has(setting)) continue;
    const near = nearest(setting, known);
    const helps = near === undefined ? [] : [{ text: `did you mean \`${near}\`?` }];
    session.report(
      messages.E0904({ ...root.file.span, end: root.file.span.start }, { setting, file: root.path }, { helps }),
    );
  }
}

/** Null where the program turned out too long, which is reported. */
export function whole<T>(body: () => T): T | null {
  try {
    return body();
  } catch (error) {
    if (error instanceof Exhausted) return null;
    throw error;
  }
}

/** Most expressions that are evaluated, copies counted: less than a second. GPT-3 with its training step takes about 300,000. */
const longestProgram = 500_000;

/** What one elaboration shares. One place has one error of a kind: the first configuration that shows it speaks for all. */
export function createSession(
  reporter: Reporter,
  prelude: Scope,
  settings: ReadonlyMap<string, string>,
  modes: readonly Mode[] = [],
): Omit<Session, 'std'> {
  const places = new Set<string>();
  let holes = 0;
  let evaluations = 0;
  return {
    holes: new Map(),
    prelude,
    broken: new Set(),
    constructed: new Set(),
    undecided: [],
    settings,
    modes,
    report(diagnostic) {
      const { code, span } = diagnostic;
      const key = `${code} ${span?.source.name ?? ''} ${span?.start ?? ''} ${span?.end ?? ''}`;
      if (places.has(key)) return;
      places.add(key);
      reporter.report(withoutHoleNames(diagnostic));
    },
    spend: (count = 1) => (evaluations += count) <= longestProgram,
    failed: () => reporter.hasErrors,
    nextHole: () => `%hole${holes++}`,
  };
}

const nameOf = (path: string): string => (path.split('/').at(-1) ?? path).replace(/\.dlm$/, '');

const emptyModule = (root: string): GraphModule => ({
  name: nameOf(root),
  functions: [],
  entries: {},
  models: [],
  trains: [],
});

function elaborateRoot(session: Session, module: Module): GraphModule {
  const models = new Map<string, Model>();
  const declarations = module.file.declarations;
  const plans = declarations
    .filter((d): d is TrainDecl => d.kind === 'train')
    .map((decl) => guarded(() => planTrain(session, module, decl, models)))
    .filter((p): p is TrainPlan => p !== null);
  for (const d of declarations) {
    if (d.kind !== 'unit' || d.unit !== 'model' || models.has(d.name.name)) continue;
    const model = constructModel(session, d, module.scope);
    if (model) models.set(d.name.name, model);
  }
  checkModuleNames(
    session,
    [...models.values()].map(({ decl }) => decl.name),
    plans.map(({ decl }) => decl.name),
  );
  const functions: GraphFunction[] = [];
  const entries: Record<string, EntryInfo> = {};
  const infos: ModelInfo[] = [];
  const elaborated = [...models.values()].map((model) => ({
    model,
    names: elaborateEntries(session, model, functions, entries),
  }));
  const trains: TrainInfo[] = [];
  for (const plan of plans) {
    const train = elaborateTrain(session, plan);
    if (!train) continue;
    functions.push(...train.functions);
    trains.push(train.info);
  }
  const clean = !session.failed();
  for (const { model, names } of elaborated) {
    const solved = checkHoles(session, model);
    if (clean && solved && functions.length > 0) reportUnused(session, model, functions, prefixesOf(plans, model));
    const init = solved ? guarded(() => elaborateInit(session, model)) : null;
    if (init) functions.push(init);
    infos.push(modelInfo(session, model, names));
  }
  return { name: nameOf(module.path), functions, entries, models: infos, trains };
}

// The paths of a model in functions: its own, and below the parameters of trains with several models.
const prefixesOf = (plans: readonly TrainPlan[], model: Model): readonly string[] => [
  '',
  ...plans.flatMap((plan) =>
    plan.parameters.flatMap((p) => (p.kind === 'model' && p.model.decl === model.decl ? [`${p.name}.`] : [])),
  ),
];
