import { closeSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { CdiMount, ClaimReference } from '@patchbay/dra';
import type { ClaimRecord } from './claim-record.ts';

/** Name of the one file in an open gate's folder. */
const fileName = 'attached';

/** Where in containers the mounts are that keep them waiting. */
const containerDirectory = '/run/patchbay';

/**
 * Keeps containers from running without their network, by mounts in the claim's CDI spec whose sources are missing: every runtime then
 * refuses to create the container, and the kubelet tries again. The user reads the paths in the pod's events, so they say what is missing.
 *
 * - A file of the claim exists only while its devices are wholly attached wherever they are.
 * - A file of the kernel exists only where the pod has the interface. The claim's file cannot tell one pod from another, or a pod's sandbox
 *   from the next one, and is left open by a driver that does not run.
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

  /**
   * The mounts that keep the containers of a prepared claim waiting.
   *
   * Low-level runtimes mount when the process that will be the container is in the pod's network namespace, and `/proc/sys/net` is that of the
   * process that looks (`net_ctl_header_lookup`, net/sysctl_net.c): any file there of the interface is missing where the interface is. Where
   * they mount for it from outside (user namespaces, virtual machines) it is missing always, and only the driver lets the container pass:
   * see {@link vouchedFor}.
   */
  mounts({ claim, devices }: ClaimRecord): readonly CdiMount[] {
    const options = ['ro', 'bind'];
    return [
      { hostPath: this.path(claim), containerPath: join(containerDirectory, claim.uid), options },
      ...interfacesOf(devices).map((name) => ({
        hostPath: `/proc/sys/net/ipv4/conf/${name}/tag`,
        containerPath: interfacePath(claim, name),
        options,
      })),
    ];
  }

  /**
   * The mounts of {@link mounts} that a container needs no more when the driver knows that the claim is attached to its pod, by their paths
   * in the container.
   */
  vouchedFor({ claim, devices }: ClaimRecord): readonly string[] {
    return interfacesOf(devices).map((name) => interfacePath(claim, name));
  }

  /** Whether a path is that of some claim's gate file. */
  isGate(path: string): boolean {
    return path.startsWith(this.#directory);
  }

  /** Whether the claim's containers may start. */
  isOpen(claim: ClaimReference): boolean {
    return existsSync(this.path(claim));
  }

  /** Makes the gate of a claim that is attached nowhere, closed, so that the hook has only to open it. Repeatable. */
  make(claim: ClaimReference): void {
    mkdirSync(this.#folder(claim), { recursive: true, mode: 0o755 });
    this.close(claim);
  }

  /** Lets the claim's containers start. Synchronous, because it is the last step of the runtime's hook and costs microseconds on a tmpfs. */
  open(claim: ClaimReference): void {
    const path = this.path(claim);
    try {
      closeSync(openSync(path, 'w', 0o444));
    } catch (error) {
      // Someone has tidied up.
      if (!isMissing(error)) throw error;
      mkdirSync(this.#folder(claim), { recursive: true, mode: 0o755 });
      closeSync(openSync(path, 'w', 0o444));
    }
  }

  /** Keeps the claim's next containers from starting; running ones keep their mount. Repeatable. */
  close(claim: ClaimReference): void {
    try {
      unlinkSync(this.path(claim));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** Removes the gate of a claim that is no longer prepared. Repeatable. */
  forget(claim: ClaimReference): void {
    this.remove(this.#folderName(claim));
  }

  /** Names of the gates that belong to none of the claims, such as those of a journal that was lost. */
  strangers(claims: Iterable<ClaimReference>): readonly string[] {
    const known = new Set([...claims].map((claim) => this.#folderName(claim)));
    return this.#folders().filter((name) => !known.has(name));
  }

  /** Removes a gate by its name. Repeatable. */
  remove(name: string): void {
    rmSync(join(this.#directory, name), { recursive: true, force: true });
  }

  #folders(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch (error) {
      if (!isMissing(error)) throw error;
      return [];
    }
  }

  #folder(claim: ClaimReference): string {
    return join(this.#directory, this.#folderName(claim));
  }

  #folderName({ namespace, name, uid }: ClaimReference): string {
    return `network-of-claim-${namespace}-${name}-is-not-attached-yet-${uid}`.slice(-255);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function interfacesOf(devices: ClaimRecord['devices']): string[] {
  return devices.filter(({ adminAccess }) => !adminAccess).map(({ interfaceName }) => interfaceName);
}

function interfacePath({ namespace, name, uid }: ClaimReference, interfaceName: string): string {
  const file = `this-pod-has-no-interface-${interfaceName}-of-claim-${namespace}-${name}-yet-${uid}`;
  return join(containerDirectory, file.slice(-255));
}
