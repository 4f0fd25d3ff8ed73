// Grey images in rows, as SVG: each with a caption, runs of equal pixels as one stroke.
import { label, svg } from './chart.ts';

/** An image of values from 0 (white) to 1 (black), and what is written below it. */
export interface Tile {
  readonly pixels: ArrayLike<number>;
  readonly width: number;
  readonly caption?: string;
  /** Colour of the caption. */
  readonly colour?: string;
}

const room = 10;

function image({ pixels, width }: Tile, left: number, top: number, zoom: number): string {
  const shade = (at: number): number => 15 - Math.round(15 * Math.min(1, Math.max(0, pixels[at] ?? 0)));
  // Sixteen greys, each one path of horizontal strokes.
  const strokes = new Map<number, string>();
  for (let from = 0; from < pixels.length;) {
    let to = from + 1;
    while (to % width !== 0 && shade(to) === shade(from)) to++;
    const stroke = `M${from % width} ${Math.floor(from / width)}h${to - from}`;
    strokes.set(shade(from), (strokes.get(shade(from)) ?? '') + stroke);
    from = to;
  }
  strokes.delete(15);
  const paths = [...strokes].map(([grey, d]) => `<path stroke="#${grey.toString(16).repeat(3)}" d="${d}"/>`);
  const height = Math.ceil(pixels.length / width);
  return (
    `<g transform="translate(${left} ${top}) scale(${zoom})">` +
    `<rect width="${width}" height="${height}" fill="#fff" stroke="#bbb" stroke-width="0.3"/>` +
    `<g transform="translate(0 0.5)">${paths.join('')}</g></g>`
  );
}

/** Draws rows of images of one size below a title. */
export function grid(title: string, rows: readonly (readonly Tile[])[], zoom = 5): string {
  const sample = rows[0]?.[0];
  if (!sample) throw new Error('a grid needs an image');
  const [w, h] = [sample.width * zoom, Math.ceil(sample.pixels.length / sample.width) * zoom];
  const captioned = rows.flat().some(({ caption }) => caption !== undefined);
  const line = h + room + (captioned ? 14 : 0);
  const columns = Math.max(...rows.map((row) => row.length));
  const tiles = rows.flatMap((row, y) =>
    row.map((tile, x) => {
      const [left, top] = [room + x * (w + room), 36 + y * line];
      const caption =
        tile.caption === undefined
          ? ''
          : label(
              left + w / 2,
              top + h + 13,
              tile.caption,
              `text-anchor="middle" style="fill:${tile.colour ?? '#333'}"`,
            );
      return image(tile, left, top, zoom) + caption;
    }),
  );
  const width = Math.max(room + columns * (w + room), 9 * title.length);
  return svg(width, 36 + rows.length * line, [label(room, 22, title, 'font-weight="bold"'), ...tiles]);
}
