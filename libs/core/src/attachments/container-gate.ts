import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ClaimReference } from '@patchbay/dra';

/** Name of the one file in an open gate's folder. */
const fileName = 'attached';

/**
 * Keeps containers from running without their network. Each claim has a file that exists only while its devices are attached, and the
 * claim's CDI spec bind-mounts that file: without it every runtime refuses to create the container, and the kubelet tries again.
 *
 * The user reads the missing file's path in the pod's events, so the path says what is missing.
 */
export class ContainerGate {
  readonly #directory: string;

  /** @param directory on the host, under the same path for the driver and the runtime */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Path of the claim's gate file. */
  path(claim: ClaimReference): string {
    return join(this.#folder(claim), fileName);
  }

  /** Whether the claim's containers may start. */
  isOpen(claim: ClaimReference): boolean {
    return existsSync(this.path(claim));
  }

  /** Lets the claim's containers start. Synchronous, because it is the last step of the runtime's hook and costs microseconds on a tmpfs. */
  open(claim: ClaimReference): void {
    mkdirSync(this.#folder(claim), { recursive: true, mode: 0o755 });
    closeSync(openSync(this.path(claim), 'w', 0o444));
  }

  /** Keeps the claim's next containers from starting; running ones keep their mount. Repeatable. */
  close(claim: ClaimReference): void {
    rmSync(this.#folder(claim), { recursive: true, force: true });
  }

  /** Removes the gates of claims that are not among `claims`, such as those of a journal that was lost. */
  retain(claims: Iterable<ClaimReference>): void {
    const known = new Set([...claims].map((claim) => this.#folderName(claim)));
    for (const folder of this.#folders()) {
      if (!known.has(folder)) rmSync(join(this.#directory, folder), { recursive: true, force: true });
    }
  }

  #folders(): string[] {
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
    return readdirSync(this.#directory);
  }

  #folder(claim: ClaimReference): string {
    return join(this.#directory, this.#folderName(claim));
  }

  #folderName({ namespace, name, uid }: ClaimReference): string {
    return `network-of-claim-${namespace}-${name}-is-not-attached-yet-${uid}`.slice(-255);
  }
}
