import { readFileSync, readdirSync } from 'node:fs';

/** A container shim or a process below it. */
export interface ShimProcess {
  readonly pid: number;
  readonly commandLine: readonly string[];
}

/**
 * The shims that one runtime started: they outlive it, and carry its socket on their command line.
 *
 * @param address the runtime's CRI socket
 */
export function shimProcesses(address: string): ShimProcess[] {
  return allProcesses().filter(
    ({ commandLine }) => commandLine[0]?.includes('containerd-shim') && commandLine.includes(address),
  );
}

/** Kills the shims of one runtime together with their containers, and waits until they are gone. */
export async function killShims(address: string, timeoutMs = 5000): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (let shims = shimProcesses(address); shims.length > 0; shims = shimProcesses(address)) {
    if (Date.now() > end)
      throw new Error(`shims of ${address} do not end: ${shims.map(({ pid }) => pid).join(' ')}`);
    const parents = new Set(shims.map(({ pid }) => pid));
    // Children first: once their shim is dead they belong to process 1 and cannot be told from others.
    for (const { pid } of allProcesses()) if (parents.has(parentOf(pid) ?? 0)) kill(pid);
    for (const { pid } of shims) kill(pid);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function allProcesses(): ShimProcess[] {
  const processes: ShimProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const text = read(`/proc/${name}/cmdline`);
    // A zombie has no command line.
    if (text !== '') processes.push({ pid: Number(name), commandLine: text.split('\0') });
  }
  return processes;
}

function parentOf(pid: number): number | undefined {
  const match = /^PPid:\s*(\d+)/m.exec(read(`/proc/${String(pid)}/status`));
  return match ? Number(match[1]) : undefined;
}

/** Processes come and go while /proc is read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
