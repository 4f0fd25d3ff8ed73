// Expressions of kernels as text: `madd.f32x4(splat.f32x4(name.f32(a)), …)`; `x4` marks four lanes.
import type { KernelExpr, ScalarType, Width } from '../kernel.ts';
import { binaryOps, unaryOps } from './nest-expr.ts';
import type { Reader } from './reader.ts';
import { numberText } from './writer.ts';

/** A local name: a word, a `%`-prefixed built-in, or any text in quotes. */
export const localText = (name: string): string => (/^%?[A-Za-z_][\w.]*$/.test(name) ? name : JSON.stringify(name));

/** Reads {@link localText}. */
export function readLocal(reader: Reader): string {
  const ahead = reader.peek();
  if (ahead.startsWith('"')) return reader.string();
  return ahead.startsWith('%') ? `%${reader.symbol('%')}` : reader.word();
}

/** The text of an expression. */
export function kernelExprText(e: KernelExpr): string {
  const call = (name: string, ...args: readonly string[]): string =>
    `${name}.${e.type}${e.width === 4 ? 'x4' : ''}(${args.join(', ')})`;
  const of = kernelExprText;
  switch (e.kind) {
    case 'const':
      return call('const', numberText(e.value));
    case 'name':
    case 'param':
    case 'scalar':
      return call(e.kind, localText(e.name));
    case 'load':
      return call('load', localText(e.buffer), of(e.index));
    case 'load-array':
      return call('array', localText(e.array), of(e.index));
    case 'unary':
      return call(e.op, of(e.x));
    case 'binary':
      return call(e.op, of(e.a), of(e.b));
    case 'madd':
      return call('madd', of(e.a), of(e.b), of(e.c));
    case 'select':
      return call('select', of(e.cond), of(e.then), of(e.otherwise));
    case 'cast':
    case 'bitcast':
    case 'splat':
      return call(e.kind, of(e.x));
    case 'lane':
      return call('lane', of(e.x), String(e.lane));
    case 'shuffle':
      return call('shuffle', of(e.a), of(e.b), ...e.lanes.map(String));
    case 'vector':
      return call('vector', ...e.lanes.map(of));
  }
}

const typeForms: Readonly<Record<string, { readonly type: ScalarType; readonly width: Width }>> = Object.fromEntries(
  (['f32', 'i32', 'u32', 'bool'] as const).flatMap((type) => [
    [type, { type, width: 1 as const }],
    [`${type}x4`, { type, width: 4 as const }],
  ]),
);

/** Reads {@link kernelExprText}. */
export function readKernelExpr(reader: Reader): KernelExpr {
  const [head = '', suffix = ''] = reader.word().split('.');
  const form = typeForms[suffix] ?? reader.fail(`expected op.type, found ${head}.${suffix}`);
  reader.expect('(');
  const expr = readBody(reader, head, form.type, form.width);
  reader.expect(')');
  return expr;
}

function readBody(reader: Reader, head: string, type: ScalarType, width: Width): KernelExpr {
  const expr = (): KernelExpr => readKernelExpr(reader);
  const next = (): KernelExpr => {
    reader.expect(',');
    return expr();
  };
  const unary = unaryOps.find((op) => op === head);
  if (unary) return { kind: 'unary', type, width, op: unary, x: expr() };
  const binary = binaryOps.find((op) => op === head);
  if (binary) return { kind: 'binary', type, width, op: binary, a: expr(), b: next() };
  switch (head) {
    case 'const':
      return { kind: 'const', type, width, value: reader.number() };
    case 'name':
      return { kind: 'name', type, width, name: readLocal(reader) };
    case 'param':
      return { kind: 'param', type: 'i32', width: 1, name: readLocal(reader) };
    case 'scalar':
      return {
        kind: 'scalar',
        type: type === 'bool' ? reader.fail('a scalar is no bool') : type,
        width: 1,
        name: readLocal(reader),
      };
    case 'load':
      return { kind: 'load', type, width, buffer: readLocal(reader), index: next() };
    case 'array':
      return { kind: 'load-array', type, width, array: readLocal(reader), index: next() };
    case 'madd':
      return { kind: 'madd', type: 'f32', width, a: expr(), b: next(), c: next() };
    case 'select':
      return { kind: 'select', type, width, cond: expr(), then: next(), otherwise: next() };
    case 'cast':
    case 'bitcast':
      return { kind: head, type, width, x: expr() };
    case 'splat':
      return { kind: 'splat', type, width: 4, x: expr() };
    case 'lane':
      return { kind: 'lane', type, width: 1, x: expr(), lane: readLane(reader) };
    case 'shuffle':
      return { kind: 'shuffle', type, width: 4, a: expr(), b: next(), lanes: readLanes(reader) };
    case 'vector':
      return { kind: 'vector', type, width: 4, lanes: [expr(), next(), next(), next()] };
    default:
      return reader.fail(`there is no kernel expression ${head}`);
  }
}

function readLanes(reader: Reader): [number, number, number, number] {
  const lane = (): number => {
    reader.expect(',');
    const at = reader.number();
    return Number.isInteger(at) && at >= 0 && at < 8 ? at : reader.fail(`there is no lane ${at} of two vectors`);
  };
  return [lane(), lane(), lane(), lane()];
}

function readLane(reader: Reader): 0 | 1 | 2 | 3 {
  reader.expect(',');
  const lane = reader.number();
  return lane === 0 || lane === 1 || lane === 2 || lane === 3 ? lane : reader.fail(`there is no lane ${lane}`);
}
