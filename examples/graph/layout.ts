// Places for the nodes of a graph: all push each other away, edges pull (Fruchterman & Reingold 1991).
import type { Community } from '../data/communities.ts';
import { random } from '../data/random.ts';

type Place = [x: number, y: number];

/** Places within a square of this size, below a title. */
export function layout({ n, edges }: Community, size: number, rounds: number): readonly Place[] {
  const source = random(1);
  const places = Array.from({ length: n }, (): Place => [source.uniform(), source.uniform()]);
  const ideal = Math.sqrt(1 / n);
  for (let round = 0; round < rounds; round++) {
    const moves = places.map((place, i) => force(place, i, places, edges, ideal));
    const most = 0.1 * (1 - round / rounds);
    places.forEach((place, i) => {
      const [dx, dy] = moves[i] ?? [0, 0];
      const part = Math.min(1, most / (Math.hypot(dx, dy) || 1));
      place[0] += part * dx;
      place[1] += part * dy;
    });
  }
  return fitted(places, size);
}

function force([x, y]: Place, i: number, places: readonly Place[], edges: Float32Array, ideal: number): Place {
  let [fx, fy] = [0, 0];
  places.forEach(([a, b], j) => {
    if (i === j) return;
    const [dx, dy] = [x - a, y - b];
    const distance = Math.hypot(dx, dy) || 1e-6;
    const pull = edges[i * places.length + j] === 1 ? distance / ideal : 0;
    const push = (ideal / distance) ** 2 - pull;
    fx += dx * push;
    fy += dy * push;
  });
  return [fx, fy];
}

function fitted(places: readonly Place[], size: number): readonly Place[] {
  const range = (axis: 0 | 1): [number, number] => {
    const values = places.map((place) => place[axis]);
    return [Math.min(...values), Math.max(...values)];
  };
  const [[x0, x1], [y0, y1]] = [range(0), range(1)];
  return places.map(([x, y]) => [
    20 + ((x - x0) / (x1 - x0)) * (size - 40),
    44 + ((y - y0) / (y1 - y0)) * (size - 64),
  ]);
}
