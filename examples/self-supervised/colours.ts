// A picture of pictures: grey ones, the colours that a network gives them, and the true ones.
import { fruitColours, type Fruit } from '../data/fruit.ts';
import { label, svg } from '../pictures/chart.ts';
import { photo } from '../pictures/photo.ts';

const [edge, room, left, top] = [48, 8, 92, 36];

/** Each pixel in the colour of its class, as bright as it is. */
function tinted(grey: ArrayLike<number>, classes: ArrayLike<number>): Float32Array {
  const area = classes.length;
  return Float32Array.from({ length: 3 * area }, (_, at) => {
    const tone = fruitColours[classes[at % area] ?? 0]?.[Math.floor(at / area)] ?? 0;
    return (grey[at % area] ?? 0) * (classes[at % area] === 0 ? 1 : tone * 1.1);
  });
}

/** Three rows of pictures. */
export function colours(fruit: readonly Fruit[], painted: readonly ArrayLike<number>[]): string {
  const rows: [string, Float32Array[]][] = [
    ['seen', fruit.map(({ grey }) => tinted(grey, grey.map(() => 0)))],
    ['painted', fruit.map(({ grey }, at) => tinted(grey, painted[at] ?? []))],
    ['true', fruit.map(({ grey, colour }) => tinted(grey, colour))],
  ];
  const parts = rows.flatMap(([name, images], row) => [
    label(room, top + row * (edge + room) + edge / 2 + 4, name),
    ...images.map((pixels, at) => photo(pixels, left + at * (edge + room), top + row * (edge + room), edge)),
  ]);
  const width = left + fruit.length * (edge + room);
  return svg(width, top + 3 * (edge + room), [label(room, 22, 'Colours of grey pictures', 'font-weight="bold"'), ...parts]);
}
