import { cpus, loadavg, release, totalmem } from 'node:os';
import type { ContainerdTools } from '@patchbay/lab';
import type { Surroundings } from '../figures/figures-json.ts';
import type { Compiler } from '../programs/compile-programs.ts';
import type { IpProgram } from '../programs/find-programs.ts';

/** What figures depend on: the machine, and the versions of all that takes part. */
export function surroundings(programs: {
  readonly compiler: Compiler;
  readonly ip: IpProgram;
  readonly containerd: ContainerdTools;
}): Surroundings {
  const processors = cpus();
  const { packages } = programs.containerd;
  return {
    date: new Date().toISOString(),
    machine: `${processors.length} × ${processors[0]?.model ?? process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `Linux ${/^[\d.]+/.exec(release())?.[0] ?? release()}`,
    load: `${loadavg()[0]?.toFixed(2)} before the first sample`,
    'Node.js': process.version,
    'C compiler': programs.compiler.description,
    ip: programs.ip.description,
    'CNI plugins': packages['containernetworking-plugins'] ?? 'unknown',
    containerd: packages['containerd'] ?? 'unknown',
  };
}
