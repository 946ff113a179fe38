import type { FdWatch } from './fd-watch.ts';
import type { ForeignLibrary } from './foreign-library.ts';

/** The implementations of {@link ForeignLibraries}. */
export type AdapterName = 'koffi' | 'ffi-napi';

/** Native code, as this process sees it. One instance per adapter and thread. */
export interface ForeignLibraries {
  /** Which implementation this is. */
  readonly adapter: AdapterName;

  /**
   * Loads a shared library, as dlopen(3) finds it. It stays loaded for the life of the process.
   *
   * @param path file name (`libibverbs.so.1`) or path; null for what the process itself is linked with, which includes libc
   * @throws LibraryLoadError when it cannot be loaded; the usual reason is that it is not installed
   */
  load(path: string | null): ForeignLibrary;

  /**
   * Calls back whenever the descriptor has something to read, or reports an error or hang-up, until the watch is closed. Level-triggered:
   * what the callback leaves unread calls it again. The watch keeps the process alive.
   *
   * Close the watch before the descriptor, or it may speak of another file that was given the same number.
   *
   * @param fd a descriptor that epoll accepts: socket, pipe, eventfd; not a regular file. One watch per descriptor
   * @throws Error when the descriptor cannot be watched
   */
  poll(fd: number, onReadable: () => void): FdWatch;

  /**
   * Copies memory that a foreign function pointed at.
   *
   * @param pointer address as a function with a `pointer` result returned it. Nothing can check it: a wrong one ends the process
   * @param length number of bytes
   */
  readMemory(pointer: bigint, length: number): Buffer;

  /** Address of the first byte of `bytes`, for structures that contain pointers. Valid as long as the caller keeps `bytes` referenced. */
  addressOf(bytes: Uint8Array): bigint;
}
