// A process that only says how much memory it had.
import { peakMemory } from './peak-memory.ts';

console.log(peakMemory());
