// Rows as text: a line each, and what all ratios of a run come to.
import { geometricMean, type Row } from './workload.ts';

type Peer = {
  readonly ms?: number;
  readonly MiB?: number;
  readonly bytes?: number;
  readonly cannot?: string;
  readonly counts?: Readonly<Record<string, number>>;
};

const tally = (counts: Readonly<Record<string, number>> = {}): string =>
  Object.keys(counts).length === 0
    ? ''
    : ` {${Object.entries(counts)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ')}}`;

function comparison({ unit, peers = {}, best, ratio, native = {} }: Row): string {
  const others = Object.entries(peers as Readonly<Record<string, Peer>>)
    .map(
      ([name, { ms, MiB, bytes, cannot, counts }]) =>
        `${name} ${ms ?? MiB ?? bytes ?? `– (${cannot ?? ''})`}${tally(counts)}`,
    )
    .join(', ');
  if (others === '') return '';
  if (ratio === undefined && unit !== 'ms') return others;
  const ratios = [
    ratio === undefined ? 'no peer' : `${ratio} × ${best ?? ''}`,
    ...Object.entries(native).map(([name, ratio]) => `${ratio} × ${name}`),
  ];
  return `${others}  → ${ratios.join(', ')}`;
}

/** Prints a row on a line. */
export function printRow(workload: string, row: Row): void {
  const { name, value, unit, spread, counts, goal, met, cannot } = row;
  const range = spread ? ` (${spread[0].toPrecision(3)}–${spread[1].toPrecision(3)})` : '';
  const verdict = goal === undefined ? '' : `  [goal ${goal}: ${met === true ? 'met' : 'NOT MET'}]`;
  const measured = cannot === undefined ? `${value} ${unit}${range}${tally(counts)}` : `– (${cannot})`;
  console.log(`${workload.padEnd(14)}${name.padEnd(42)}${measured}  ${comparison(row)}${verdict}`);
}

/** Prints the geometric means of the ratios, of runs forward and of training steps. */
export function printSummary(rows: readonly Row[]): void {
  const groups = [
    ['forward', rows.filter(({ name }) => !name.includes('training'))],
    ['training', rows.filter(({ name }) => name.includes('training'))],
  ] as const;
  for (const [group, members] of groups) {
    const native = new Set(members.flatMap(({ native = {} }) => Object.keys(native)));
    const ratios = [
      ['the best peer', members.map(({ ratio }) => ratio)],
      ...[...native].map((name) => [name, members.map(({ native = {} }) => native[name])] as const),
    ] as const;
    for (const [name, all] of ratios) {
      const known = all.filter((ratio) => ratio !== undefined);
      if (known.length < 2) continue;
      const behind = known.filter((ratio) => ratio < 1).length;
      console.log(`${group}: ${geometricMean(known).toFixed(2)} × ${name} in ${known.length} rows, ${behind} behind`);
    }
  }
}
