import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { RuntimeUnreachableError } from './connection-errors.ts';

/** A connection to the runtime. */
export interface RuntimeConnection {
  readonly socket: Socket;
  /**
   * Passes all bytes on that come from now on; must be called in the turn in which the connection came. They are valid only until `receive`
   * returns: they are read into one piece of memory, past the machinery of streams, whose way to a handler is a tenth of a hook.
   */
  onBytes(receive: (bytes: Buffer) => void): void;
}

/** Requests for hooks have some kilobytes. */
const readSize = 64 * 1024;

/**
 * Connects once.
 *
 * @throws {@link RuntimeUnreachableError}, also when `signal` is aborted before there is a connection.
 */
export function connectToRuntime(socketPath: string, signal: AbortSignal): Promise<RuntimeConnection> {
  return new Promise((resolve, reject) => {
    let receive = (_bytes: Buffer): void => {};
    const memory = Buffer.allocUnsafeSlow(readSize);
    const callback = (length: number): boolean => {
      receive(memory.subarray(0, length));
      return true;
    };
    const socket = createConnection({ path: socketPath, onread: { buffer: memory, callback } });
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
      resolve({ socket, onBytes: (next) => (receive = next) });
    });
  });
}
