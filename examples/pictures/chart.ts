// Charts as SVG: points, lines and bands between axes with round numbers.

/** What a chart shows. */
export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** Fixed ends of the vertical axis. */
  readonly range?: readonly [low: number, high: number];
}
/** Points that belong together. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Dots instead of a line. */
  readonly dots?: boolean;
}

/** Colours that differ for most eyes. */
export const colours = ['#1f6fb4', '#e0712c', '#2d9a5f', '#b8433f', '#7d5ba6', '#8a6d3b', '#c2589a', '#6b6b6b'];
const [width, height, left, right, top, bottom] = [560, 340, 62, 150, 34, 46];

/** Losses as points of a line: step against loss. */
export const line = (name: string, values: readonly number[]): Series => ({
  name,
  points: values.map((value, at) => [at + 1, value] as const),
});

/** Round numbers that cover a range. */
function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, at) => Number(((first + at) * step).toPrecision(8)));
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Text at a place, in the colour and size of axes. */
export const label = (x: number, y: number, text: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-family="sans-serif" font-size="12" fill="#333" ${more}>${escaped(text)}</text>`;

/** An SVG file of this size with a white ground. */
export const svg = (w: number, h: number, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">\n` +
  `<rect width="${w}" height="${h}" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;

/** Draws a chart. */
export function chart({ title, x, y, series, range }: Chart): string {
  const xs = series.flatMap(({ points }) => points.map(([value]) => value));
  const ys = series.flatMap(({ points }) => points.map(([, value]) => value));
  const least = (values: number[]): number => values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (values: number[]): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
  const [x0, x1] = [least(xs), most(xs)];
  const [y0, y1] = range ?? [least(ys), most(ys)];
  const px = (value: number): number => left + ((value - x0) / (x1 - x0 || 1)) * (width - left - right);
  const py = (value: number): number => height - bottom - ((value - y0) / (y1 - y0 || 1)) * (height - top - bottom);
  const grid = [
    ...ticks(x0, x1).map(
      (value) =>
        `<line x1="${px(value).toFixed(1)}" x2="${px(value).toFixed(1)}" y1="${top}" y2="${height - bottom}" stroke="#e6e6e6"/>` +
        label(px(value), height - bottom + 16, String(value), 'text-anchor="middle"'),
    ),
    ...ticks(y0, y1).map(
      (value) =>
        `<line x1="${left}" x2="${width - right}" y1="${py(value).toFixed(1)}" y2="${py(value).toFixed(1)}" stroke="#e6e6e6"/>` +
        label(left - 6, py(value) + 4, String(value), 'text-anchor="end"'),
    ),
  ];
  const drawn = series.map(({ points, dots }, at) => {
    const colour = colours[at % colours.length];
    const places = points.map(([a, b]) => [px(a).toFixed(1), py(b).toFixed(1)] as const);
    return dots
      ? places.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="2.4" fill="${colour}" fill-opacity="0.55"/>`).join('')
      : `<polyline fill="none" stroke="${colour}" stroke-width="1.8" points="${places.map((place) => place.join(',')).join(' ')}"/>`;
  });
  const names = series.map(
    ({ name }, at) =>
      `<rect x="${width - right + 12}" y="${top + 4 + 20 * at}" width="10" height="10" fill="${colours[at % colours.length]}"/>` +
      label(width - right + 27, top + 13 + 20 * at, name),
  );
  return svg(width, height, [
    ...grid,
    ...drawn,
    ...names,
    label(left, 20, title, 'font-weight="bold"'),
    label((left + width - right) / 2, height - 8, x, 'text-anchor="middle"'),
    label(
      14,
      (top + height - bottom) / 2,
      y,
      `text-anchor="middle" transform="rotate(-90 14 ${(top + height - bottom) / 2})"`,
    ),
  ]);
}
