import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runIsolatedJobs } from '../isolated-jobs.ts';
import type { Row } from './fault-matrix.ts';

/**
 * Makes the fault matrix, or a part of it.
 *
 * @param parameters as for `main.ts`
 * @param jobs how many processes share the work
 * @param onRow is given each row as soon as it is complete
 */
export async function makeFaultMatrix(
  parameters: readonly string[],
  jobs: number,
  onRow: (row: Row) => void,
): Promise<void> {
  const taken = mkdtempSync(join(tmpdir(), 'fault-matrix-'));
  try {
    await runIsolatedJobs(
      join(import.meta.dirname, 'inside.ts'),
      Array.from({ length: jobs }, () => ['--taken', taken, ...parameters]),
      (line) => onRow(JSON.parse(line) as Row),
      true,
    );
  } finally {
    rmSync(taken, { recursive: true });
  }
}
