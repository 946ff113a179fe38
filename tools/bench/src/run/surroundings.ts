import { execFile } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { ContainerdTools } from '@patchbay/lab';
import type { Surroundings } from '../figures/figures-json.ts';
import type { Compiler } from '../rivals/compile.ts';

const run = promisify(execFile);

/** What figures depend on: the machine, and the versions of all that takes part. */
export async function surroundings(programs: {
  readonly compiler: Compiler;
  readonly ip: string;
  readonly containerd: ContainerdTools;
}): Promise<Surroundings> {
  const processors = cpus();
  const { packages } = programs.containerd;
  return {
    date: new Date().toISOString(),
    machine: `${processors.length} × ${processors[0]?.model ?? process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `Linux ${release()}`,
    load: `${loadavg()[0]?.toFixed(2)} before the first sample`,
    'Node.js': process.version,
    'C compiler': programs.compiler.description,
    ip: (await run(programs.ip, ['-V'])).stdout.trim(),
    'CNI plugins': packages['containernetworking-plugins'] ?? 'unknown',
    containerd: packages['containerd'] ?? 'unknown',
  };
}
