import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { createServer } from 'node:net';
import { StateDirectoryBusyError } from '@patchbay/core';

/**
 * Takes a state directory for this process. Two drivers on one would each attach and detach what the other one's journal says.
 *
 * The lock is a listening socket in Linux' abstract namespace (unix(7)), named after the directory: the kernel closes it with the process,
 * so a driver that was killed never stands in its successor's way. Abstract names belong to a network namespace, and all drivers of a node
 * run in the host's.
 *
 * A rolling update that starts the new driver before the old one has ended needs this relaxed: the two must then hand the journal over, and
 * until they can, the second had better not start at all.
 *
 * @param directory made when missing
 * @returns what gives the directory up
 * @throws StateDirectoryBusyError when another process has it
 */
export async function lockStateDirectory(directory: string): Promise<() => void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const hash = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 32);
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new StateDirectoryBusyError(directory, error) : error);
    });
    server.listen({ path: `\0patchbay:${hash}`, exclusive: true }, resolve);
  });
  server.unref();
  return () => void server.close();
}
