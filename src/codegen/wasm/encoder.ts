// Encodes a WASM binary module: LEB128 numbers, sections, function types, imports, exports and
// function bodies. https://webassembly.github.io/spec/core/binary/

/** Value types as they are encoded. */
export const valueType = { i32: 0x7f, f32: 0x7d, v128: 0x7b } as const;

/** Name of a value type. */
export type ValueType = keyof typeof valueType;

/** A function: parameters, further locals, and code (without the closing `end`). Results: none. */
export interface FunctionBody {
  readonly params: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly code: readonly number[];
}

/** A module that imports one memory as `env.memory` and exports some of its functions. */
export interface ModuleSource {
  readonly functions: readonly FunctionBody[];
  readonly exports: readonly { readonly name: string; readonly index: number }[];
}

/** Unsigned LEB128 of a number below 2^53. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit integer. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/** The four bytes of an f32, little-endian. */
export const f32Bytes = (value: number): number[] => [...new Uint8Array(new Float32Array([value]).buffer)];

const text = (value: string): number[] => {
  const bytes = [...new TextEncoder().encode(value)];
  return [...unsigned(bytes.length), ...bytes];
};

const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

// Runs of equal types are encoded once.
function encodeLocals(locals: readonly ValueType[]): number[] {
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  return vector(runs.map(({ type, count }) => [...unsigned(count), valueType[type]]));
}

/** The encoded module, and for each function where the first byte of its code lies. */
export interface EncodedModule {
  readonly bytes: Uint8Array;
  readonly codeOffsets: readonly number[];
  /**
   * Where the limits of the memory lie. Writing `03 00 80 80 04` there (shared, at most 4 GiB) over `00 80 80 80 00`
   * (a zero in four bytes) declares it shared.
   */
  readonly memoryAt: number;
}

// \0asm, version 1.
const preamble = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** Encodes a module. */
export function encodeModule(source: ModuleSource): EncodedModule {
  const types = [...new Set(source.functions.map((f) => f.params.join()))];
  const typeSection = types.map((key) => {
    const params = key.split(',').filter((name): name is ValueType => name in valueType);
    return [0x60, ...vector(params.map((name) => [valueType[name]])), 0];
  });
  const limits = [0, 0x80, 0x80, 0x80, 0];
  const imports = [
    ...preamble,
    ...section(1, vector(typeSection)),
    ...section(2, vector([[...text('env'), ...text('memory'), 2, ...limits]])),
  ];
  const head = [
    ...imports,
    ...section(3, vector(source.functions.map((f) => unsigned(types.indexOf(f.params.join()))))),
    ...section(7, vector(source.exports.map(({ name, index }) => [...text(name), 0, ...unsigned(index)]))),
  ];
  return { ...appendCode(head, source.functions), memoryAt: imports.length - limits.length };
}

function appendCode(head: readonly number[], functions: readonly FunctionBody[]): Omit<EncodedModule, 'memoryAt'> {
  const bodies = functions.map((f) => {
    const locals = encodeLocals(f.locals);
    const size = unsigned(locals.length + f.code.length + 1);
    return { prefix: [...size, ...locals], code: f.code };
  });
  const count = unsigned(functions.length);
  const length = bodies.reduce((sum, { prefix, code }) => sum + prefix.length + code.length + 1, count.length);
  const start = [...head, 10, ...unsigned(length), ...count];
  const bytes = new Uint8Array(start.length - count.length + length);
  bytes.set(start);
  let at = start.length;
  const codeOffsets = bodies.map(({ prefix, code }) => {
    bytes.set(prefix, at);
    const offset = at + prefix.length;
    bytes.set(code, offset);
    at = offset + code.length;
    bytes[at++] = 0x0b;
    return offset;
  });
  return { bytes, codeOffsets };
}
