// Typed reading of command-line options; every mistake is a usage error that names the option.
import { UsageError } from './failure.ts';

/** The options of one command as the parser found them. */
export class Flags {
  constructor(private readonly values: Readonly<Record<string, unknown>>) {}

  /** Whether the switch was given. */
  on(name: string): boolean {
    return this.values[name] === true;
  }

  /** The value of an option; given twice, the last one counts. */
  text(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  /** One of `choices`; the first when the option is absent. */
  choice<T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const text = this.text(name);
    const found = choices.find((choice) => choice === text);
    if (text !== undefined && found === undefined) throw this.wrong(name, text, choices);
    return found ?? choices[0];
  }

  /** The error of an option that is none of `choices`. */
  wrong(name: string, got: string, choices: readonly string[]): UsageError {
    return new UsageError(`--${dashed(name)} is ${got}, expected ${choices.join(', ')}`);
  }

  /** A finite number. */
  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : numberOf(`--${dashed(name)}`, text);
  }

  /** A whole number ≥ `least`, or `otherwise` when the option is absent. */
  count(name: string, otherwise: number, least = 1): number {
    const value = this.number(name) ?? otherwise;
    if (!Number.isSafeInteger(value) || value < least)
      throw new UsageError(`--${dashed(name)} is ${value}, expected a whole number ≥ ${least}`);
    return value;
  }

  /** All values of an option that may be repeated. */
  list(name: string): readonly string[] {
    const value = this.values[name];
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    return items
      .filter((item) => item !== undefined && item !== false)
      .map((item) => {
        if (item === true) throw new UsageError(`--${dashed(name)} needs a value`);
        return String(item);
      });
  }

  /** Values of the form `key=value`, e.g. `--set Mlp.hidden=512`; `key=a,b` stays one text. */
  pairs(name: string): Record<string, string> {
    return Object.fromEntries(this.list(name).map((item) => pairOf(name, item)));
  }

  /** Whole numbers ≥ 1 by name, e.g. `--dim b=32,t=128`. */
  counts(name: string): Record<string, number> {
    const items = this.list(name).flatMap((item) => item.split(','));
    return Object.fromEntries(
      items.map((item) => {
        const [key, text] = pairOf(name, item);
        const value = numberOf(`--${dashed(name)} ${key}`, text);
        if (!Number.isSafeInteger(value) || value < 1)
          throw new UsageError(`--${dashed(name)} ${key} is ${text}, expected a whole number ≥ 1`);
        return [key, value];
      }),
    );
  }
}

function pairOf(name: string, item: string): [key: string, value: string] {
  const at = item.indexOf('=');
  if (at <= 0 || at === item.length - 1) throw new UsageError(`--${dashed(name)} ${item}: expected name=value`);
  return [item.slice(0, at).trim(), item.slice(at + 1).trim()];
}

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The number that `text` is. @throws UsageError naming `what` */
export function numberOf(what: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new UsageError(`${what} is ${text}, expected a number`);
  return value;
}
