import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { StateDirectoryTakenError, type StateLocks } from '@patchbay/core';
import type { ForeignFunction, ForeignLibraries } from '@patchbay/ffi';

/** Commands of fcntl(2) for locks that belong to an open file, not to a process (linux/fcntl.h). */
const setLock = 37;
const setLockAndWait = 38;
/** `struct flock` of 64-bit Linux (asm-generic/fcntl.h): type at 0, start at 8, length at 16, which is always one byte. */
const structure = Buffer.alloc(32);
structure.writeUInt32LE(1, 16);
const writeLock = 1;
const noLock = 2;
const [eintr, eacces, eagain] = [4, 13, 11];

/** The byte that stands for short exclusive work; names are hashed to the bytes above it. */
const exclusiveByte = 0;

/**
 * Locks of a state directory: bytes of one file in it, locked by fcntl(2). The kernel frees them with the process that had them, also in
 * another container.
 */
export class FileStateLocks implements StateLocks, Disposable {
  readonly #fd: number;
  readonly #fcntl: ForeignFunction<['int', 'int', 'buffer'], 'int'>;
  /** Of the names that this instance has locked, the bytes. */
  readonly #named = new Map<string, number>();

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
    while (!this.#set(setLockAndWait, writeLock, exclusiveByte));
    try {
      return work();
    } finally {
      this.#set(setLock, noLock, exclusiveByte);
    }
  }

  /** See {@link StateLocks.tryLock}. */
  tryLock(name: string): boolean {
    const byte = byteOf(name);
    const locked = this.#set(setLock, writeLock, byte);
    if (locked) this.#named.set(name, byte);
    return locked;
  }

  /** See {@link StateLocks.unlock}. */
  unlock(name: string): void {
    const byte = this.#named.get(name);
    if (byte === undefined) return;
    this.#named.delete(name);
    this.#set(setLock, noLock, byte);
  }

  /** Gives all locks up. */
  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** @returns whether it was done; not when another instance has the lock, or a signal ended the waiting */
  #set(command: number, type: number, byte: number): boolean {
    structure.writeInt16LE(type, 0);
    structure.writeUIntLE(byte, 8, 6);
    if (this.#fcntl.call(this.#fd, command, structure) === 0) return true;
    const { errno } = this.#fcntl;
    if (errno === eintr || errno === eacces || errno === eagain) return false;
    throw new Error(`cannot lock the state directory: fcntl fails with ${getSystemErrorName(-errno)}`);
  }
}

/**
 * The byte of a name: FNV-1a in two halves of 24 bits, so that no two of a node's claims have the same. All instances must find the same.
 */
function byteOf(name: string): number {
  let [low, high] = [0x811c_9dc5, 0x0100_0193];
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x0100_0193);
    high = Math.imul(high ^ unit ^ 0x55, 0x0100_0193);
  }
  return (high >>> 8) * 0x100_0000 + (low >>> 8) + exclusiveByte + 1;
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
