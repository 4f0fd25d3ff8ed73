// A clock that stands still while other processes have the processor.

/** Milliseconds that the threads of this process have computed. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
