// Hours of a weather that does not exist: temperature and pressure.
import type { Random } from './random.ts';
import type { Series } from './windows.ts';

/** Days are warmer than nights, weeks differ, and pressure falls some hours before it gets colder. */
export function weather(hours: number, random: Random): Series {
  const values = new Float32Array(2 * hours);
  let front = 0;
  const fronts: number[] = [];
  for (let hour = 0; hour < hours; hour++) {
    front = 0.985 * front + 0.5 * random.normal();
    fronts.push(front);
    const day = -3 * Math.cos((2 * Math.PI * (hour - 3)) / 24);
    values[2 * hour] = 12 + day + (fronts[hour - 10] ?? 0) + 0.4 * random.normal();
    values[2 * hour + 1] = 1013 + 2.5 * front + 0.8 * random.normal();
  }
  return { features: 2, values };
}
