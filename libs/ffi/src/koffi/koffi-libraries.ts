import { fstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import type koffiTypes from 'koffi';
import type { FdWatch } from '../fd-watch.ts';
import { AdapterUnavailableError, LibraryLoadError } from '../ffi-errors.ts';
import type { ForeignLibraries } from '../foreign-libraries.ts';
import type { ForeignLibrary } from '../foreign-library.ts';
import { KoffiLibrary } from './koffi-library.ts';
import { KoffiWatch } from './koffi-watch.ts';

/** The koffi package's own interface. */
export type Koffi = typeof koffiTypes;

/**
 * Loads koffi.
 *
 * @throws AdapterUnavailableError when the package or its binary for this platform is missing
 */
export function loadKoffiLibraries(): ForeignLibraries {
  try {
    return new KoffiLibraries(createRequire(import.meta.url)('koffi') as Koffi);
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    throw new AdapterUnavailableError(
      'koffi',
      `install the npm package 'koffi' (npm install koffi), which has binaries for Linux on x64 and arm64; this is ${platform}`,
      cause,
    );
  }
}

class KoffiLibraries implements ForeignLibraries {
  readonly adapter = 'koffi';
  readonly #koffi: Koffi;

  constructor(koffi: Koffi) {
    this.#koffi = koffi;
  }

  load(path: string | null): ForeignLibrary {
    try {
      return new KoffiLibrary(this.#koffi, path, this.#koffi.load(path));
    } catch (cause) {
      throw new LibraryLoadError(path, cause);
    }
  }

  poll(fd: number, onReadable: () => void): FdWatch {
    // Asked for what epoll refuses, koffi 3 ends the process instead of throwing.
    const file = fstatSync(fd);
    if (file.isFile() || file.isDirectory()) {
      throw new Error(
        `cannot watch file descriptor ${fd}: it is a regular file or directory, which is always readable`,
      );
    }
    return new KoffiWatch(this.#koffi, fd, onReadable);
  }

  readMemory(pointer: bigint, length: number): Buffer {
    return Buffer.from(Buffer.from(this.#koffi.view(pointer, length)));
  }

  addressOf(bytes: Uint8Array): bigint {
    return this.#koffi.address(bytes);
  }
}
