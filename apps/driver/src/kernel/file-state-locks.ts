import { hash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { StateDirectoryTakenError, type StateLocks } from '@patchbay/core';
import type { ForeignFunction, ForeignLibraries } from '@patchbay/ffi';

/** Commands of fcntl(2) for locks that belong to an open file, not to a process (linux/fcntl.h). */
const setLock = 37;
const setLockAndWait = 38;
/** `struct flock` of 64-bit Linux (asm-generic/fcntl.h): type at 0, start at 8, length at 16, 32 bytes in all. */
const structureSize = 32;
const writeLock = 1;
const noLock = 2;
const [eintr, eacces, eagain] = [4, 13, 11];

/** The byte that stands for short exclusive work; names are hashed to the bytes above it. */
const exclusiveByte = 0n;

/**
 * Locks of a state directory: bytes of one file in it, locked by fcntl(2). The kernel frees them with the process that had them, also in
 * another container.
 */
export class FileStateLocks implements StateLocks, Disposable {
  readonly #fd: number;
  readonly #fcntl: ForeignFunction<['int', 'int', 'buffer'], 'int'>;
  readonly #structure = Buffer.alloc(structureSize);
  readonly #offsets = new Map<string, bigint>();

  private constructor(fd: number, libraries: ForeignLibraries) {
    this.#fd = fd;
    const parameters = ['int', 'int', 'buffer'] as const;
    this.#fcntl = libraries
      .load(null)
      .declare({ name: 'fcntl', parameters: [...parameters], result: 'int', errno: true }) as ForeignFunction<
      ['int', 'int', 'buffer'],
      'int'
    >;
  }

  /**
   * Opens the locks of a state directory for one instance of a driver.
   *
   * @param directory made when missing
   * @throws StateDirectoryTakenError when the directory is another driver's
   */
  static open(directory: string, driverName: string, libraries: ForeignLibraries): FileStateLocks {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const locks = new FileStateLocks(openSync(join(directory, 'locks'), 'a+', 0o600), libraries);
    try {
      locks.exclusively(() => claimDirectory(directory, driverName));
    } catch (error) {
      locks[Symbol.dispose]();
      throw error;
    }
    return locks;
  }

  /** See {@link StateLocks.exclusively}. */
  exclusively<T>(work: () => T): T {
    while (!this.#lock(setLockAndWait, writeLock, exclusiveByte));
    try {
      return work();
    } finally {
      this.#lock(setLock, noLock, exclusiveByte);
    }
  }

  /** See {@link StateLocks.tryLock}. */
  tryLock(name: string): boolean {
    const offset = offsetOf(name);
    const locked = this.#lock(setLock, writeLock, offset);
    if (locked) this.#offsets.set(name, offset);
    return locked;
  }

  /** See {@link StateLocks.unlock}. */
  unlock(name: string): void {
    const offset = this.#offsets.get(name);
    if (offset === undefined) return;
    this.#offsets.delete(name);
    this.#lock(setLock, noLock, offset);
  }

  /** Gives all locks up. */
  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** @returns whether it was done; not when another instance has the lock, or a signal ended the waiting */
  #lock(command: number, type: number, offset: bigint): boolean {
    this.#structure.writeInt16LE(type, 0);
    this.#structure.writeBigInt64LE(offset, 8);
    this.#structure.writeBigInt64LE(1n, 16);
    if (this.#fcntl.call(this.#fd, command, this.#structure) === 0) return true;
    const { errno } = this.#fcntl;
    if (errno === eintr || errno === eacces || errno === eagain) return false;
    throw new Error(`cannot lock the state directory: fcntl fails with ${getSystemErrorName(-errno)}`);
  }
}

function offsetOf(name: string): bigint {
  return (hash('sha256', name, 'buffer').readBigUInt64LE() >> 2n) + exclusiveByte + 1n;
}

/** A driver of another name would take the claims of this one for its own. */
function claimDirectory(directory: string, driverName: string): void {
  const path = join(directory, 'driver');
  let owner: string | undefined;
  try {
    owner = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (owner !== undefined && owner !== '' && owner !== driverName)
    throw new StateDirectoryTakenError(directory, owner);
  if (owner !== driverName) writeFileSync(path, `${driverName}\n`, { mode: 0o600 });
}
