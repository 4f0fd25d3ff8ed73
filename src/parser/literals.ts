/** Literals: strings with their escapes, numbers; malformed ones are reported and still give a value. */
import type { IToken } from 'chevrotain';
import { messages } from '../support/messages.gen.ts';
import { createSpan } from '../support/source.ts';
import type { NumberLiteral, StringLiteral } from './ast.ts';
import { emptySpan, spanOf, type Conversion } from './cst.ts';
import { OpenString, SingleQuoted, wellFormedNumber } from './tokens.ts';

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' };

/** A string token as a literal; a missing one is the empty string. */
export function stringLiteral(cx: Conversion, token: IToken | undefined, near: number): StringLiteral {
  if (token === undefined) return { kind: 'string', span: emptySpan(cx, near), value: '' };
  const span = spanOf(cx, token, near);
  const { image, tokenType } = token;
  if (tokenType === SingleQuoted) {
    const value = image.replace(/^'|'$/g, '');
    const text = quote(value);
    const helps = [{ text: `write ${text}`, fix: { edits: [{ span, text }] } }];
    cx.reporter.report(messages.E0104(span, { suggestion: text }, { helps }));
    return { kind: 'string', span, value };
  }
  if (tokenType === OpenString) {
    cx.reporter.report(messages.E0102(span, { label: 'it starts here and its line ends before a `"`' }));
    return { kind: 'string', span, value: image.slice(1) };
  }
  return { kind: 'string', span, value: unescape(cx, token) };
}

/** A string as it is written in source. */
export function quote(value: string): string {
  const escaped = value
    .replace(/["\\]/g, (c) => `\\${c}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `"${escaped.replaceAll('\t', '\\t')}"`;
}

function unescape(cx: Conversion, token: IToken): string {
  return token.image.slice(1, -1).replace(/\\(.)/gs, (escape, c: string, at: number) => {
    const value = escapes[c];
    if (value !== undefined) return value;
    const start = token.startOffset + 1 + at;
    cx.reporter.report(messages.E0111(createSpan(cx.source, start, start + escape.length), { escape }));
    return c;
  });
}

/** A number token as a literal; a missing or malformed one is 0. `sign` is a minus written before it. */
export function numberLiteral(cx: Conversion, token: IToken | undefined, near: number, sign?: IToken): NumberLiteral {
  if (token === undefined) return { kind: 'number', span: emptySpan(cx, near), value: 0, isInteger: true, text: '0' };
  const own = spanOf(cx, token, near);
  const span = sign === undefined ? own : createSpan(cx.source, sign.startOffset, own.end);
  const text = `${sign === undefined ? '' : '-'}${token.image}`;
  const value = Number(text.replaceAll('_', ''));
  if (!wellFormedNumber.test(token.image) || !Number.isFinite(value)) {
    cx.reporter.report(messages.E0103(own, { text: token.image }, badNumberHelp(token.image)));
    return { kind: 'number', span, value: Number.parseFloat(text.replaceAll('_', '')) || 0, isInteger: false, text };
  }
  return { kind: 'number', span, value, isInteger: /^-?[\d_]+$/.test(text), text };
}

function badNumberHelp(image: string): { readonly helps: readonly { readonly text: string }[] } {
  if (/^[\d_]+\.$/.test(image)) return { helps: [{ text: `write \`${image}0\`` }] };
  if (/^[\d_]+[A-Za-z_]\w*$/.test(image)) return { helps: [{ text: 'a name cannot start with a digit' }] };
  return { helps: [] };
}
