// An engine that is not there.
import type { Engine } from '../comparison/engine.ts';

/** An engine that gives the same reason for every case. */
export function missingEngine(name: string, reason: unknown): Engine {
  const [text] = (reason instanceof Error ? reason.message : String(reason)).split('\n');
  return { name, open: () => Promise.reject(new Error(`missing: ${text ?? ''}`)) };
}
