// A graph convolution finds the groups of people from few known ones and who knows whom.
import { community, measurements, type Community } from '../data/communities.ts';
import { random } from '../data/random.ts';
import type { HostExample, Settings } from '../example.ts';
import { colours, label, svg } from '../pictures/chart.ts';
import { createFitAlone, createFitGcn, loadAlone, loadGcn } from './graph.dlm.js';
import { layout } from './layout.ts';

const people = 200;
const known = 24;

/** Row 26, with `../memory`. */
export const example: HostExample = {
  row: 26,
  title: 'Graph convolution',
  goals: { 'groups of unknown people': { least: 0.9 }, 'less what it is without the graph': { least: 0.1 } },
  programs: [{ file: 'graph.dlm', dims: { n: people } }],
  async run(settings) {
    const graph = community(people, random(settings.seed));
    const x = { data: graph.features, shape: [people, measurements] };
    const edges = { data: graph.edges, shape: [people, people] };
    // All nodes are one batch; labels that are not known do not count.
    const labels = Int32Array.from(graph.labels, (label, at) => (at < known ? label : -100));

    await using gcn = await loadGcn(settings);
    await using fitGcn = await createFitGcn(gcn);
    const together = await learn(() => fitGcn.step({ x, edges, labels }), settings);
    using found = await gcn.predict(x, edges);
    const groups = await found.data();

    await using alone = await loadAlone(settings);
    await using fitAlone = await createFitAlone(alone);
    const single = await learn(() => fitAlone.step({ x, labels }), settings);
    using guessed = await alone.predict(x);

    const score = right(groups, graph);
    return {
      scores: {
        'groups of unknown people': score,
        'less what it is without the graph': score - right(await guessed.data(), graph),
      },
      losses: { 'graph convolution': together, 'without the graph': single },
      pictures: { 'graph.svg': picture(graph, groups) },
    };
  },
};

async function learn(step: () => Promise<{ loss: number }>, { brief }: Settings): Promise<number[]> {
  const losses: number[] = [];
  while (losses.length < (brief ? 10 : 200)) losses.push((await step()).loss);
  return losses;
}

const right = (found: Int32Array, { labels }: Community): number =>
  labels.filter((group, at) => at >= known && group === found[at]).length / (labels.length - known);

function picture(graph: Community, found: Int32Array): string {
  const [size, radius] = [560, 5];
  const places = layout(graph, size, 60);
  const [lines, dots]: [string[], string[]] = [[], []];
  places.forEach(([x, y], i) => {
    for (let j = 0; j < i; j++) {
      const [a, b] = places[j] ?? [0, 0];
      if (graph.edges[i * graph.n + j] === 1)
        lines.push(`<line x1="${x.toFixed(1)}" y1="${y.toFixed(1)}" x2="${a.toFixed(1)}" y2="${b.toFixed(1)}" stroke="#ddd"/>`);
    }
    const [group, wrong] = [found[i] ?? 0, found[i] !== graph.labels[i]];
    const border = i < known ? '#000' : wrong ? '#e00' : '#fff';
    dots.push(
      `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${colours[group]}" stroke="${border}" stroke-width="1.6"/>`,
    );
  });
  const names = label(14, 22, 'Groups as found. Black rings: known before. Red rings: wrong.', 'font-weight="bold"');
  return svg(size, size, [...lines, ...dots, names]);
}
