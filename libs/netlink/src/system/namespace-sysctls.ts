import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { NetworkNamespace } from '../namespace/network-namespace.ts';
import { RequestInvalidError } from '../wire/request-invalid-error.ts';

/** A setting of the network to be written. */
export interface SysctlChange {
  /** Below `/proc/sys/net`, with slashes, because names of links may contain dots: `ipv6/conf/eth0.5/accept_ra`. */
  readonly path: string;
  readonly value: string;
}

/** A setting could not be read or written. */
export class SysctlError extends Error {
  override readonly name = 'SysctlError';
  /** As {@link SysctlChange.path}. */
  readonly path: string;
  /** Symbol of errno: `ENOENT` (this kernel or link has no such setting), `EINVAL` (it refuses the value), `EROFS`. */
  readonly code: string;

  constructor(operation: string, path: string, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? 'EIO';
    const remedy =
      code === 'EROFS' || code === 'EACCES' ? '; the process needs a /proc/sys/net that it may write' : '';
    super(`${operation} failed: ${code}${remedy}`, { cause });
    this.path = path;
    this.code = code;
  }
}

const root = '/proc/sys/net/';

/**
 * Reads and writes the settings of one network namespace (sysctls below `net`), each call in one tick. What the files of `/proc/sys/net` are
 * depends on the namespace of the thread that opens them, so this thread goes there for the call.
 */
export class NamespaceSysctls {
  readonly #namespace: Pick<NetworkNamespace, 'run'> | undefined;

  /** @param namespace stays the caller's to close; default: the one that this thread is in */
  constructor(namespace?: Pick<NetworkNamespace, 'run'>) {
    this.#namespace = namespace;
  }

  /**
   * Reads settings by their paths, without the line's end. Those that kernel or link do not have are missing.
   *
   * @throws SysctlError
   */
  read(paths: readonly string[]): Record<string, string> {
    return this.#inside(() => readAll(paths));
  }

  /**
   * Reads all settings in directories, such as `ipv4/conf/eth0`, by their paths. A directory that is not there has none; settings that can
   * only be written, or not be read at the moment, are missing.
   *
   * @throws SysctlError
   */
  readDirectories(directories: readonly string[]): Record<string, string> {
    return this.#inside(() =>
      readAll(directories.flatMap((path) => list(path).map((name) => `${path}/${name}`))),
    );
  }

  /**
   * Writes settings one after another, up to the first failure.
   *
   * @throws SysctlError naming the one that failed; those before it are written
   */
  write(changes: readonly SysctlChange[]): void {
    for (const { path } of changes) check(path);
    if (changes.length === 0) return;
    this.#inside(() => {
      for (const { path, value } of changes) {
        try {
          writeFileSync(root + path, value, { flag: 'r+' });
        } catch (error) {
          throw new SysctlError(`setting net/${path} to '${value}'`, path, error as NodeJS.ErrnoException);
        }
      }
    });
  }

  #inside<T>(work: () => T): T {
    return this.#namespace === undefined ? work() : this.#namespace.run(work);
  }
}

function list(directory: string): string[] {
  check(directory);
  try {
    return readdirSync(root + directory);
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    if (cause.code === 'ENOENT') return [];
    throw new SysctlError(`listing net/${directory}`, directory, cause);
  }
}

/** `ENOENT`: there is no such setting; `EACCES`: it can only be written; `EIO`: it has no value yet (`stable_secret`). */
const unreadable: readonly unknown[] = ['ENOENT', 'EACCES', 'EIO'];

function readAll(paths: readonly string[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const path of paths) {
    check(path);
    try {
      values[path] = readFileSync(root + path, 'utf8').trimEnd();
    } catch (error) {
      const cause = error as NodeJS.ErrnoException;
      if (!unreadable.includes(cause.code)) throw new SysctlError(`reading net/${path}`, path, cause);
    }
  }
  return values;
}

/** Keeps a name from leading out of the directory. */
function check(path: string): void {
  if (path === '' || path.split('/').some((step) => step === '' || step === '.' || step === '..')) {
    throw new RequestInvalidError('path', path, 'a path below /proc/sys/net');
  }
}
