import { readdirSync, readFileSync } from 'node:fs';

/**
 * How long the threads of a process have run so far, in milliseconds: what it costs whatever else the machine does. From
 * `/proc/<pid>/task/<tid>/schedstat`, whose first number is nanoseconds (Documentation/scheduler/sched-stats.rst).
 *
 * @throws Error when there is no such process
 */
export function processCpu(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanoseconds / 1e6;
}
