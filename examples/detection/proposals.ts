// Regions that may show something, found without learning: connected spots that differ from the ground, each also moved
// and resized a little. It stands for selective search, as R-CNN and Fast R-CNN were made for.
import type { Random } from '../data/random.ts';

type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** `count` boxes of a square picture, one after the other; what is missing is zero. */
export function proposals(pixels: Float32Array, side: number, count: number, random: Random): Float32Array {
  const spots = spotsOf(smoothed(pixels, side), side);
  const boxes = [...spots];
  while (spots.length > 0 && boxes.length < count) boxes.push(moved(spots[boxes.length % spots.length], side, random));
  const all = new Float32Array(4 * count);
  boxes.slice(0, count).forEach((box, at) => all.set(box, 4 * at));
  return all;
}

/** The mean of each pixel and its neighbours. */
function smoothed(pixels: Float32Array, side: number): Float32Array {
  return pixels.map((_, at) => {
    let [sum, count] = [0, 0];
    for (const dy of [-1, 0, 1])
      for (const dx of [-1, 0, 1]) {
        const [x, y] = [(at % side) + dx, Math.floor(at / side) + dy];
        if (x < 0 || y < 0 || x >= side || y >= side) continue;
        sum += pixels[y * side + x] ?? 0;
        count++;
      }
    return sum / count;
  });
}

/** Boxes around connected pixels that are much brighter or darker than the ground. */
function spotsOf(pixels: Float32Array, side: number): Box[] {
  const seen = new Set<number>();
  const stands = (at: number): boolean => Math.abs(pixels[at] ?? 0) > 0.38;
  const boxes: Box[] = [];
  pixels.forEach((_, start) => {
    if (!stands(start) || seen.has(start)) return;
    seen.add(start);
    const open = [start];
    const spot: number[] = [];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      spot.push(at);
      const column = at % side;
      const beside = [at - side, at + side, ...(column > 0 ? [at - 1] : []), ...(column < side - 1 ? [at + 1] : [])];
      for (const next of beside)
        if (next >= 0 && next < pixels.length && stands(next) && !seen.has(next)) {
          seen.add(next);
          open.push(next);
        }
    }
    const [xs, ys] = [spot.map((at) => at % side), spot.map((at) => Math.floor(at / side))];
    if (spot.length >= 12) boxes.push([Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1]);
  });
  return boxes;
}

function moved(box: Box | undefined, side: number, random: Random): Box {
  const [x1, y1, x2, y2] = box ?? [0, 0, side, side];
  const around = (width: number): number => random.uniform(-0.4, 0.4) * width;
  const inside = (value: number): number => Math.min(side, Math.max(0, value));
  const [left, top] = [inside(x1 + around(x2 - x1)), inside(y1 + around(y2 - y1))];
  return [left, top, Math.max(left + 4, inside(x2 + around(x2 - x1))), Math.max(top + 4, inside(y2 + around(y2 - y1)))];
}
