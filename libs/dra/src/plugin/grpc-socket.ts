import { randomBytes } from 'node:crypto';
import { lstat, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { assertSocketPathFits } from './socket-paths.ts';

/** Something that is not a socket is in the way. */
export class SocketPathBlockedError extends Error {
  override readonly name = 'SocketPathBlockedError';

  constructor(path: string) {
    super(`${path} exists and is not a socket; remove it so that the driver can serve there`);
  }
}

/** A service with its implementation. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/**
 * A gRPC server on a Unix socket whose file is ours to manage.
 *
 * libuv removes the path that a socket was bound to when the socket closes, even if a successor has put its own socket there by then. So
 * the socket is bound under a temporary name and renamed into place: that replaces a stale file at once, and leaves libuv nothing to
 * remove.
 */
export class GrpcSocket {
  readonly path: string;
  readonly #server: Server;
  #inode: { dev: bigint; ino: bigint } | undefined;

  constructor(path: string, services: readonly GrpcService[]) {
    this.path = path;
    this.#server = new Server();
    for (const { definition, implementation } of services)
      this.#server.addService(definition, implementation);
  }

  /**
   * Starts serving. A socket file left behind by an earlier process is replaced.
   *
   * @throws SocketPathTooLongError, SocketPathBlockedError, and the system's error when the socket cannot be bound (missing directory,
   * no permission).
   */
  async listen(): Promise<void> {
    const temporary = join(dirname(this.path), `.${randomBytes(4).toString('hex')}`);
    assertSocketPathFits(this.path);
    assertSocketPathFits(temporary);
    const existing = await statOrNothing(this.path);
    if (existing !== undefined && !existing.isSocket()) throw new SocketPathBlockedError(this.path);
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${temporary}`, ServerCredentials.createInsecure(), (error) => {
        if (error) reject(new Error(`Cannot serve on ${this.path}: ${error.message}`, { cause: error }));
        else resolve();
      });
    });
    try {
      const { dev, ino } = await lstat(temporary, { bigint: true });
      await rename(temporary, this.path);
      this.#inode = { dev, ino };
    } catch (error) {
      this.#server.forceShutdown();
      throw error;
    }
  }

  /**
   * Stops serving: removes the socket file if it is still ours, lets calls under way finish for `graceMs`, then cuts them off. Does
   * nothing when not listening.
   */
  async close(graceMs: number): Promise<void> {
    await this.unpublish();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Removes the socket file if it is still ours; open connections go on. */
  async unpublish(): Promise<void> {
    const own = this.#inode;
    if (own === undefined) return;
    this.#inode = undefined;
    const found = await statOrNothing(this.path);
    if (found === undefined || found.dev !== own.dev || found.ino !== own.ino) return;
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

async function statOrNothing(path: string) {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
