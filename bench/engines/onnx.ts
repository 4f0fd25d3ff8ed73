// Writes ONNX models: nodes and initializers in, the bytes of a ModelProto out. Field numbers are those of onnx.proto.

/** The bytes of a protobuf message. */
class Message {
  readonly #bytes: (number | Uint8Array)[] = [];

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#bytes.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.#bytes.push(rest);
  }

  int(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#bytes.push(new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }

  bytes(field: number, value: Uint8Array | string | Message): this {
    const bytes =
      typeof value === 'string' ? new TextEncoder().encode(value) : value instanceof Message ? value.finish() : value;
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    this.#bytes.push(bytes);
    return this;
  }

  finish(): Uint8Array {
    const length = this.#bytes.reduce<number>((sum, part) => sum + (typeof part === 'number' ? 1 : part.length), 0);
    const result = new Uint8Array(length);
    let at = 0;
    for (const part of this.#bytes) {
      if (typeof part === 'number') result[at++] = part;
      else {
        result.set(part, at);
        at += part.length;
      }
    }
    return result;
  }
}

/** An attribute of a node: integers are ints, text a string, `{ float }` a float. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

function attributeMessage(name: string, value: Attribute): Message {
  const message = new Message().bytes(1, name);
  if (typeof value === 'number') return message.int(3, value).int(20, 2);
  if (typeof value === 'string') return message.bytes(4, value).int(20, 3);
  if ('float' in value) return message.float(2, value.float).int(20, 1);
  for (const item of value) message.int(8, item);
  return message.int(20, 7);
}

const float32 = 1;
const int32 = 6;
const int64 = 7;

function typedValue(name: string, shape: readonly number[], elements: number): Message {
  const dims = new Message();
  for (const extent of shape) dims.bytes(1, new Message().int(1, extent));
  const type = new Message().bytes(1, new Message().int(1, elements).bytes(2, dims));
  return new Message().bytes(1, name).bytes(2, type);
}

/** A graph under construction. Values are names. */
export class OnnxGraph {
  readonly #graph = new Message();
  #made = 0;

  #name(): string {
    return `v${this.#made++}`;
  }

  input(name: string, shape: readonly number[], type: 'float32' | 'int32'): string {
    this.#graph.bytes(11, typedValue(name, shape, type === 'int32' ? int32 : float32));
    return name;
  }

  #initializer(type: number, bytes: ArrayBufferLike, shape: readonly number[]): string {
    const name = this.#name();
    const tensor = new Message();
    for (const extent of shape) tensor.int(1, extent);
    this.#graph.bytes(5, tensor.int(2, type).bytes(8, name).bytes(9, new Uint8Array(bytes)));
    return name;
  }

  floats(data: Float32Array, shape: readonly number[]): string {
    return this.#initializer(float32, data.slice().buffer, shape);
  }

  ints(data: readonly number[]): string {
    return this.#initializer(int64, BigInt64Array.from(data, BigInt).buffer, [data.length]);
  }

  /** Adds a node; an empty name is an absent input. Gives its outputs. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs = 1,
  ): readonly [string, ...string[]] {
    const message = new Message();
    for (const name of inputs) message.bytes(1, name);
    const [first, ...rest] = Array.from({ length: outputs }, () => this.#name());
    if (first === undefined) throw new RangeError(`${op} has no output`);
    for (const name of [first, ...rest]) message.bytes(2, name);
    message.bytes(4, op);
    for (const [name, value] of Object.entries(attributes)) message.bytes(5, attributeMessage(name, value));
    this.#graph.bytes(1, message);
    return [first, ...rest];
  }

  /** The model, with `output` as its one result. */
  model(output: string): Uint8Array {
    const result = new Message().bytes(1, output).bytes(2, new Message().bytes(1, new Message().int(1, float32)));
    this.#graph.bytes(2, 'bench').bytes(12, result);
    const opset = new Message().bytes(1, '').int(2, 20);
    return new Message().int(1, 9).bytes(7, this.#graph).bytes(8, opset).finish();
  }
}
