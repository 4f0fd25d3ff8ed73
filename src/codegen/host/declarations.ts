// The .d.ts of a module: models, their weights, entry points and training sessions, typed by shape.
import { asConstant, asVariable, type Dim } from '../../ir/dim.ts';
import { elementsOf } from '../../ir/elements.ts';
import type { GraphFunction, GraphModule, ModelInfo, Structure, TensorType, TrainInfo } from '../../ir/graph.ts';
import { isIdentifier, parameterNames } from './js.ts';
import { argumentsOf, borderType, isTraced, outputsOf, type EmitInput } from './program.ts';
import { cachesOf, cachesOfModel, cachesOfTrain, isBoundByShape, sessionDims } from './sessions.ts';

/** Prints the declarations of a module without the shared ones, not yet formatted. */
export function printDeclarations({ module, name, sourceName }: EmitInput): string {
  const config = module.models
    .map((model) =>
      Object.entries(model.config)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    )
    .filter((part) => part !== '');
  const head = `// ${name}.dlm.d.ts, by dlm from ${sourceName}${config.length > 0 ? ` (${config.join('; ')})` : ''}. Do not edit.\n`;
  const [only] = module.models;
  const alias = module.models.length === 1 && only ? `export { load${only.name} as load };\n` : '';
  return [
    head,
    ...module.models.map((model) => declareModel(model, module)),
    alias,
    ...module.trains.map((train) => declareTrain(train, module)),
  ].join('\n');
}

const string = (value: string): string => JSON.stringify(value);
const key = (name: string): string => (isIdentifier(name) ? name : string(name));
const comment = (value: string, indent = ''): string =>
  value === '' ? '' : `${indent}/** ${value.replaceAll('*/', '*\\/').trim().split('\n').join(`\n${indent} * `)} */\n`;

const extentType = (dim: Dim): string => {
  const constant = asConstant(dim);
  return constant === undefined ? string(asVariable(dim) ?? dim.key) : String(constant);
};

const typeArguments = ({ dtype, shape }: TensorType): string =>
  `${string(borderType(dtype))}, [${shape.map(extentType).join(', ')}]`;
const tensorType = (type: TensorType): string => `Tensor<${typeArguments(type)}>`;
const shapeText = ({ shape }: TensorType): string => `[${shape.map((dim) => dim.key).join(', ')}]`;

/** Scalars are plain numbers and booleans. */
function inputType(type: TensorType): string {
  if (type.shape.length === 0) return type.dtype === 'bool' ? 'boolean' : 'number';
  return `Input<${typeArguments(type)}>`;
}

function functionNamed(module: GraphModule, name: string): GraphFunction {
  const fn = module.functions.find((each) => each.name === name);
  if (!fn) throw new RangeError(`no function ${name}`);
  return fn;
}

function returnType(returns: Structure, fn: GraphFunction): string {
  if (returns.kind === 'tensor') {
    const result = outputsOf(fn).find(({ name }) => name === returns.result);
    if (!result) throw new RangeError(`${fn.name} has no result ${returns.result}`);
    return tensorType(result.value.type);
  }
  const items = returns.items.map(({ name, item }) => [name, returnType(item, fn)] as const);
  const named = returns.kind === 'tuple' && items.every(([name]) => name !== undefined);
  return named
    ? `{ ${items.map(([name, type]) => `${key(name ?? '')}: ${type}`).join('; ')} }`
    : `[${items.map(([, type]) => type).join(', ')}]`;
}

// The functions that an entry may run, those for optional arguments among them.
const functionsOf = (fn: string, module: GraphModule): readonly GraphFunction[] =>
  [fn, ...Object.keys(module.entries[fn]?.variants ?? {})].map((name) => functionNamed(module, name));

function declareEntry(name: string, fn: GraphFunction, module: GraphModule, parameters: string): string {
  const info = module.entries[fn.name];
  if (!info) throw new RangeError(`no entry ${fn.name}`);
  const inputs = argumentsOf(fn);
  const functions = functionsOf(fn.name, module);
  const typeOf = (argument: string): string => {
    const input = functions.flatMap(argumentsOf).find((each) => each.name === argument);
    return input ? inputType(input.value.type) : 'number';
  };
  const declared = info.arguments ?? inputs.map((input) => ({ name: input.name, optional: false }));
  const required = declared.filter(({ optional }) => !optional);
  const names = parameterNames(required.map((each) => each.name));
  const parts = required.map((each, i) => `${names[i] ?? each.name}: ${typeOf(each.name)}`);
  const chosen = declared.filter(({ optional }) => optional).map((each) => `${key(each.name)}?: ${typeOf(each.name)}`);
  const variants = Object.entries(info.variants ?? {});
  if (variants.some(([, given]) => given.includes('training'))) chosen.push('training?: boolean');
  const options = ['RunOptions', ...(chosen.length > 0 ? [`{ ${chosen.join('; ')} }`] : [])].join(' & ');
  const traced = new Set(variants.flatMap(([variant, given]) => (given.includes('trace') ? [variant] : [])));
  const resultOf = (each: GraphFunction): string =>
    returnType(module.entries[each.name]?.returns ?? info.returns, each);
  const results = functions.filter((each) => !traced.has(each.name)).map(resultOf);
  const shapes = `${inputs.map(({ value }) => shapeText(value.type)).join(', ')} -> ${outputsOf(fn)
    .map(({ value }) => shapeText(value.type))
    .join(', ')}   ${parameters}`;
  const doc = info.doc === '' ? shapes : `${info.doc.trim()}\n${shapes}`;
  const declare = (given: string, results: readonly string[]): string =>
    `  ${key(name)}(${[...parts, given].join(', ')}): Promise<${[...new Set(results)].join(' | ')}>;\n`;
  const values = isTraced(info) ? functions.filter((each) => traced.has(each.name)).map(resultOf) : [];
  const giving = '  /** Gives intermediate values too: those of these paths, or all. */\n';
  return `${comment(doc, '  ')}${declare(`options?: ${options}`, results)}${
    values.length > 0 ? giving + declare(`options: ${options} & { trace: true | readonly string[] }`, values) : ''
  }`;
}

function declareModel(model: ModelInfo, module: GraphModule): string {
  const { name } = model;
  const shown = model.parameters.filter(({ role }) => role !== 'cache');
  const count = shown
    .filter(({ role }) => role === 'param')
    .reduce((sum, parameter) => sum + (asConstant(elementsOf(parameter)) ?? 0), 0);
  const weights = shown.map(({ path, type }) => `  ${string(path)}: ${tensorType(type)};\n`);
  const params = `${count.toLocaleString('en-US')} params`;
  const declare = ([entry, fn]: readonly [string, string]): string =>
    declareEntry(entry, functionNamed(module, fn), module, params);
  const inSession = ([, fn]: readonly [string, string]): boolean =>
    functionsOf(fn, module).some((each) => cachesOf(each).length > 0);
  const entries = Object.entries(model.entries).filter((entry) => !inSession(entry));
  const caches = cachesOfModel(model);
  const session = caches.length > 0 ? declareSession(name, sessionDims(caches)) : { type: '', method: '' };
  const ofSession = Object.entries(model.entries).filter(inSession).map(declare).join('');
  return `
${session.type.replace('/* entries */', () => ofSession)}export type ${name}Params = {\n${weights.join('')}};
${comment(model.doc)}export interface ${name} extends AsyncDisposable {
  readonly device: Device;
${entries.map(declare).join('')}${session.method}  readonly weights: Weights<${name}Params>;
  /** Ends this model and loads it anew with the same options, as after the loss of its GPU. */
  reload(options?: LoadOptions): Promise<${name}>;
  /** Gives memory and device back. */
  dispose(): void;
}
/** Opens a device (the first GPU adapter, else WebAssembly), compiles, and initialises or loads the weights. */
export function load${name}(options?: LoadOptions): Promise<${name}>;
`;
}

// The type of a model's sessions, and the method that opens one.
function declareSession(name: string, dims: readonly string[]): { readonly type: string; readonly method: string } {
  const sizes = dims.map((dim) => `${key(dim)}: number; `).join('');
  const method = `  /** Opens a session: caches of its own, of this fixed size, zero at the start; the weights are shared. */
  session(options${dims.length > 0 ? '' : '?'}: { ${sizes}seed?: number }): Promise<${name}Session>;\n`;
  const type = `
/** Caches of ${name}, and the entry points that use them. */
export interface ${name}Session extends AsyncDisposable {
  readonly dims: { ${dims.map((dim) => `readonly ${key(dim)}: number`).join('; ')} };
  /** A counter for the place in a text; the caller moves it. */
  pos: number;
/* entries */  /** Ids that \`next\` chooses and \`step\` appends, until \`until\` or \`max\` of them. Results of \`step\` are disposed. */
  stream<L, Id = number>(options: {
    logits: L;
    step(id: Id): Promise<L>;
    next(logits: L): Id | Promise<Id>;
    until?: NoInfer<Id> | ((id: Id) => boolean);
    max?: number;
  }): AsyncIterable<Id>;
  /** Zeroes the caches and \`pos\`. */
  reset(): void;
  /** Gives the memory of the caches back. */
  dispose(): void;
}
`;
  return { type, method };
}

function declareTrain(train: TrainInfo, module: GraphModule): string {
  const { name } = train;
  const step = functionNamed(module, train.step);
  const batch = train.batch.map((input) => `${key(input.name)}: ${batchType(input.name, input.type, step)};`).join(' ');
  const measures = (names: readonly string[]): string =>
    `{ ${names.map((each) => `${key(each)}: ${measureType(step, each)};`).join(' ')} }`;
  const single = train.losses.length === 1;
  const parts = [
    single ? 'loss: number' : '',
    `losses: ${single ? '{}' : measures(train.losses)}`,
    `metrics: ${measures(train.metrics)}`,
  ];
  const options = train.options.map((option) => `${key(option.name)}: number;`).join(' ');
  const given = train.options
    .map((option) => `${key(option.name)}${option.default === null ? '' : '?'}: number;`)
    .join(' ');
  const required = train.options.some((option) => option.default === null);
  const parameters = parameterNames(train.models.map((model) => model.name));
  const nets = train.models.map(({ model }, i) => `${parameters[i] ?? ''}: ${model}`);
  const dims = sessionDims(cachesOfTrain(train, module)).map((dim) => [dim, isBoundByShape(step, dim)] as const);
  const open = dims.some(([, shown]) => !shown);
  const sizes = dims.map(([dim, shown]) => `${key(dim)}${shown ? '?' : ''}: number`).join('; ');
  const fixed = dims.length > 0 ? ` dims${open ? '' : '?'}: { ${sizes} };` : '';
  return `
export type ${name}Batch = { ${batch} };
export type ${name}Measures = { ${parts.filter((part) => part !== '').join('; ')} };
${comment(train.doc)}export interface ${name} extends AsyncDisposable {
  /** Completed steps. */
  readonly iteration: number;
  /** Assign: the next step sees it. Saved and restored. */
  readonly options: { ${options} };
  step(batch: ${name}Batch): Promise<{ iteration: number } & ${name}Measures>;
${dims.length > 0 ? '  /** Zeroes the caches; `run` does so at the start of each epoch. */\n  reset(): void;\n' : ''}  /** Trains over the data; losses and metrics are read back every \`every\` steps. */
  run(data: Batches<${name}Batch>, options?: TrainRunOptions): AsyncIterable<TrainEvent<${name}Measures>>;
  /** Means over the data, weighted by the first dim of each batch; nothing is trained. */
  evaluate(data: Batches<${name}Batch>): Promise<${name}Measures>;
  /** Weights, state, slots, caches, options, iteration and seed as safetensors. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
  restore(saved: ArrayBuffer | Uint8Array | Blob): Promise<void>;
  dispose(): void;
}
/** Opens a training session; steps change the weights of what is passed. */
export function create${name}(${[...nets, `options${required || open ? '' : '?'}: { ${given}${fixed} seed?: number }`].join(', ')}): Promise<${name}>;
`;
}

// The step function may know a dim of a batch input better than its declaration.
function batchType(name: string, declared: TensorType, step: GraphFunction): string {
  return inputType(argumentsOf(step).find((input) => input.name === name)?.value.type ?? declared);
}

function measureType(step: GraphFunction, name: string): string {
  const rank = outputsOf(step).find((output) => output.name === name)?.value.type.shape.length ?? 0;
  return `number${'[]'.repeat(rank)}`;
}
