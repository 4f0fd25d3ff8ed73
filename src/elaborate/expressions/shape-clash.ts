// Two shapes that do not broadcast: E0303 where it is not decided, E0302 where it is, with both operands, how they came
// about, how they line up, and the axis to add.
import type { Dim } from '../../ir/dim.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { BinaryExpr, Expr } from '../../parser/ast.ts';
import type { Help, SecondaryLabel } from '../../support/diagnostic.ts';
import { messages } from '../../support/messages.gen.ts';
import { spanText } from '../../support/source.ts';
import { derivationRows, type Derivation } from '../derivation.ts';
import { independentDims } from '../dim-places.ts';
import { reject, type Frame } from '../frame.ts';
import { typeText, type Value } from '../values.ts';

interface Clash {
  readonly clash: readonly [Dim, Dim];
  readonly answer: 'refuted' | 'unknown';
}

/** How a tensor came about, where that is known. */
export const derivationOf = (value: Value): Derivation | undefined =>
  value.kind === 'tensor' ? value.derivation : undefined;

/** Reports operands of an elementwise operation that do not fit each other. */
export function rejectShapes(
  frame: Frame,
  a: GraphValue,
  b: GraphValue,
  [left, right]: readonly [Value, Value],
  verb: string,
  place: Expr,
  { clash: [p, q], answer }: Clash,
): never {
  const [ta, tb] = [typeText(a.type), typeText(b.type)];
  const rows = [...derivationRows(derivationOf(left)), ...derivationRows(derivationOf(right))];
  const derivation = rows.length > 0 ? { derivation: rows } : {};
  if (answer === 'unknown' && a.type.shape.length === b.type.shape.length)
    return reject(
      frame,
      messages.E0303(
        place.span,
        { left: p.key, right: q.key },
        {
          label: `needs ${p.key} = ${q.key}`,
          secondary: independentDims(frame, p.key, q.key),
          ...derivation,
          helps: [
            { text: `use one name for both axes, or require it: \`requires ${p.key} == ${q.key}\`` },
            { text: `for a run-time check at the entry point: \`${guarded(place, tb)}\`` },
          ],
        },
      ),
    );
  const note = `aligned from the right, \`${p.key}\` meets \`${q.key}\`; symbolic dims never broadcast`;
  return reject(
    frame,
    messages.E0302(
      place.kind === 'binary' ? place.operatorSpan : place.span,
      { operation: verb, left: ta, right: tb },
      {
        secondary: place.kind === 'binary' ? sides(place, [left, ta], [right, tb]) : [],
        ...derivation,
        notes: [[note, ...aligned(a.type.shape, b.type.shape, [p, q])].join('\n')],
        helps: [axisHelp(place, a, b)],
      },
    ),
  );
}

function guarded(place: Expr, type: string): string {
  if (place.kind !== 'binary') return `(x as ${type})`;
  return `(${spanText(place.left.span)} as ${type}) ${place.operator} ${spanText(place.right.span)}`;
}

type Side = readonly [value: Value, type: string];

// Both operands, and where a `let` on another line gave one its shape.
function sides({ left, right }: BinaryExpr, a: Side, b: Side): readonly SecondaryLabel[] {
  const introduced = ([value, type]: Side, expr: Expr): readonly SecondaryLabel[] => {
    const place = expr.kind === 'name' ? derivationOf(value)?.place : undefined;
    return place ? [{ span: place, label: type }] : [];
  };
  return [
    { span: left.span, label: a[1] },
    { span: right.span, label: b[1] },
    ...introduced(a, left),
    ...introduced(b, right),
  ];
}

// Both shapes with their axes below each other, and a mark below the two that do not fit.
function aligned(a: readonly Dim[], b: readonly Dim[], [p, q]: readonly [Dim, Dim]): readonly string[] {
  const rank = Math.max(a.length, b.length);
  const cell = (shape: readonly Dim[], axis: number): string => shape[shape.length - rank + axis]?.key ?? '';
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  const widths = axes.map((axis) => Math.max(cell(a, axis).length, cell(b, axis).length));
  const row = (shape: readonly Dim[]): string => {
    const first = rank - shape.length;
    const before = widths.slice(0, first).reduce((sum, width) => sum + width + 2, 0);
    const cells = axes.slice(first).map((axis) => cell(shape, axis).padStart(widths[axis] ?? 0));
    return `  ${' '.repeat(before)}[${cells.join(', ')}]`;
  };
  const at =
    axes.findLast((axis) => [cell(a, axis), cell(b, axis)].sort().join() === [p.key, q.key].sort().join()) ?? 0;
  const column = widths.slice(0, at).reduce((sum, width) => sum + width + 2, 3) + (widths[at] ?? 1) - 1;
  return [row(a), row(b), `${' '.repeat(column)}^ ${p.key} ≠ ${q.key}`];
}

// Suggests the rearrange that gives the shorter operand its missing axes.
function axisHelp(place: Expr, a: GraphValue, b: GraphValue): Help {
  const [short, long] = a.type.shape.length <= b.type.shape.length ? [a, b] : [b, a];
  const names = short.type.shape.map((d) => d.key);
  const wanted = long.type.shape.map((d) => (names.includes(d.key) ? d.key : '1'));
  const plain = names.every((n) => /^[A-Za-z_]\w*$/.test(n)) && names.every((n) => wanted.includes(n));
  if (!plain || place.kind !== 'binary' || names.length === long.type.shape.length)
    return { text: 'give both sides the same axes, with a literal 1 where one should repeat' };
  const side = (short === a ? place.left : place.right).span;
  const text = `rearrange[${names.join(' ')} -> ${wanted.join(' ')}](${spanText(side)})`;
  const [left, right] = [place.left.span, place.right.span].map((span) => (span === side ? text : spanText(span)));
  const whole = `${left ?? ''} ${place.operator} ${right ?? ''}`;
  return {
    text: `add an axis where you mean it: \`${whole.length <= 60 ? whole : text}\``,
    fix: { edits: [{ span: side, text }] },
  };
}
