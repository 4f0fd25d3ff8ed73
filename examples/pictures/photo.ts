// Colour images inside of SVG: pixels as a PNG file in a data URL, and a veil that is thin where attention lies.
import { deflateSync } from 'node:zlib';

/** The bytes of a PNG file of an image [3, height, width] with values from 0 to 1. */
export function png(pixels: ArrayLike<number>, width: number): Buffer {
  const area = pixels.length / 3;
  const height = area / width;
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let at = 0; at < area; at++)
    for (let channel = 0; channel < 3; channel++) {
      const value = Math.round(255 * Math.min(1, Math.max(0, pixels[channel * area + at] ?? 0)));
      rows[Math.floor(at / width) * (1 + 3 * width) + 1 + 3 * (at % width) + channel] = value;
    }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [size, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(data.length);
  check.writeUInt32BE(checksum(body));
  return Buffer.concat([size, body, check]);
}

function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** An image [3, size, size] in a square of an SVG picture. */
export const photo = (pixels: ArrayLike<number>, left: number, top: number, edge: number): string => {
  const width = Math.sqrt(pixels.length / 3);
  const data = png(pixels, width).toString('base64');
  return `<image x="${left}" y="${top}" width="${edge}" height="${edge}" style="image-rendering:pixelated" href="data:image/png;base64,${data}"/>`;
};

/** Darkness over a square: the smaller a value beside the largest one, the darker its cell. */
export function veil(values: ArrayLike<number>, left: number, top: number, edge: number): string {
  const list = Array.from(values);
  const [count, most] = [Math.sqrt(list.length), Math.max(...list)];
  const dark = list.map((value) => Math.round(8 * (1 - value / most)));
  const paths = Array.from({ length: 8 }, (_, at) => {
    const cells = dark.map((depth, cell) => (depth === at + 1 ? `M${cell % count} ${Math.floor(cell / count)}h1v1h-1z` : ''));
    return `<path fill-opacity="${(at + 1) / 10}" d="${cells.join('')}"/>`;
  });
  return `<g transform="translate(${left} ${top}) scale(${edge / count})">${paths.join('')}</g>`;
}
