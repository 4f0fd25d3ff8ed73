// The .d.ts of a module: models, their weights, entry points and training sessions, typed by shape.
import { asConstant, asVariable, product, type Dim } from '../../ir/dim.ts';
import type {
  EntryInfo,
  GraphFunction,
  GraphModule,
  ModelInfo,
  Structure,
  TensorType,
  TrainInfo,
} from '../../ir/graph.ts';
import { isIdentifier } from './js.ts';
import { argumentsOf, borderType, outputsOf, type EmitInput } from './program.ts';

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

function declareEntry(name: string, info: EntryInfo, fn: GraphFunction, parameters: string): string {
  const inputs = argumentsOf(fn);
  const parts = inputs.map((input) => `${input.name}: ${inputType(input.value.type)}`);
  const shapes = `${inputs.map(({ value }) => shapeText(value.type)).join(', ')} -> ${outputsOf(fn)
    .map(({ value }) => shapeText(value.type))
    .join(', ')}   ${parameters}`;
  const doc = info.doc === '' ? shapes : `${info.doc.trim()}\n${shapes}`;
  return `${comment(doc, '  ')}  ${key(name)}(${[...parts, 'options?: RunOptions'].join(', ')}): Promise<${returnType(info.returns, fn)}>;\n`;
}

function declareModel(model: ModelInfo, module: GraphModule): string {
  const { name } = model;
  const shown = model.parameters.filter(({ role }) => role !== 'cache');
  const count = shown
    .filter(({ role }) => role === 'param')
    .reduce((sum, { type }) => sum + (asConstant(product(type.shape)) ?? 0), 0);
  const weights = shown.map(({ path, type }) => `  ${string(path)}: ${tensorType(type)};\n`);
  const entries = Object.entries(model.entries).map(([entry, fn]) => {
    const info = module.entries[fn];
    if (!info) throw new RangeError(`no entry ${fn}`);
    return declareEntry(entry, info, functionNamed(module, fn), `${count.toLocaleString('en-US')} params`);
  });
  return `
export type ${name}Params = {\n${weights.join('')}};
${comment(model.doc)}export interface ${name} extends AsyncDisposable {
  readonly device: Device;
${entries.join('')}  readonly weights: Weights<${name}Params>;
  /** Gives memory and device back. */
  dispose(): void;
}
/** Opens a device (the first GPU adapter, else WebAssembly), compiles, and initialises or loads the weights. */
export function load${name}(options?: LoadOptions): Promise<${name}>;
`;
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
  const nets = train.models.map(({ name: parameter, model }) => `${parameter}: ${model}`);
  return `
export type ${name}Batch = { ${batch} };
export type ${name}Measures = { ${parts.filter((part) => part !== '').join('; ')} };
${comment(train.doc)}export interface ${name} extends AsyncDisposable {
  /** Completed steps. */
  readonly iteration: number;
  /** Assign: the next step sees it. Saved and restored. */
  readonly options: { ${options} };
  step(batch: ${name}Batch): Promise<{ iteration: number } & ${name}Measures>;
  /** Trains over the data; losses and metrics are read back every \`every\` steps. */
  run(data: Batches<${name}Batch>, options?: TrainRunOptions): AsyncIterable<TrainEvent<${name}Measures>>;
  /** Means over the data, weighted by the first dim of each batch; nothing is trained. */
  evaluate(data: Batches<${name}Batch>): Promise<${name}Measures>;
  /** Weights, state, slots, options, iteration and seed as safetensors. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
  restore(saved: ArrayBuffer | Uint8Array | Blob): Promise<void>;
  dispose(): void;
}
/** Opens a training session; steps change the weights of what is passed. */
export function create${name}(${[...nets, `options${required ? '' : '?'}: { ${given} seed?: number }`].join(', ')}): Promise<${name}>;
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
