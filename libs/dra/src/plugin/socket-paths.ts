import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** `sun_path` has 108 bytes with a terminating zero (Linux, unix(7)). libuv cuts longer paths off without a word. */
const longestPathBytes = 107;

/** A socket path does not fit into the kernel's address structure. */
export class SocketPathTooLongError extends Error {
  override readonly name = 'SocketPathTooLongError';

  constructor(path: string) {
    const bytes = Buffer.byteLength(path);
    super(
      `The socket path ${path} has ${bytes} bytes, at most ${longestPathBytes} are possible; use a shorter directory`,
    );
  }
}

/** What the names of the sockets are made of. */
export interface SocketNaming {
  readonly driverName: string;
  readonly registryDirectory: string;
  readonly pluginDirectory: string;
  readonly podUID?: string | undefined;
}

/** Where a driver's two sockets are. */
export interface SocketPaths {
  readonly registration: string;
  readonly service: string;
}

/**
 * The paths of a driver's sockets; the same input always gives the same paths. With a pod UID both names carry it, so that an old and a
 * new instance can serve side by side (rolling update). A name that would make a path too long is replaced by its hash.
 *
 * @throws SocketPathTooLongError when the directory alone is too long.
 */
export function socketPaths(naming: SocketNaming): SocketPaths {
  const { driverName, podUID } = naming;
  const registration = podUID === undefined ? driverName : `${driverName}-${podUID}`;
  const service = podUID === undefined ? 'dra' : `dra-${podUID}`;
  return {
    registration: fit(naming.registryDirectory, registration, '-reg.sock'),
    service: fit(naming.pluginDirectory, service, '.sock'),
  };
}

/** @throws SocketPathTooLongError */
export function assertSocketPathFits(path: string): void {
  if (Buffer.byteLength(path) > longestPathBytes) throw new SocketPathTooLongError(path);
}

function fit(directory: string, name: string, suffix: string): string {
  const path = join(directory, name + suffix);
  if (Buffer.byteLength(path) <= longestPathBytes) return path;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 24);
  const hashed = join(directory, hash + suffix);
  assertSocketPathFits(hashed);
  return hashed;
}
