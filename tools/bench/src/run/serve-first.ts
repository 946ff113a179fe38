import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** The highest priority that is not real-time (setpriority(2)). */
const highest = -20;

/**
 * Asks the scheduler to serve this process and all that it starts before others: what else the machine does is not to be measured. Sessions
 * compete as a whole where the kernel groups processes by session (sched(7), autogroup).
 */
export function serveFirst(): void {
  try {
    setPriority(highest);
    writeFileSync('/proc/self/autogroup', String(highest));
  } catch (error) {
    process.stderr.write(`bench: cannot have a higher priority than others: ${String(error)}\n`);
  }
}
