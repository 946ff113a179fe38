import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { NetworkNamespace } from '@patchbay/netlink';

/** How many changes there are within one second, and how much of a processor's time they may take, in milliseconds. */
export const flood = { changes: 10_000, budgetMs: 300 } as const;

/**
 * Changes links so many times within a second, from another process; resolves with the aliases that they have in the end.
 *
 * @param namespace where the links are; default: this thread's
 */
export async function floodLinks(
  names: readonly string[],
  namespace?: NetworkNamespace,
): Promise<Record<string, string>> {
  const program = join(import.meta.dirname, 'flood-links.ts');
  const start = () =>
    spawn(
      process.execPath,
      ['--conditions=@patchbay/source', program, String(flood.changes), '1', ...names],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
  const child = namespace === undefined ? start() : namespace.run(start);
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`flood-links ended with ${code}`);
  return JSON.parse(output) as Record<string, string>;
}
