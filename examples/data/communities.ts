// A graph of people in four groups: friends are mostly of one's own group, and everybody has a few measurements that
// tell the group, but badly. A graph and what its nodes are, of which only a few are known.
import type { Random } from './random.ts';

/** A graph with features [n, 8] and labels. */
export interface Community {
  readonly n: number;
  readonly features: Float32Array<ArrayBuffer>;
  /** 1 where two nodes know each other: [n, n]. */
  readonly edges: Float32Array<ArrayBuffer>;
  readonly labels: readonly number[];
}

/** How many groups and how many measurements there are. */
export const [groups, measurements] = [4, 8];

/** `n` people. */
export function community(n: number, random: Random): Community {
  const labels = Array.from({ length: n }, () => random.below(groups));
  const centres = Array.from({ length: groups * measurements }, () => 0.6 * random.normal());
  const features = new Float32Array(n * measurements);
  const edges = new Float32Array(n * n);
  labels.forEach((own, i) => {
    for (let k = 0; k < measurements; k++)
      features[i * measurements + k] = (centres[own * measurements + k] ?? 0) + random.normal();
    for (let j = 0; j < i; j++)
      if (random.uniform() < (own === labels[j] ? 0.1 : 0.012)) edges[i * n + j] = edges[j * n + i] = 1;
  });
  return { n, features, edges, labels };
}
