import { hash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkNamespace } from '@patchbay/netlink';
import { travelMark } from './link-identity.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';

/**
 * Keeps the network namespaces alive that software links of the host were moved to. When a namespace dies, the kernel sends hardware back to
 * the host but destroys software links; if the pod goes while no driver runs, a bind mount of the namespace is what the next driver finds
 * the link by. Hardware needs no pin.
 */
export class NamespacePins {
  readonly #directory: string;

  /** @param directory made when missing; on a mount that outlives the driver's process, and its container if it has one */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where the namespace that the link is in is pinned; undefined for hardware. */
  path(snapshot: LinkSnapshot): string | undefined {
    const mark = travelMark(snapshot);
    return mark && this.#pathOf(mark);
  }

  /** All pins, by their paths. */
  paths(): readonly string[] {
    if (!existsSync(this.#directory)) return [];
    return readdirSync(this.#directory).map((name) => join(this.#directory, name));
  }

  /** Whether a pin is that of the link with a mark; see `travelMark`. */
  isOf(path: string, mark: string): boolean {
    return path === this.#pathOf(mark);
  }

  /** Pins the namespace that the link is about to enter. Replaces an earlier pin of the link. */
  pin(snapshot: LinkSnapshot, namespace: NetworkNamespace): void {
    const path = this.path(snapshot);
    if (path === undefined) return;
    try {
      namespace.pin(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      NetworkNamespace.unpin(path);
      namespace.pin(path);
    }
  }

  /** Lets go of the namespace that the link has left. Succeeds when it is not pinned. */
  unpin(snapshot: LinkSnapshot): void {
    const path = this.path(snapshot);
    if (path !== undefined) NetworkNamespace.unpin(path);
  }

  #pathOf(mark: string): string {
    return join(this.#directory, hash('sha256', mark).slice(0, 16));
  }
}
