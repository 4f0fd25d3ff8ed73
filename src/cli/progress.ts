// Shows how training goes: a bar that rewrites itself on a terminal, a plain line now and then elsewhere.
import type { Measures } from './compiled-module.ts';
import type { Console } from './console.ts';

/** Where a run stands. */
export interface Standing {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  readonly epochs: number;
}

/** Milliseconds between two drawings of the bar, and between two plain lines inside an epoch. */
const intervals = { bar: 80, line: 10_000 } as const;
/** About how many epochs of a run get a plain line of their own. */
const epochLines = 10;

/** The progress of one training run. */
export class Progress {
  readonly #started = performance.now();
  readonly #first: number;
  #drawn: number;
  #measures: Partial<Measures> = {};

  /** @param first step at which this run begins; not 0 when it was resumed */
  constructor(
    private readonly console: Console,
    first: number,
  ) {
    this.#first = first;
    this.#drawn = console.interactive ? -Infinity : this.#started;
  }

  /** Shows a step, if it is time to. */
  step(standing: Standing, measures: Partial<Measures>): void {
    this.#measures = measures;
    const now = performance.now();
    if (now - this.#drawn < (this.console.interactive ? intervals.bar : intervals.line)) return;
    this.#show(standing, measuresText(measures), now);
  }

  /** Shows the end of an epoch; some of them where there is no bar. */
  epoch(standing: Standing, held: Measures | undefined): void {
    const due = standing.epoch % Math.ceil(standing.epochs / epochLines) === 0;
    if (!this.console.interactive && !due) return;
    const text = measuresText(this.#measures) + (held ? `  held out: ${measuresText(held)}` : '');
    this.#show(standing, text, performance.now());
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.console.interactive) this.console.status('');
  }

  #show(standing: Standing, measures: string, now: number): void {
    this.#drawn = now;
    const { step, steps, epoch, epochs } = standing;
    if (this.console.interactive) this.console.status(this.#bar(standing, measures, now));
    else
      this.console.note(`epoch ${epoch}/${epochs}  step ${step}/${steps}  ${this.#rate(standing, now)}  ${measures}`);
  }

  #bar(standing: Standing, measures: string, now: number): string {
    const head = `epoch ${standing.epoch}/${standing.epochs} `;
    const tail = ` ${standing.step}/${standing.steps}  ${this.#rate(standing, now)}  ${measures}`;
    const room = Math.max(0, Math.min(30, this.console.width - head.length - tail.length - 2));
    return (head + barText(standing.step / standing.steps, room) + tail).slice(0, Math.max(10, this.console.width - 1));
  }

  #rate({ step, steps }: Standing, now: number): string {
    const rate = (step - this.#first) / Math.max(1e-3, (now - this.#started) / 1000);
    const left = rate > 0 ? durationText((steps - step) / rate) : '?';
    return `${rate < 10 ? rate.toFixed(1) : rate.toFixed(0)} steps/s  ${left} left`;
  }
}

/** A bar of `width` columns; the last filled one in eighths. */
export function barText(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const [full, part] = [eighths >> 3, eighths & 7];
  return ('█'.repeat(full) + (part > 0 ? ' ▏▎▍▌▋▊▉'.charAt(part) : '')).padEnd(width, '░');
}

/** Seconds as people read them. */
export function durationText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 0.95 ? 2 : seconds < 9.5 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Losses and metrics on one line. */
export function measuresText({ loss, losses = {}, metrics = {} }: Partial<Measures>): string {
  const all: [string, unknown][] = [
    ...(loss === undefined ? [] : [['loss', loss] as [string, unknown]]),
    ...Object.entries(losses),
    ...Object.entries(metrics),
  ];
  return all
    .map(([name, value]) => `${name} ${typeof value === 'number' ? numberText(value) : JSON.stringify(value)}`)
    .join('  ');
}

const numberText = (value: number): string =>
  value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3) ? value.toExponential(3) : value.toFixed(4);
