// Prints the data of a module (src/runtime/program.ts): functions, plans of both targets, kernels, models, trains.
import { asConstant, asVariable, type Dim } from '../../ir/dim.ts';
import { isFloat, type DType } from '../../ir/dtype.ts';
import {
  factText,
  type EntryInfo,
  type Fact,
  type GraphFunction,
  type GraphModule,
  type ModelInfo,
  type Structure,
  type TensorType,
  type TrainInfo,
} from '../../ir/graph.ts';
import { elementsOf } from '../../ir/elements.ts';
import type { Kernel } from '../../ir/kernel.ts';
import { workgroupsOf, type Dispatch, type Plan, type PlanStep, type TargetProgram } from '../../ir/plan.ts';
import { positionAt } from '../../support/source.ts';
import { GpuKernels, type PrintWgsl } from './gpu-kernels.ts';
import { hostScalarsJs } from './host-scalars.ts';
import { bytesText, dimJs, keyJs, lines, list, Names, object, text } from './js.ts';
import { planMemory, type PlanMemory } from './plan-memory.ts';
import { bufferCounter } from './plan-text.ts';
import { cachesOf, cachesOfModel, cachesOfTrain, countsOf, roomJs, sessionDims, type Cache } from './sessions.ts';

/** What the host writes into one word of a CPU plan's table. */
export type TableWord =
  | { readonly kind: 'address' | 'element' | 'moved'; readonly buffer: string }
  | { readonly kind: 'param'; readonly dim: Dim }
  | { readonly kind: 'record'; readonly name: string }
  | { readonly kind: 'scratch' }
  | { readonly kind: 'threads'; readonly turns: Dim }
  | { readonly kind: 'changed' };

/** The printers of both targets, passed in: this folder does not import its siblings. */
export interface Printers {
  readonly wgsl: PrintWgsl;
  readonly wasm: (
    program: TargetProgram,
    threads?: boolean,
  ) => {
    readonly bytes: Uint8Array;
    readonly maddSites: readonly number[];
    readonly scratchBytes: number;
    readonly memoryAt: number;
  };
  readonly tableWords: (plan: Plan, kernels: readonly Kernel[], threads?: boolean) => readonly TableWord[];
}

/** A module to print. */
export interface EmitInput {
  readonly module: GraphModule;
  readonly programs: readonly TargetProgram[];
  readonly name: string;
  readonly sourceName: string;
  /** Calls can be timed. */
  readonly profile?: boolean | undefined;
  /** Threads can share the work of the CPU. Default: where parameters are many. */
  readonly threads?: boolean | undefined;
}

/** Printed data, and the runtime files that it calls by name. */
export interface PrintedProgram {
  readonly code: string;
  readonly uses: ReadonlySet<string>;
}

/** Prints `const program = { … };`. */
export function printProgram(input: EmitInput, print: Printers): PrintedProgram {
  const uses = new Set<string>();
  const gpu = input.programs.find(({ target }) => target === 'gpu');
  const cpu = input.programs.find(({ target }) => target === 'cpu');
  const { threads = isLarge(input.module) } = input;
  const kernels = new GpuKernels(gpu?.kernels ?? [], print.wgsl);
  const isLong = input.programs.some(({ plans }) => plans.flatMap(({ steps }) => steps).length > mostShort);
  if (isLong) uses.add('plan-text');
  const prepares = input.programs.some(({ plans }) => plans.some(({ steps }) => steps[0]?.kind === 'prepare'));
  const functions = input.module.functions.map((fn) => {
    const plans = { gpu: planNamed(gpu, fn.name), cpu: planNamed(cpu, fn.name) };
    const table = plans.cpu && cpu ? print.tableWords(plans.cpu, cpu.kernels, threads) : [];
    const run = cpu?.plans.findIndex(({ name }) => name === fn.name) ?? -1;
    const counts = countsOf(input.module, fn.name);
    return [fn.name, printFunction(fn, plans, kernels, { table, run, counts, isLong, prepares }, uses)] as const;
  });
  if (gpu) uses.add('webgpu');
  if (cpu) uses.add(threads ? 'threads' : 'wasm');
  const hasSessions = input.module.models.some((model) => cachesOfModel(model).length > 0);
  if (hasSessions) uses.add('session');
  const hasTrainCaches = input.module.trains.some((train) => cachesOfTrain(train, input.module).length > 0);
  if (hasTrainCaches) uses.add('caches');
  const hasFacts = input.module.functions.some((fn) => factsOf(fn).length > 0);
  if (hasFacts) uses.add('facts');
  const hasArguments = Object.values(input.module.entries).some((info) => info.arguments);
  if (hasArguments) uses.add('arguments');
  const hasTraces = Object.values(input.module.entries).some(isTraced);
  if (hasTraces) uses.add('trace');
  const hasTotals = input.module.trains.some((train) => train.finish !== undefined);
  if (hasTotals) uses.add('totals');
  const isQuantized = input.module.models.some(({ parameters }) => parameters.some(({ quantized }) => quantized));
  if (isQuantized) uses.add('quantize');
  const packed = packedPaths(input.programs);
  if (packed.size > 0) uses.add('packed');
  if (input.profile) uses.add('profile');
  const hasTeams = kernels.printed.some((kernel) => kernel.includes('\ncombine '));
  if (hasTeams) uses.add('combine');
  const hasHalves = kernels.kernels.some(({ buffers }) => buffers.some(({ dtype }) => dtype === 'f16'));
  if (hasHalves) uses.add('halves');
  const writers = [hasTeams && 'writeTeams', hasHalves && 'writeHalves'].filter((item) => item !== false);
  const open = [gpu && 'webgpu: openWebGpu', cpu && `wasm: ${threads ? 'openThreads' : 'openWasm'}`].filter(
    (item) => item !== undefined,
  );
  const body = object(
    {
      name: text(input.name),
      source: text(input.sourceName),
      models: byName(input.module.models, (model) => printModel(model, input.module, packed)),
      trains: byName(input.module.trains, (train) => printTrain(train, input.module)),
      functions: object(Object.fromEntries(functions), '  '),
      kernels: gpu && lines(kernels.printed, '  '),
      writers: writers.length > 0 ? list(writers) : undefined,
      kernelNames:
        gpu && input.profile
          ? lines(
              kernels.kernels.map((kernel) => text(kernelName(kernel, input.sourceName))),
              '  ',
            )
          : undefined,
      wasm: cpu && printWasm(print.wasm(cpu, threads)),
      sessions: hasSessions ? '{ has: usesCaches, open: openSession }' : undefined,
      trainCaches: hasTrainCaches ? 'trainCaches' : undefined,
      checkFacts: hasFacts ? 'checkFacts' : undefined,
      chooseCall: hasArguments ? 'chooseCall' : undefined,
      describeArguments: hasArguments ? 'describeArguments' : undefined,
      arrangeTraced: hasTraces ? 'arrangeTraced' : undefined,
      runProfiled: input.profile ? 'runProfiled' : undefined,
      totals: hasTotals ? '{ isTotal, finish: finishTotals }' : undefined,
      packedStore: packed.size > 0 ? 'packedStore' : undefined,
      quantize: isQuantized ? 'quantizeStored' : undefined,
      readPlan: isLong ? 'readPlan' : undefined,
      open: `{ ${open.join(', ')} }`,
    },
    '',
  );
  if (body.includes('...repeat(')) uses.add('repeat');
  return { code: `const program = ${body};\n`, uses };
}

// With fewer steps, reading the plans of a program weighs more than it saves.
const mostShort = 64;

// Threads pay where there is much to compute; their code weighs little beside many parameters.
const isLarge = ({ models }: GraphModule): boolean =>
  models.some(
    ({ parameters }) => parameters.reduce((sum, parameter) => sum + (asConstant(elementsOf(parameter)) ?? 0), 0) >= 1e6,
  );

// Its name, and the lines that it came from.
function kernelName({ name, origin }: Kernel, sourceName: string): string {
  const places = origin.map(({ source, start }) => {
    const file = source.name.endsWith(`/${sourceName}`) ? sourceName : source.name;
    return `${file}:${positionAt(source, start).line}`;
  });
  return [name, ...new Set(places)].join(' ');
}

const planNamed = (program: TargetProgram | undefined, name: string): Plan | undefined =>
  program?.plans.find((plan) => plan.name === name);

const byName = <T extends { readonly name: string }>(items: readonly T[], print: (item: T) => string): string =>
  object(Object.fromEntries(items.map((item) => [item.name, print(item)])), '  ');

interface CpuParts {
  readonly table: readonly TableWord[];
  readonly run: number;
  /** Dims that the caller gives as whole numbers. */
  readonly counts: readonly string[];
  /** Some plan of the program prepares weights. */
  readonly prepares: boolean;
  /** Plans are printed for `readPlan` of the runtime. */
  readonly isLong: boolean;
}

function printFunction(
  fn: GraphFunction,
  plans: { gpu: Plan | undefined; cpu: Plan | undefined },
  kernels: GpuKernels,
  cpu: CpuParts,
  uses: Set<string>,
): string {
  const record = recordOf(plans);
  checkDims(fn, cpu.counts);
  const recordWord = (name: string): string => {
    const at = record.findIndex((word) => word.name === name);
    if (at < 0) throw new RangeError(`${fn.name}: no word ${name} in the step record`);
    return String(at);
  };
  const names = new Names();
  const dims = fn.dims.map(({ name }) => name);
  const head = `(${dims.map((dim) => names.of(dim)).join(', ')}) =>`;
  const host = hostScalarsJs(fn.host, dims, names);
  host?.uses.forEach((file) => uses.add(file));
  const facts = factsOf(fn);
  const used = new Set<number>();
  const gpu = plans.gpu && printGpuPlan({ plan: plans.gpu, fn, names, recordWord, isLong: cpu.isLong }, kernels, used);
  return object(
    {
      dims: list(dims.map(text)),
      mins: fn.dims.some(({ min }) => min !== 1) ? list(fn.dims.map(({ min }) => String(min))) : undefined,
      inputs: list(argumentsOf(fn).map(({ name, value }) => tensorJs(name, value.type, dims, names))),
      outputs: list(outputsOf(fn).map(({ name, value }) => tensorJs(name, value.type, dims, names))),
      caches: cachesJs(cachesOf(fn), dims, names),
      room: roomJs(fn, names),
      facts:
        facts.length > 0
          ? list(facts.map((fact) => text('max' in fact ? `${fact.name} <= ${fact.max}` : factText(fact))))
          : undefined,
      holds: facts.length > 0 ? `${head} ${list(facts.map((fact) => factJs(fact, names)))}` : undefined,
      record: list(record.map(({ name }) => text(name))),
      types: text(record.map(({ dtype }) => (isFloat(dtype) ? 'f' : dtype === 'i32' ? 'i' : 'u')).join('')),
      host: host?.code,
      writes: cpu.prepares && changesWeights(fn) ? 'true' : undefined,
      kernels: plans.gpu && list([...used].sort((a, b) => a - b).map(String)),
      gpu: gpu && `${head} (${gpu})`,
      cpu:
        plans.cpu && `${head} (${printCpuPlan({ plan: plans.cpu, fn, names, recordWord, isLong: cpu.isLong }, cpu)})`,
    },
    '    ',
  );
}

// Caches are no weights: what a session updates leaves alone what was prepared.
function changesWeights(fn: GraphFunction): boolean {
  const caches = new Set(cachesOf(fn).map(({ name }) => name));
  return fn.results.some(({ role, name }) => role === 'update' && !caches.has(name));
}

// Shapes of arguments bind dims where they stand alone; whole numbers and sessions give the others.
function checkDims(fn: GraphFunction, counts: readonly string[]): void {
  const shapes = argumentsOf(fn).flatMap(({ value }) => value.type.shape.map(asVariable));
  const bound = new Set([...shapes, ...counts, ...sessionDims(cachesOf(fn))]);
  const open = fn.dims.find(({ name }) => !bound.has(name));
  if (open) throw new RangeError(`${fn.name}: no argument binds the dim ${open.name}`);
}

// Both targets read one step record, which has what either needs.
function recordOf({ gpu, cpu }: { gpu: Plan | undefined; cpu: Plan | undefined }): Plan['record'] {
  const words = new Map([...(gpu?.record ?? []), ...(cpu?.record ?? [])].map((word) => [word.name, word]));
  if (words.size > 4096)
    throw new RangeError(`${(gpu ?? cpu)?.name}: the step record has ${words.size} words, more than 4096`);
  return [...words.values()];
}

// Paths of the weights that plans have as f16: all that have them do.
function packedPaths(programs: EmitInput['programs']): ReadonlySet<string> {
  const [packed, others] = [new Set<string>(), new Set<string>()];
  for (const { inputs, results, buffers } of programs.flatMap(({ plans }) => plans)) {
    for (const { name, role, buffer } of [...inputs, ...results]) {
      if (role !== 'param' && role !== 'update') continue;
      const isPacked = buffers.some(({ id, dtype }) => id === buffer && dtype === 'f16');
      (isPacked ? packed : others).add(name);
    }
  }
  for (const path of packed) if (others.has(path)) throw new RangeError(`${path} lies as f16 for some plans alone`);
  return packed;
}

/** Whether calls of an entry may ask for intermediate values. */
export const isTraced = ({ variants = {} }: EntryInfo): boolean =>
  Object.values(variants).some((given) => given.includes('trace'));

/** Inputs that the caller passes. */
export const argumentsOf = (fn: GraphFunction): GraphFunction['inputs'] =>
  fn.inputs.filter(({ role }) => role === 'argument');

/** Results that the caller gets. */
export const outputsOf = (fn: GraphFunction): GraphFunction['results'] =>
  fn.results.filter(({ role }) => role === 'output');

/** Element types that cross the border: f16 numbers are f32 outside. */
export const borderType = (dtype: DType): Exclude<DType, 'f16'> => (dtype === 'f16' ? 'f32' : dtype);

function tensorJs(name: string, { dtype, shape }: TensorType, dims: readonly string[], names: Names): string {
  const extents = shape.map((dim) => {
    const constant = asConstant(dim);
    if (constant !== undefined) return String(constant);
    const variable = asVariable(dim);
    if (variable !== undefined) return text(variable);
    return list([text(dim.key), `(${dims.map((each) => names.of(each)).join(', ')}) => ${dimJs(dim, names)}`]);
  });
  return list([text(name), text(borderType(dtype)), list(extents)]);
}

type AnyFact = Fact | { readonly name: string; readonly max: number };

const factsOf = (fn: GraphFunction): AnyFact[] => [
  ...fn.facts,
  ...fn.dims.flatMap(({ name, max }) => (max === undefined ? [] : [{ name, max }])),
];

function factJs(fact: AnyFact, names: Names): string {
  if ('max' in fact) return `${names.of(fact.name)} <= ${fact.max}`;
  const lhs = dimJs(fact.lhs, names);
  if (fact.kind === 'multiple') return `(${lhs}) % (${fact.modulus ? dimJs(fact.modulus, names) : '1'}) === 0`;
  return fact.kind === '>=0' ? `${lhs} >= 0` : `${lhs} === 0`;
}

function planHead(plan: Plan, fn: GraphFunction, memory: PlanMemory): Record<string, string | undefined> {
  const inputs = argumentsOf(fn).map(({ name }) => {
    const buffer = plan.inputs.find((input) => input.role === 'argument' && input.name === name)?.buffer;
    return buffer === undefined ? '-1' : String(memory.index(buffer));
  });
  const outputs = outputsOf(fn).map(({ name }) => {
    const result = plan.results.find((each) => each.role === 'output' && each.name === name);
    if (!result) throw new RangeError(`${plan.name} has no result ${name}`);
    return String(memory.index(result.buffer));
  });
  return {
    buffers: lines(memory.buffers, '        '),
    inputs: list(inputs),
    outputs: list(outputs),
    commits: memory.commits.length > 0 ? list(memory.commits.map(String)) : undefined,
  };
}

interface PlanParts {
  readonly plan: Plan;
  readonly fn: GraphFunction;
  readonly names: Names;
  /** Position of a scalar in the step record. */
  readonly recordWord: (name: string) => string;
  readonly isLong: boolean;
}

function printGpuPlan(
  { plan, fn, names, recordWord, isLong }: PlanParts,
  kernels: GpuKernels,
  used: Set<number>,
): string {
  const memory = planMemory(plan, names, isLong);
  const counter = bufferCounter(isLong);
  const dispatch = (step: Dispatch, place: (buffer: number) => string): string => {
    const variant = kernels.variant(step, memory);
    used.add(variant.kernel);
    const workgroups = dimJs(workgroupsOf(step), names);
    const words = step.scalars.map(recordWord);
    const params = step.params.map((param) => dimJs(param, names));
    if (params.length + words.length > 64) throw new RangeError(`${step.kernel} takes more than 64 params`);
    const rest = words.length > 0 ? [list(params), list(words)] : params.length > 0 ? [list(params)] : [];
    return list([String(variant.kernel), list(variant.buffers.map(place)), workgroups, ...rest]);
  };
  const print = (step: PlanStep, indent: string, place: (buffer: number) => string): string => {
    switch (step.kind) {
      case 'dispatch':
        return dispatch(step, place);
      case 'copy':
        return `['copy', ${memory.index(step.from)}, ${memory.index(step.to)}]`;
      case 'fill':
        return `['fill', ${memory.index(step.buffer)}, ${wordOf(step.value, dtypeOf(plan, step.buffer))}]`;
      case 'prepare':
        return step.body.map((inner) => print(inner, indent, place)).join(`,\n${indent}`);
      case 'loop': {
        const body = lines(
          step.body.map((inner) => print(inner, `${indent}  `, counter.often)),
          indent,
        );
        const turn = step.reverse ? ', true' : '';
        return `...repeat(${dimJs(step.count, names)}, (${names.of(step.index)}) => ${body}${turn})`;
      }
    }
  };
  const steps = lines(
    plan.steps.map((step) => print(step, '          ', counter.once)),
    '        ',
  );
  const [first] = plan.steps;
  const prepares = first?.kind === 'prepare' ? String(first.body.length) : undefined;
  return object({ ...planHead(plan, fn, memory), prepares, steps }, '      ');
}

const dtypeOf = (plan: Plan, id: string): DType => plan.buffers.find((buffer) => buffer.id === id)?.dtype ?? 'f32';

/** The 32 bits of a value as an unsigned number. */
function wordOf(value: number, dtype: DType): number {
  return dtype === 'f32' ? (new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0) : value >>> 0;
}

function printCpuPlan({ plan, fn, names, recordWord, isLong }: PlanParts, { table, run }: CpuParts): string {
  const memory = planMemory(plan, names, isLong);
  const counter = bufferCounter(isLong);
  const values = table.map((word) => {
    switch (word.kind) {
      case 'address':
      case 'element':
      case 'moved':
        return counter.once(memory.index(word.buffer));
      case 'param':
        return dimJs(word.dim, names);
      case 'record':
        return recordWord(word.name);
      case 'scratch':
        return '0';
      case 'threads':
        return dimJs(word.turns, names);
      case 'changed':
        return '1';
    }
  });
  const words = text(table.map(({ kind }) => kind.charAt(0)).join(''));
  const prepares = plan.steps[0]?.kind === 'prepare' ? '1' : undefined;
  return object(
    { ...planHead(plan, fn, memory), prepares, words, table: list(values), run: text(`run_${run}`) },
    '      ',
  );
}

function printModel(model: ModelInfo, module: GraphModule, packed: ReadonlySet<string>): string {
  const parameters = model.parameters
    .filter(({ role }) => role !== 'cache')
    .map(({ path, type, role }) =>
      list([
        text(path),
        text(borderType(type.dtype)),
        fixedShape(path, type),
        ...(packed.has(path) ? [text('f16')] : role === 'state' ? [text('state')] : []),
      ]),
    );
  const quantized = model.parameters.flatMap(({ path, quantized: as }) =>
    as ? [[path, list([String(as.bits), String(as.group), fixedShape(path, as.type)])] as const] : [],
  );
  const aliases = model.parameters.flatMap(({ path, aliases: others }) =>
    others.map((alias) => [alias, text(path)] as const),
  );
  return object(
    {
      parameters: lines(parameters, '      '),
      aliases: aliases.length > 0 ? object(Object.fromEntries(aliases), '      ') : undefined,
      quantized: quantized.length > 0 ? object(Object.fromEntries(quantized), '      ') : undefined,
      init: module.functions.some(({ name }) => name === model.init) ? text(model.init) : undefined,
      session: sessionJs(cachesOfModel(model)),
      entries: object(
        Object.fromEntries(Object.entries(model.entries).map(([name, fn]) => [name, printEntry(fn, module)])),
        '      ',
      ),
    },
    '    ',
  );
}

function printEntry(name: string, module: GraphModule): string {
  const fn = module.functions.find((each) => each.name === name);
  const info = module.entries[name];
  if (!fn || !info) throw new RangeError(`no entry ${name}`);
  const spec = [
    text(name),
    returnsJs(
      info.returns,
      outputsOf(fn).map((output) => output.name),
    ),
  ];
  if (!info.arguments) return list(spec);
  const names = info.arguments.filter(({ optional }) => !optional).map((argument) => text(argument.name));
  const variants = Object.entries(info.variants ?? {}).map(([variant, given]) =>
    list([list(given.map(text)), printEntry(variant, module).slice(1, -1)]),
  );
  return list([...spec, list(names), ...(variants.length > 0 ? [list(variants)] : [])]);
}

const cachesJs = (caches: readonly Cache[], dims: readonly string[], names: Names): string | undefined =>
  caches.length > 0 ? list(caches.map(({ name, type }) => tensorJs(name, type, dims, names))) : undefined;

function sessionJs(caches: readonly Cache[]): string | undefined {
  const dims = sessionDims(caches);
  const tensors = cachesJs(caches, dims, new Names());
  return tensors && `{ dims: ${list(dims.map(text))}, caches: ${tensors} }`;
}

function returnsJs(returns: Structure, outputs: readonly string[]): string {
  if (returns.kind === 'tensor') return String(outputs.indexOf(returns.result));
  const items = returns.items.map(({ name, item }) => [name, returnsJs(item, outputs)] as const);
  const named = returns.kind === 'tuple' && items.every(([name]) => name !== undefined);
  return named
    ? `{ ${items.map(([name, item]) => `${keyJs(name ?? '')}: ${item}`).join(', ')} }`
    : list(items.map(([, item]) => item));
}

function fixedShape(path: string, type: TensorType): string {
  const shape = type.shape.map((dim) => asConstant(dim));
  if (shape.includes(undefined)) throw new RangeError(`${path} has a shape that is not fixed`);
  return list(shape.map(String));
}

function printTrain(train: TrainInfo, module: GraphModule): string {
  return object(
    {
      models: list(train.models.map(({ name, model }) => list([text(name), text(model)]))),
      slots: lines(
        train.slots.map(({ name, type, initial }) =>
          list([text(name), text(borderType(type.dtype)), fixedShape(name, type), String(initial)]),
        ),
        '      ',
      ),
      options: `{ ${train.options.map((option) => `${keyJs(option.name)}: ${option.default}`).join(', ')} }`,
      losses: list(train.losses.map(text)),
      metrics: list(train.metrics.map(text)),
      session: sessionJs(cachesOfTrain(train, module)),
      step: text(train.step),
      evaluate: text(train.evaluate),
      finish: train.finish === undefined ? undefined : text(train.finish),
    },
    '    ',
  );
}

function printWasm({ bytes, maddSites, scratchBytes, memoryAt }: ReturnType<Printers['wasm']>): string {
  const distances = maddSites.map((site, at) => String(site - (maddSites[at - 1] ?? 0)));
  const [code, sites] = [text(bytesText(bytes)), list(distances)];
  return object({ code, scratch: String(scratchBytes), sites, limits: String(memoryAt) }, '  ');
}
