import { closeSync, constants, fstatSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { libc } from '../system/libc.ts';
import type { HeldNamespace } from '../wire/message-writer.ts';
import { SystemCallError } from '../system/system-error.ts';
import { cloneNewNet, enterNamespace, insideNamespace, ownNamespacePath } from './inside-namespace.ts';
import { NamespaceGoneError } from './namespace-gone-error.ts';
import { identityOf, type NamespaceIdentity } from './namespace-identity.ts';

/** `NS_GET_NSTYPE` (linux/nsfs.h). */
const getNamespaceType = 0xb703n;
/** `MS_BIND` and `MNT_DETACH` (linux/mount.h). */
const bindMount = 0x1000n;
const detach = 2;

/** Errors of open(2) that mean that nothing is there, or that the process whose namespace it was has ended. */
const goneCodes: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ESRCH'];

/** An opened network namespace. It lives at least as long as this object is open. */
export class NetworkNamespace {
  /** Path by which it was opened; for namespaces made here, one that other processes can open while this one is open. */
  readonly path: string;
  readonly #fd: number;
  #identity: NamespaceIdentity | undefined;
  #holds = 0;
  #closed = false;

  private constructor(fd: number, path: string) {
    this.#fd = fd;
    this.path = path;
  }

  /**
   * Opens the network namespace at a path, such as `/proc/4711/ns/net` or `/run/netns/pod`.
   *
   * @throws NamespaceGoneError when nothing is there, or something that is no network namespace
   */
  static open(path: string): NetworkNamespace {
    let fd: number;
    try {
      // Should the path be a FIFO, opening it must not wait for a writer.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (goneCodes.includes(code)) throw new NamespaceGoneError(path, 'the path does not exist', cause);
      throw cause;
    }
    if (libc().ioctl.call(fd, getNamespaceType, 0) !== cloneNewNet) {
      closeSync(fd);
      throw new NamespaceGoneError(
        path,
        'the file is no network namespace; one that was mounted there has gone',
      );
    }
    return new NetworkNamespace(fd, path);
  }

  /** Opens the namespace that this thread is in. */
  static own(): NetworkNamespace {
    return NetworkNamespace.open(ownNamespacePath);
  }

  /** Makes a new namespace with nothing but a loopback link that is down. It dies when it is closed, unless it was pinned or entered. */
  static create(): NetworkNamespace {
    const { unshare } = libc();
    const enter = () => {
      if (unshare.call(cloneNewNet) !== 0) throw new SystemCallError('unshare of the network', unshare.errno);
    };
    const fd = insideNamespace(enter, () => openSync(ownNamespacePath, constants.O_RDONLY));
    return new NetworkNamespace(fd, `/proc/${process.pid}/fd/${fd}`);
  }

  /**
   * Takes a bind mount away that {@link pin} made, and its file. Succeeds when there is none. The namespace lives on as long as something
   * else needs it.
   */
  static unpin(path: string): void {
    const { umount2 } = libc();
    if (umount2.call(path, detach) !== 0) {
      const error = new SystemCallError(`unmounting ${path}`, umount2.errno);
      if (error.code === 'ENOENT') return;
      // EINVAL: not a mount point, which a crash between the two steps leaves behind.
      if (error.code !== 'EINVAL') throw error;
    }
    rmSync(path, { force: true });
  }

  /**
   * Which namespace it is, whatever path it was opened by.
   *
   * @throws Error when it is closed and was not asked before
   */
  get identity(): NamespaceIdentity {
    return (this.#identity ??= identityOf(fstatSync(this.fd, { bigint: true })));
  }

  /**
   * The descriptor, valid until {@link close}.
   *
   * @throws Error when it is closed: the number may be another file's by now
   */
  get fd(): number {
    if (this.#closed) throw new Error(`network namespace ${this.path} is closed`);
    return this.#fd;
  }

  /**
   * Does synchronous work inside the namespace, in one tick. Nothing that it starts may outlive it: threads, workers and child processes
   * would stay inside. Aborts the process when the way back fails.
   *
   * @throws what `work` throws; SystemCallError when the namespace cannot be entered
   */
  run<T>(work: () => T): T {
    const { fd } = this;
    return insideNamespace(() => enterNamespace(fd, this.path), work);
  }

  /**
   * Mounts the namespace on a file, which is made with its directory, so that it outlives this object and the process.
   *
   * @throws Error with code EEXIST when the file exists
   */
  pin(path: string): void {
    const { fd } = this;
    closeSync(createFile(path));
    const { mount } = libc();
    if (mount.call(`/proc/self/fd/${fd}`, path, null, bindMount, 0n) !== 0) {
      const error = new SystemCallError(`mounting the namespace on ${path}`, mount.errno);
      rmSync(path, { force: true });
      throw error;
    }
  }

  /** Keeps the descriptor open until it is released, even if the namespace is closed meanwhile. */
  hold(): HeldNamespace {
    const { fd, path } = this;
    this.#holds++;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#holds--;
      if (this.#closed && this.#holds === 0) closeSync(fd);
    };
    return { fd, path, release };
  }

  /** Repeatable. Requests that are under way and name the namespace are not disturbed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#holds === 0) closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Makes a file, which must not exist, and its directory if that does not. */
function createFile(path: string): number {
  const create = () => openSync(path, constants.O_RDONLY | constants.O_CREAT | constants.O_EXCL, 0o444);
  try {
    return create();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    return create();
  }
}
