import { createRequire } from 'node:module';
import type koffiTypes from 'koffi';
import type { FdWatch } from '../fd-watch.ts';
import { AdapterUnavailableError, LibraryLoadError } from '../ffi-errors.ts';
import type { ForeignLibraries } from '../foreign-libraries.ts';
import type { ForeignLibrary } from '../foreign-library.ts';
import { KoffiLibrary } from './koffi-library.ts';

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
    // Blocks for one asynchronous call take 256 KiB by default; ours pass a handful of words.
    koffi.config({ ...koffi.config(), async_stack_size: 64 * 1024, async_heap_size: 16 * 1024 });
  }

  load(path: string | null): ForeignLibrary {
    try {
      return new KoffiLibrary(this.#koffi, path, this.#koffi.load(path));
    } catch (cause) {
      throw new LibraryLoadError(path, cause);
    }
  }

  poll(fd: number, onReadable: () => void): FdWatch {
    const handle = this.#koffi.node.poll(fd, { readable: true, disconnect: true }, onReadable);
    let open = true;
    return {
      close() {
        if (open) handle.close();
        open = false;
      },
    };
  }

  readMemory(pointer: bigint, length: number): Buffer {
    return Buffer.from(Buffer.from(this.#koffi.view(pointer, length)));
  }

  addressOf(bytes: Uint8Array): bigint {
    return this.#koffi.address(bytes);
  }
}
