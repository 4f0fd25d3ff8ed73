// Host scalars as JavaScript: the small graphs that compute schedules and bias corrections, in float64; integers wrap.
import type { BinaryOp, UnaryOp } from '../../ir/expr.ts';
import type { DType } from '../../ir/dtype.ts';
import type { HostScalar, Node, Value } from '../../ir/graph.ts';
import { asConstant } from '../../ir/dim.ts';
import { dimJs, keyJs, list, text, type Names } from './js.ts';

/** A printed function body, and the runtime files that it calls. */
export interface HostCode {
  readonly code: string;
  readonly uses: ReadonlySet<string>;
}

/** Prints `(s, …dims) => ({ name: value, … })`, or undefined where there are no host scalars. */
export function hostScalarsJs(
  host: readonly HostScalar[],
  dims: readonly string[],
  names: Names,
): HostCode | undefined {
  if (host.length === 0) return undefined;
  const writer = new HostWriter(names);
  const results: string[] = [];
  for (let at = 0; at < host.length;) {
    const paths = pathsFrom(host, at);
    results.push(paths.length > 0 ? writer.pathKeys(at, paths) : writer.scalar(host[at]));
    at += 2 * paths.length || 1;
  }
  const head = `(${['s', ...dims.map((dim) => names.of(dim))].join(', ')}) => {\n`;
  const body = [...writer.lines, `return { ${results.join(', ')} };`].map((line) => `        ${line}\n`).join('');
  return { code: `${head}${body}      }`, uses: writer.uses };
}

// The paths whose keys are the scalars from `at` on, two words each, made from the key of the call.
function pathsFrom(host: readonly HostScalar[], at: number): string[] {
  const paths: string[] = [];
  for (; ; at += 2) {
    const [path, again] = [pathOfWord(host, at, 0), pathOfWord(host, at + 1, 1)];
    if (path === undefined || path !== again) return paths;
    paths.push(path);
  }
}

function pathOfWord(host: readonly HostScalar[], at: number, word: 0 | 1): string | undefined {
  const scalar = host[at];
  if (scalar?.name !== `host.${at}`) return undefined;
  const { nodes, results } = scalar.region;
  const [node, ...more] = nodes;
  if (node?.op !== 'fold_path' || more.length > 0 || node.outputs[word] !== results[0]) return undefined;
  return node.inputs.every(({ name }, half) => name === `key.${half}`) ? pathOf(node) : undefined;
}

function pathOf({ attrs: { path } }: Node): string {
  if (typeof path !== 'string') throw new RangeError('fold_path without its path');
  return path;
}

class HostWriter {
  readonly lines: string[] = [];
  readonly uses = new Set<string>();
  readonly #names = new Map<Value, string>();
  // Equal expressions are computed once, across host scalars.
  readonly #known = new Map<string, string>();

  constructor(readonly dims: Names) {}

  /** The property of a scalar. */
  scalar(scalar: HostScalar | undefined): string {
    if (!scalar) throw new RangeError('no host scalar');
    const { name, region } = scalar;
    region.params.forEach((param) => this.name(param, `s[${text(param.name ?? '')}]`));
    region.nodes.forEach((node) => this.node(node));
    const [result] = region.results;
    if (!result) throw new RangeError(`host scalar ${name} has no result`);
    return `${keyJs(name)}: ${this.use(result)}`;
  }

  /** The properties of scalars that are the keys of `paths`. */
  pathKeys(first: number, paths: readonly string[]): string {
    return `...${this.#runtime('path-keys', `pathKeys(s, ${first}, ${list(paths.map(text))})`)}`;
  }

  name(value: Value, code: string): void {
    this.#names.set(value, code);
  }

  use(value: Value): string {
    const code = this.#names.get(value);
    if (code === undefined) throw new RangeError(`host scalar reads a value that nothing defines`);
    return code;
  }

  node(node: Node): void {
    const [output] = node.outputs;
    if (!output) return;
    if (node.op === 'fold_in') return this.#pair(node, this.#runtime('threefry', `threefry(${this.#inputs(node)}, 0)`));
    if (node.op === 'fold_path')
      return this.#pair(node, this.#runtime('path-keys', `foldPath(${this.#inputs(node)}, ${text(pathOf(node))})`));
    const code = this.#expression(node, output.type.dtype);
    this.name(output, /^[\w.]+$/.test(code) ? code : this.#let(code));
  }

  #let(code: string): string {
    const known = this.#known.get(code);
    if (known !== undefined) return known;
    const name = `v${this.#known.size}`;
    this.#known.set(code, name);
    this.lines.push(`const ${name} = ${code};`);
    return name;
  }

  #inputs(node: Node): string {
    return node.inputs.map((input) => this.use(input)).join(', ');
  }

  #pair(node: Node, code: string): void {
    const pair = this.#let(code);
    node.outputs.forEach((output, at) => this.name(output, `${pair}[${at}]`));
  }

  #expression(node: Node, dtype: DType): string {
    const operands = node.inputs.map((input) => this.use(input));
    const [a = '0', b = '0', c = '0'] = operands;
    const from = node.inputs[0]?.type.dtype ?? dtype;
    switch (node.op) {
      case 'constant':
        return numberJs(Number(node.attrs['value']));
      case 'dim':
        return dimOf(node, this.dims);
      case 'select':
        return `${a} ? ${b} : ${c}`;
      case 'cast':
        return this.#cast(from, dtype, a);
      case 'bitcast':
        return this.#runtime('scalars', `bitcast(${a}, '${letterOf(from)}', '${letterOf(dtype)}')`);
      case 'random_bits':
        return this.#runtime('threefry', `threefry(${a}, ${b}, 0, 0)[0]`);
      case 'copy':
      case 'stop_gradient':
      case 'reshape':
      case 'broadcast':
        return a;
      default:
        return operands.length === 1
          ? this.#unary(node.op as UnaryOp, from, a)
          : binaryJs(node.op as BinaryOp, from, a, b);
    }
  }

  #runtime(file: string, code: string): string {
    this.uses.add(file);
    return code;
  }

  #cast(from: DType, to: DType, x: string): string {
    if (to === 'bool') return `${x} != 0`;
    if (from === 'bool') return `Number(${x})`;
    if (to === 'f32' || to === 'f16') return x;
    if (from === 'i32' || from === 'u32') return wrap(to, x);
    const [low, high] = to === 'i32' ? [-2147483648, 2147483647] : [0, 4294967295];
    return this.#runtime('scalars', `toInteger(${x}, ${low}, ${high})`);
  }

  #unary(op: UnaryOp, dtype: DType, x: string): string {
    switch (op) {
      case 'neg':
        return wrap(dtype, `-${x}`);
      case 'recip':
        return `1 / ${x}`;
      case 'rsqrt':
        return `1 / Math.sqrt(${x})`;
      case 'sigmoid':
        return `1 / (1 + Math.exp(-${x}))`;
      case 'round':
        return this.#runtime('scalars', `roundEven(${x})`);
      case 'erf':
        return this.#runtime('scalars', `erf(${x})`);
      case 'not':
        return dtype === 'bool' ? `!${x}` : wrap(dtype, `~${x}`);
      case 'abs':
        return wrap(dtype, `Math.abs(${x})`);
      case 'sign':
      case 'sqrt':
      case 'exp':
      case 'log':
      case 'log1p':
      case 'expm1':
      case 'sin':
      case 'cos':
      case 'tanh':
      case 'floor':
      case 'ceil':
        return `Math.${op}(${x})`;
    }
  }
}

/** Keeps integers in 32 bits; floats stay float64. */
const wrap = (dtype: DType, code: string): string =>
  dtype === 'i32' ? `(${code}) | 0` : dtype === 'u32' ? `(${code}) >>> 0` : code;

const letterOf = (dtype: DType): string => (dtype === 'i32' ? 'i' : dtype === 'f32' ? 'f' : 'u');

const numberJs = (value: number): string =>
  value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? '-0' : value})` : String(value);

function dimOf(node: Node, names: Names): string {
  const dim = node.attrs['dim'];
  if (typeof dim !== 'object' || !('key' in dim)) throw new RangeError('a dim node without its dim');
  const constant = asConstant(dim);
  return constant === undefined ? dimJs(dim, names) : numberJs(constant);
}

const symbols: Partial<Record<BinaryOp, string>> = {
  add: '+',
  sub: '-',
  lt: '<',
  le: '<=',
  eq: '===',
  ne: '!==',
  shl: '<<',
};
const bitSymbols: Partial<Record<BinaryOp, string>> = { and: '&', or: '|', xor: '^' };

function binaryJs(op: BinaryOp, dtype: DType, a: string, b: string): string {
  const integer = dtype === 'i32' || dtype === 'u32';
  switch (op) {
    case 'add':
    case 'sub':
    case 'shl':
      return wrap(dtype, `${a} ${symbols[op]} ${b}`);
    case 'lt':
    case 'le':
    case 'eq':
    case 'ne':
      return `${a} ${symbols[op]} ${b}`;
    case 'mul':
      return integer ? wrap(dtype, `Math.imul(${a}, ${b})`) : `${a} * ${b}`;
    case 'div':
      return integer ? `${b} === 0 ? 0 : ${wrap(dtype, `Math.trunc(${a} / ${b})`)}` : `${a} / ${b}`;
    case 'rem':
      return integer ? `${b} === 0 ? 0 : ${wrap(dtype, `${a} % ${b}`)}` : `${a} % ${b}`;
    case 'pow':
      return `Math.pow(${a}, ${b})`;
    case 'min':
    case 'max':
      return `Math.${op}(${a}, ${b})`;
    case 'and':
    case 'or':
    case 'xor':
      return dtype === 'bool' ? `Boolean(${a} ${bitSymbols[op]} ${b})` : wrap(dtype, `${a} ${bitSymbols[op]} ${b}`);
    case 'shr':
      return dtype === 'u32' ? `${a} >>> ${b}` : `${a} >> ${b}`;
  }
}
