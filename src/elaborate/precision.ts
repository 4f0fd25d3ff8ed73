// `@precision(params=f32, compute=f32, accum=f32)` before a layer or model: the dtypes of its parameters, its
// computations and its sums.
import type { Attribute } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { unknownArgument } from './arguments.ts';
import { evaluate } from './expressions/evaluate.ts';
import { report, type Frame } from './frame.ts';
import { describe } from './values.ts';

const parts = ['params', 'compute', 'accum'];

/** Checks the attribute. All three parts are f32, which is how everything is computed. */
export function checkPrecision(frame: Frame, attribute: Attribute): void {
  const callee = { name: '@precision', what: 'attribute', span: attribute.span, text: '@precision' };
  const notes = [`@precision(${parts.map((part) => `${part}=f32`).join(', ')})`];
  (attribute.args ?? []).forEach((arg, i) => {
    const name = arg.name?.name ?? parts[i] ?? '';
    if (!parts.includes(name))
      return report(frame, unknownArgument(name, arg.name?.span ?? arg.span, parts, callee, notes));
    const value = arg.value.kind === 'hole' ? undefined : evaluate(frame, arg.value);
    if (value?.kind === 'unknown') return;
    if (value?.kind !== 'dtype') {
      const got = value ? describe(value) : '_';
      return report(frame, messages.E0402(arg.span, { what: `\`${name}\``, expected: 'a dtype', got }));
    }
    if (value.dtype !== 'f32') report(frame, messages.E0413(arg.span, { part: name, dtype: value.dtype }));
  });
}
