import { readFileSync } from 'node:fs';

/** What a process has in memory, in MB (10^6 bytes). */
export interface ProcessMemory {
  /** `VmRSS`: all of it, also pages of files that other processes share. */
  readonly resident: number;
  /** `RssAnon`: what is only its own. */
  readonly anonymous: number;
}

/**
 * Reads `/proc/<pid>/status` (proc_pid_status(5)), whose unit is KiB.
 *
 * @throws Error when there is no such process
 */
export function processMemory(pid: number, root = '/proc'): ProcessMemory {
  const status = readFileSync(`${root}/${pid}/status`, 'utf8');
  const megabytes = (field: string) => {
    const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kibibytes === undefined) throw new Error(`process ${pid} has no ${field}`);
    return (Number(kibibytes) * 1024) / 1e6;
  };
  return { resident: megabytes('VmRSS'), anonymous: megabytes('RssAnon') };
}

/** A figure's details about memory: the other unit, and how much is the process's own. */
export function memoryDetails({ resident, anonymous }: ProcessMemory): Readonly<Record<string, string>> {
  const mebibytes = (megabytes: number) => `${((megabytes * 1e6) / 2 ** 20).toFixed(1)} MiB`;
  return {
    resident: mebibytes(resident),
    anonymous: `${anonymous.toFixed(1)} MB (${mebibytes(anonymous)})`,
  };
}
