// For a `for` whose calls update a state: the one call that does the same, with the axis of the loop in the batch.
import type { Dim } from '../../ir/dim.ts';
import type { Bind, Expr } from '../../parser/ast.ts';
import { spanText } from '../../support/source.ts';
import type { Frame } from '../frame.ts';
import { evaluate } from './evaluate.ts';

interface Loop {
  readonly bind: Bind | undefined;
  readonly body: Expr;
}

/** `: \`f(rearrange[k b c -> (k b) c](x))\`` for `for v in x => f(v)` and `for i < k => f(x[i])`, '' for other loops. */
export function inOneCall(frame: Frame, { bind, body }: Loop): string {
  const over = bind && stackOf(bind, argumentOf(body));
  if (!over || body.kind !== 'call') return '';
  const stack = evaluate(frame, over);
  if (stack.kind !== 'tensor' || stack.value.type.shape.length < 2) return '';
  const [first = '', second = '', ...rest] = axisNames(stack.value.type.shape);
  const pattern = `${[first, second, ...rest].join(' ')} -> ${[`(${first} ${second})`, ...rest].join(' ')}`;
  return `: \`${spanText(body.callee.span)}(rearrange[${pattern}](${spanText(over.span)}))\``;
}

function argumentOf(body: Expr): Expr | undefined {
  const [argument, ...others] = body.kind === 'call' ? body.args : [];
  return others.length === 0 && argument && argument.value.kind !== 'hole' ? argument.value : undefined;
}

// The tensor whose slices along its first axis the loop passes on.
function stackOf(bind: Bind, argument: Expr | undefined): Expr | undefined {
  if (bind.kind === 'in-bind') {
    const { pattern } = bind;
    const isSlice = pattern.kind === 'name-pattern' && argument?.kind === 'name' && argument.name === pattern.name;
    return isSlice && (bind.along?.value ?? 0) === 0 ? bind.over : undefined;
  }
  if (argument?.kind !== 'index' || argument.object.kind !== 'name' || argument.indices.length !== 1) return undefined;
  const [index] = argument.indices;
  const isIndex = index?.kind === 'at-index' && index.value.kind === 'name' && index.value.name === bind.name.name;
  return isIndex ? argument.object : undefined;
}

// Dims that have names keep them; numbers and expressions get letters.
function axisNames(shape: readonly Dim[]): readonly string[] {
  const names: string[] = [];
  const letters = 'c d e f g h j l m n o p q r s t u v w x y z'.split(' ');
  const own = new Set(shape.map(({ key }) => key));
  for (const { key } of shape) {
    const isName = /^[A-Za-z]\w*$/.test(key) && !names.includes(key);
    names.push(isName ? key : (letters.find((letter) => !names.includes(letter) && !own.has(letter)) ?? key));
  }
  return names;
}
