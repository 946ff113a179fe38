import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildDriver } from '@patchbay/bundle';
import type { Row } from './fault-matrix.ts';

/**
 * Bundles the driver together with what kills it, and has the matrix made by that.
 *
 * @param parameters as for `main.ts`
 * @param jobs how many processes share the work
 * @param onRow is given each row as soon as it is complete
 * @throws Error when a process does not come to its end
 */
export async function makeFaultMatrix(
  parameters: readonly string[],
  jobs: number,
  onRow: (row: Row) => void,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'fault-matrix-'));
  try {
    const { program } = await buildDriver({ entry: join(import.meta.dirname, 'inside.ts'), directory });
    const taken = mkdtempSync(join(tmpdir(), 'fault-matrix-taken-'));
    const work = Array.from({ length: jobs }, () =>
      run([program, '--taken', taken, ...parameters], onRow),
    );
    await Promise.all(work);
    rmSync(taken, { recursive: true });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function run(command: readonly string[], onRow: (row: Row) => void): Promise<void> {
  const isolated = join(import.meta.dirname, '../faults/isolated.ts');
  const flags = ['--conditions=@patchbay/source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, isolated, ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) onRow(JSON.parse(line) as Row);
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`making the matrix ended with ${code ?? 'a signal'}`);
}
