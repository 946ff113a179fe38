import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { RuntimeUnreachableError } from './connection-errors.ts';

/**
 * Connects once.
 *
 * @throws {@link RuntimeUnreachableError}, also when `signal` is aborted before there is a connection.
 */
export function connectToRuntime(socketPath: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path: socketPath });
    const abort = (): void => void socket.destroy(Object.assign(new Error('aborted'), { code: 'ABORTED' }));
    const fail = (error: NodeJS.ErrnoException): void => {
      signal.removeEventListener('abort', abort);
      reject(new RuntimeUnreachableError(socketPath, error));
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', fail);
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
