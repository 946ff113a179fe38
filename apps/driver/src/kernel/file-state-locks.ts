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
const exclusiveByte = 0;

/**
 * Locks of a state directory: bytes of one file in it, locked by fcntl(2). The kernel frees them with the process that had them, also in
 * another container.
 */
export class FileStateLocks implements StateLocks, Disposable {
  readonly #fd: number;
  readonly #fcntl: ForeignFunction<['int', 'int', 'buffer'], 'int'>;
  readonly #exclusive = lockOf(exclusiveByte);
  /** Of the names that this instance has locked. */
  readonly #named = new Map<string, ByteLock>();

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
    while (!this.#set(setLockAndWait, this.#exclusive.take));
    try {
      return work();
    } finally {
      this.#set(setLock, this.#exclusive.give);
    }
  }

  /** See {@link StateLocks.tryLock}. */
  tryLock(name: string): boolean {
    const lock = lockOf(byteOf(name));
    const locked = this.#set(setLock, lock.take);
    if (locked) this.#named.set(name, lock);
    return locked;
  }

  /** See {@link StateLocks.unlock}. */
  unlock(name: string): void {
    const lock = this.#named.get(name);
    if (lock === undefined) return;
    this.#named.delete(name);
    this.#set(setLock, lock.give);
  }

  /** Gives all locks up. */
  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** @returns whether it was done; not when another instance has the lock, or a signal ended the waiting */
  #set(command: number, structure: Buffer): boolean {
    if (this.#fcntl.call(this.#fd, command, structure) === 0) return true;
    const { errno } = this.#fcntl;
    if (errno === eintr || errno === eacces || errno === eagain) return false;
    throw new Error(`cannot lock the state directory: fcntl fails with ${getSystemErrorName(-errno)}`);
  }
}

/** What is given to fcntl(2) to take the lock of one byte, and to give it up. */
interface ByteLock {
  readonly take: Buffer;
  readonly give: Buffer;
}

function lockOf(byte: number): ByteLock {
  return { take: structure(writeLock, byte), give: structure(noLock, byte) };
}

function structure(type: number, byte: number): Buffer {
  const bytes = Buffer.alloc(structureSize);
  bytes.writeInt16LE(type, 0);
  bytes.writeUIntLE(byte, 8, 6);
  bytes.writeUInt32LE(1, 16);
  return bytes;
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
