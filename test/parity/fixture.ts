// What a fixture holds (reference.py writes them), and the program that a case becomes.
import { readdirSync, readFileSync } from 'node:fs';

/** A tensor as PyTorch gave it. */
export interface Packed {
  readonly dtype: 'f32' | 'i32' | 'bool';
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Tensors = Readonly<Record<string, Packed>>;

/** A layer or function: outputs, gradients of Σ outputs · cotangents, buffers after one training pass. */
export interface LayerCase {
  readonly kind: 'layer';
  readonly name: string;
  /** Names to import from std, where they are not in the prelude. */
  readonly use: string;
  readonly member: string | null;
  readonly call: string;
  readonly outs: readonly string[];
  readonly mode: 'train' | 'eval';
  /** The free dims of caches. */
  readonly dims?: Readonly<Record<string, number>>;
  readonly inputs: Tensors;
  readonly args: Tensors;
  readonly weights: Tensors;
  readonly outputs: readonly Packed[];
  readonly cotangents: readonly Packed[];
  readonly gradients: Tensors;
  readonly buffers: Tensors;
}

/** An optimizer: two weights after each step down Σ scale · (1 − cos(weight − target)). */
export interface OptimizerCase {
  readonly kind: 'optimizer';
  readonly name: string;
  readonly use: string;
  readonly optimizer: string;
  readonly weights: readonly Packed[];
  readonly targets: readonly Packed[];
  readonly scales: readonly Packed[];
  readonly steps: readonly (readonly Packed[])[];
}

/** A schedule: the rate before each update. */
export interface ScheduleCase {
  readonly kind: 'schedule';
  readonly name: string;
  readonly use: string;
  readonly schedule: string;
  readonly rates: readonly number[];
}

/** An initialiser: the quantiles of its draws, the product of its rows or columns with each other, or its elements. */
export interface InitialiserCase {
  readonly kind: 'initialiser';
  readonly name: string;
  readonly use: string;
  readonly initialiser: string;
  readonly shape: readonly number[];
  /** Of `samples` draws, `quantiles[k]` is larger than the part `places[k]`. */
  readonly places?: readonly number[];
  readonly quantiles?: readonly number[];
  readonly samples?: number;
  readonly lowest?: number;
  readonly largest?: number;
  readonly gram?: readonly number[];
  readonly values?: readonly number[];
}

/** One case of a fixture. */
export type ParityCase = LayerCase | OptimizerCase | ScheduleCase | InitialiserCase;

const folder = 'test/parity/fixtures';

/** The families that have fixtures. */
export const families: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''));

/** The cases of a family. */
export const casesOf = (family: string): readonly ParityCase[] =>
  JSON.parse(readFileSync(`${folder}/${family}.json`, 'utf8')) as ParityCase[];

const typeOf = ({ dtype, shape }: Packed): string => `${dtype}[${shape.join(', ')}]`;
const paramOf = (name: string, x: Packed): string => `  param ${name}: [${x.shape.join(', ')}] = zeros()\n`;

// `use` lists names of std/nn; "module: a, b; …" names another module.
function importsOf(use: string): string {
  return use
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [, module = 'nn', names = part] = /^(\w+): (.*)$/.exec(part) ?? [];
      return `import { ${names} } from "std/${module}"\n`;
    })
    .join('');
}

/**
 * A model whose differentiated inputs are parameters, so that one step of SGD at rate 1 leaves every
 * gradient in the weights; the outputs of that step are kept as frozen parameters.
 */
export function layerProgram(one: LayerCase): string {
  const inputs = Object.entries(one.inputs);
  const args = Object.entries(one.args).map(([name, x]) => `${name}: ${typeOf(x)}`);
  const names = Object.keys(one.args).join(', ');
  const outs = one.outs.map((out, at) => `y${at}=${out}`).join(', ');
  const wanted = one.outputs.map((y, at) => paramOf(`out${at}`, y).replace('  param', '  @freeze param'));
  const net = one.mode === 'eval' ? '(net with {training = false})' : 'net';
  const kept = one.outputs.map((_, at) => `  update net.out${at} = r.y${at}\n`);
  const loss = one.outputs.map((_, at) => `sum(r.y${at} * w${at})`).join(' + ');
  const weights = one.cotangents.map((w, at) => `w${at}: ${typeOf(w)}`);
  return `${importsOf(one.use)}import { SGD } from "std/optim"
export model Case() {
${inputs.map(([name, x]) => paramOf(name, x)).join('')}${one.member === null ? '' : `  let m = ${one.member}\n`}${wanted.join('')}
  export fn forward(${args.join(', ')}) {
    let r = ${one.call}
    (${outs},)
  }
}
export train Fit(net: Case) {
  batch ${[...args, ...weights].join(', ')}
  let r = ${net}.forward(${names})
  minimize ${loss} using SGD(lr=1.0)
${kept.join('')}}
`;
}

/** A model of two weights, and its training by the optimizer. */
export function optimizerProgram(one: OptimizerCase): string {
  const [a, b] = one.weights;
  if (!a || !b) throw new Error(`${one.name} has no two weights`);
  return `${importsOf(one.use)}export model Case() {
${paramOf('u', a)}${paramOf('v', b)}  export fn forward() -> (u: ${typeOf(a)}, v: ${typeOf(b)}) = (u=u, v=v)
}
export train Fit(net: Case) {
  batch tu: ${typeOf(a)}, tv: ${typeOf(b)}, su: ${typeOf(a)}, sv: ${typeOf(b)}
  minimize sum(su * (1 - cos(net.u - tu))) + sum(sv * (1 - cos(net.v - tv))) using ${one.optimizer}
}
`;
}

/** A model whose entry is the schedule. */
export const scheduleProgram = (one: ScheduleCase): string =>
  `${importsOf(one.use)}export model Case() {
  export fn forward(t: i32[]) -> f32[] {
    let rate = ${one.schedule}
    rate(t)
  }
}
`;

/** A model whose one parameter is initialised so. */
export const initialiserProgram = (one: InitialiserCase): string =>
  `${importsOf(one.use)}export model Case() {
  param w: [${one.shape.join(', ')}] = ${one.initialiser}
  export fn forward() = w
}
`;
