// Tables of numbers from 0 to 1 as SVG: the darker a cell, the larger its number. Attention looks like this.
import { label, svg } from './chart.ts';

/** A table: what its rows and columns are, and a number for each cell, row by row. */
export interface Heat {
  readonly title: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly values: ArrayLike<number>;
}

const [cell, margin, top] = [30, 16, 64];
const nameWidth = (rows: readonly string[]): number => 10 + 7.4 * Math.max(...rows.map((name) => name.length));
const widthOf = ({ rows, columns, title }: Heat): number =>
  Math.max(nameWidth(rows) + cell * columns.length, 7.6 * title.length) + 2 * margin;

function drawn({ title, rows, columns, values }: Heat, left: number): string[] {
  const from = left + margin + nameWidth(rows);
  return [
    label(left + margin, 22, title, 'font-weight="bold"'),
    ...columns.map((name, at) => label(from + cell * (at + 0.5), top - 8, name, 'text-anchor="middle"')),
    ...rows.flatMap((name, row) => [
      label(from - 8, top + cell * (row + 0.5) + 4, name, 'text-anchor="end"'),
      ...columns.map((_, column) => {
        const value = values[row * columns.length + column] ?? NaN;
        const place = `x="${(from + cell * column).toFixed(1)}" y="${top + cell * row}" width="${cell}" height="${cell}"`;
        return `<rect ${place} fill="#1f5f9e" fill-opacity="${value.toFixed(3)}" stroke="#ddd"/>`;
      }),
    ]),
  ];
}

/** Draws tables side by side. */
export function heat(tables: readonly Heat[]): string {
  let width = 0;
  const parts = tables.flatMap((table) => {
    const left = width;
    width += widthOf(table);
    return drawn(table, left);
  });
  const height = top + cell * Math.max(...tables.map(({ rows }) => rows.length)) + margin;
  return svg(Math.ceil(width), height, parts);
}
