import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildDriver } from '@patchbay/bundle';

/**
 * Bundles a program with the driver in it, as the driver itself is bundled, and runs it several times side by side in namespaces of its own.
 *
 * @param entry path of its source
 * @param jobs the parameters of each run
 * @param onLine is given what they write, line by line
 * @param withLeases whether each has a DHCP server beside it
 * @throws Error when one does not come to its end
 */
export async function runIsolatedJobs(
  entry: string,
  jobs: readonly (readonly string[])[],
  onLine: (line: string) => void,
  withLeases = false,
): Promise<void> {
  const wrapper = withLeases ? ['--leases'] : [];
  const directory = mkdtempSync(join(tmpdir(), 'proof-program-'));
  try {
    const { program } = await buildDriver({ entry, directory });
    await Promise.all(jobs.map((parameters) => run([...wrapper, program, ...parameters], onLine)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function run(command: readonly string[], onLine: (line: string) => void): Promise<void> {
  const isolated = join(import.meta.dirname, 'faults/isolated.ts');
  const flags = ['--conditions=@patchbay/source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, isolated, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) onLine(line);
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`the program ended with ${code ?? 'a signal'}`);
}
