// Nodes and regions of graph functions as text. Values are `%3`, or `%3$name` when they carry a
// source name; inputs of a function are `%` and the input's name.
import type { Attrs, HostScalar, Node, Region, Value } from '../graph.ts';
import type { Reader } from './reader.ts';
import { dataText, indent, originText, recordText, symbolText, typeText } from './writer.ts';

/** Names values while a function is printed. */
export class ValueNames {
  private readonly names = new Map<Value, string>();
  private readonly inputs = new Set<string>();
  private count = 0;

  /** Gives an input its own name. */
  define(value: Value, name: string): void {
    const text = symbolText('%', name);
    this.names.set(value, text);
    this.inputs.add(text);
  }

  /** The text of a value, numbered at its first use. */
  of(value: Value): string {
    const known = this.names.get(value);
    if (known !== undefined) return known;
    let text: string;
    do text = value.name === undefined ? `%${this.count}` : `${symbolText('%', value.name)}$${this.count}`;
    while (this.inputs.has(text) && this.count++ >= 0);
    this.count++;
    this.names.set(value, text);
    return text;
  }
}

/** The lines of nodes. */
export const nodesText = (nodes: readonly Node[], names: ValueNames): string[] =>
  nodes.flatMap((node) => nodeText(node, names));

function nodeText(node: Node, names: ValueNames): string[] {
  const inputs = node.inputs.map((value) => names.of(value)).join(', ');
  const outputs = node.outputs.map((value) => names.of(value)).join(', ');
  const attrs = Object.keys(node.attrs).length === 0 ? '' : ` ${recordText(node.attrs)}`;
  const types = node.outputs.map((value) => typeText(value.type)).join(', ');
  const head = `${outputs === '' ? '' : `${outputs} = `}${node.op}(${inputs})${attrs}${types === '' ? '' : ` : ${types}`}`;
  return [head + originText(node.origin), ...node.regions.flatMap((region) => indent(regionText(region, names)))];
}

/** `region (%p: f32[]) { … yield %3 }`. */
export function regionText(region: Region, names: ValueNames): string[] {
  const params = region.params.map((value) => `${names.of(value)}: ${typeText(value.type)}`).join(', ');
  const body = nodesText(region.nodes, names);
  const last = `yield ${region.results.map((value) => names.of(value)).join(', ')};`;
  return [`region (${params}) {`, ...indent([...body, last]), '}'];
}

/** The lines of host scalars. */
export const hostText = (host: readonly HostScalar[], names: ValueNames): string[] =>
  host.flatMap(({ name, dtype, region }) => {
    const [first, ...rest] = regionText(region, names);
    return [`host ${dataText(name)} ${dtype} ${first ?? ''}`, ...rest];
  });

/** Reads nodes; knows the values defined so far. */
export class BodyReader {
  private readonly values = new Map<string, Value>();

  constructor(readonly reader: Reader) {}

  /** Reads a new value's name and makes it with `type`, known from elsewhere. */
  define(text: string, value: Value): Value {
    if (this.values.has(text)) this.reader.fail(`${text} is defined twice`);
    this.values.set(text, value);
    return value;
  }

  /** A value defined before. */
  use(): Value {
    const text = this.reader.next();
    return this.values.get(text) ?? this.reader.fail(`${text} is not defined`);
  }

  /** Values up to `close`. */
  uses(close: string): Value[] {
    return this.reader.list(close, () => this.use());
  }

  /** Nodes up to a line that starts with one of `ends`. */
  nodes(ends: readonly string[]): Node[] {
    const nodes: Node[] = [];
    while (!ends.includes(this.reader.peek())) nodes.push(this.node());
    return nodes;
  }

  private node(): Node {
    const { reader } = this;
    const names: string[] = [];
    if (reader.peek().startsWith('%')) {
      do names.push(reader.next());
      while (reader.accept(','));
      reader.expect('=');
    }
    const op = reader.word();
    reader.expect('(');
    const inputs = this.uses(')');
    const attrs = reader.peek() === '{' ? (reader.record() as Attrs) : {};
    const outputs = this.outputs(names);
    const origin = reader.origin();
    const regions: Region[] = [];
    while (reader.peek() === 'region') regions.push(this.region());
    return { op, inputs, attrs, outputs, regions, origin };
  }

  private outputs(names: readonly string[]): Value[] {
    if (names.length > 0) this.reader.expect(':');
    return names.map((name, at) => {
      if (at > 0) this.reader.expect(',');
      return this.define(name, named(name, this.reader));
    });
  }

  region(): Region {
    const { reader } = this;
    reader.expect('region');
    reader.expect('(');
    const params = reader.list(')', () => {
      const name = reader.next();
      reader.expect(':');
      return this.define(name, named(name, reader));
    });
    reader.expect('{');
    const nodes = this.nodes(['yield']);
    reader.expect('yield');
    const results = this.uses(';');
    reader.expect('}');
    return { params, nodes, results };
  }

  host(): HostScalar[] {
    const host: HostScalar[] = [];
    while (this.reader.accept('host'))
      host.push({ name: this.reader.string(), dtype: this.reader.dtype(), region: this.region() });
    return host;
  }
}

// A value of the type that is ahead; `%h$3` carries the name h.
function named(text: string, reader: Reader): Value {
  const type = reader.type();
  const name = /^%(.*)\$\d+$/.exec(text)?.[1];
  if (name === undefined) return { type };
  return { type, name: name.startsWith('"') ? (JSON.parse(name) as string) : name };
}
