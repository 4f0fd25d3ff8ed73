// The most memory that this process had.
import { readFileSync } from 'node:fs';

/** In KiB. Linux's `maxRSS` begins with what the parent had, so its other counter is asked first. */
export function peakMemory(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]);
  } catch {
    return process.resourceUsage().maxRSS;
  }
}
