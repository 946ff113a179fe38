import { readdirSync, statSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { join } from 'node:path';

/** What a {@link RegistryDirectory} reports. */
export interface RegistryDirectoryHandlers {
  /** A socket appeared, or another one took its place (then `onRemoved` came before). */
  readonly onAdded: (socket: string) => void;
  readonly onRemoved: (socket: string) => void;
}

/**
 * Watches the kubelet's plugin registry directory for sockets. As in the kubelet, names that begin with a dot are ignored and so is
 * everything that is not a socket.
 */
export class RegistryDirectory {
  readonly #directory: string;
  readonly #handlers: RegistryDirectoryHandlers;
  /** Known sockets; the value tells one file from the next under the same name. */
  readonly #known = new Map<string, string>();
  #watcher: FSWatcher | undefined;
  #rescan: NodeJS.Timeout | undefined;

  /** @param directory must exist when {@link RegistryDirectory.start} is called */
  constructor(directory: string, handlers: RegistryDirectoryHandlers) {
    this.#directory = directory;
    this.#handlers = handlers;
  }

  /** Reports what is there, then what changes. */
  start(): void {
    const scan = () => {
      this.#scan();
    };
    this.#watcher = watch(this.#directory, scan);
    // inotify drops events when its queue overflows; a look now and then makes up for it.
    this.#rescan = setInterval(scan, 1000);
    this.#rescan.unref();
    this.#scan();
  }

  /** Stops watching and forgets what was known, without reporting removals. */
  stop(): void {
    this.#watcher?.close();
    clearInterval(this.#rescan);
    this.#known.clear();
  }

  #scan(): void {
    const present = new Map<string, string>();
    for (const name of readdirSync(this.#directory)) {
      if (name.startsWith('.')) continue;
      const path = join(this.#directory, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      if (stats?.isSocket()) present.set(path, `${String(stats.ino)}:${String(stats.ctimeMs)}`);
    }
    for (const [path, identity] of this.#known) {
      if (present.get(path) === identity) continue;
      this.#known.delete(path);
      this.#handlers.onRemoved(path);
    }
    for (const [path, identity] of present) {
      if (this.#known.has(path)) continue;
      this.#known.set(path, identity);
      this.#handlers.onAdded(path);
    }
  }
}
