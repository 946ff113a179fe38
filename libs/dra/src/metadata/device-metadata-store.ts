import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { AllocatedClaim } from '../claims/allocated-claim.ts';
import { KeyedQueue } from '../claims/keyed-queue.ts';
import { baseRequestName } from '../claims/resolve-claim.ts';
import type { DeviceMetadata, RequestMetadataMount } from './device-metadata.ts';
import { metadataContent } from './metadata-content.ts';
import { writeMetadataFile } from './metadata-file.ts';
import { appendRecord, latestRecord } from './metadata-journal.ts';
import { deviceKey, preparedRecord, updatedRecord } from './metadata-record.ts';
import type { MetadataRecord, RecordedRequest } from './metadata-record.ts';
import { checkClaim, checkedMetadata, isClaimUID, isSubdomain } from './validate-metadata.ts';

/** Where the files are and whose they are. */
export interface DeviceMetadataStoreOptions {
  /**
   * Of this driver alone, under the same path on the host, made when missing. Containers mount files in it, so it must stay as long as they
   * run; it need not survive a reboot.
   */
  readonly directory: string;
  readonly driverName: string;
  /** Identifies the running boot; read from `/proc/sys/kernel/random/boot_id` unless given. */
  readonly bootId?: string;
}

/** Where containers find the files (KEP-5304). */
const containerDirectory = '/var/run/kubernetes.io/dra-device-attributes';
const longestDriverName = 63;

/**
 * Tells containers about their devices (KEP-5304): one file per claim and request, in group `metadata.resource.k8s.io`, mounted through
 * CDI. Files are written when a claim is prepared and changed in place when more is known, usually once the device is in the pod.
 *
 * Files are small and never synced, so they are written at once: a trip to the thread pool for each step costs more than the step.
 *
 * All calls may be repeated and may be cut off anywhere; the next one for the claim completes them. Two processes of a driver may share the
 * directory. What an earlier boot has left does not count and is overwritten.
 */
export class DeviceMetadataStore {
  readonly #options: DeviceMetadataStoreOptions;
  readonly #queue = new KeyedQueue();

  /** @throws RangeError when the driver's name is no DNS subdomain of at most 63 characters. */
  constructor(options: DeviceMetadataStoreOptions) {
    if (!isSubdomain(options.driverName, longestDriverName)) {
      throw new RangeError(`driver name '${options.driverName}' is no DNS subdomain`);
    }
    this.#options = options;
  }

  /**
   * Writes the files of a claim, generation 1 each. Repeated with the same metadata it changes nothing, also when `update` has said more
   * since; other metadata is written in place with the next generation.
   *
   * @param devices what is known so far. Devices of the claim that are left out are listed by name only.
   * @returns the mounts, one per request, in the order of `claim.devices`; the files exist
   * @throws DeviceMetadataInvalidError when a name or a value is not allowed; file system errors.
   */
  write(claim: AllocatedClaim, devices: readonly DeviceMetadata[]): Promise<readonly RequestMetadataMount[]> {
    return this.#queue.run(claim.uid, async () => {
      checkClaim(claim);
      const allocated = new Set(claim.devices.map((one) => deviceKey(one.request, one)));
      const checked = checkedMetadata(claim.uid, allocated, devices);
      const bootId = await this.#bootId();
      const record = this.#change(claim.uid, bootId, (previous) =>
        preparedRecord(previous, bootId, claim, checked),
      );
      return (record?.requests ?? []).map(({ name }) => this.#mount(claim, baseRequestName(name)));
    });
  }

  /**
   * Says what has been found out about the claim's devices since `write`, of all of them: attributes are added to those of `write`,
   * network data replaces it, and devices left out say again what `write` said. Files that change get the next generation, in place, so
   * that running containers see it.
   *
   * @returns whether there was something to update: false for a claim that is not written in this boot, or removed at the same time
   * @throws DeviceMetadataInvalidError when a name or a value is not allowed; file system errors.
   */
  update(claimUID: string, devices: readonly DeviceMetadata[]): Promise<boolean> {
    return this.#queue.run(claimUID, async () => {
      const record = this.#change(claimUID, await this.#bootId(), (previous) => {
        if (previous === undefined) return undefined;
        const allocated = previous.requests.flatMap((request) =>
          request.devices.map((one) => deviceKey(request.name, one)),
        );
        return updatedRecord(previous, checkedMetadata(claimUID, new Set(allocated), devices));
      });
      return record !== undefined;
    });
  }

  /** Removes a claim's files; succeeds when there are none. Containers that still have them mounted keep what they see. */
  remove(claimUID: string): Promise<void> {
    return this.#queue.run(claimUID, async () => {
      const removed = join(this.#options.directory, `.removed-${randomBytes(6).toString('hex')}`);
      // Under another name first: at no time is there a claim with a part of its files.
      const found = await rename(this.#claimDirectory(claimUID), removed).then(() => true, ignoreMissing);
      if (found === true) await rm(removed, { recursive: true, force: true });
    });
  }

  /** UIDs of all claims that have files, sorted, also those of an earlier boot; for cleaning up at the start. */
  async list(): Promise<string[]> {
    const { directory } = this.#options;
    const names = (await readdir(directory).catch(ignoreMissing)) ?? [];
    // Left by a process that was killed while it removed a claim.
    for (const name of names.filter((one) => one.startsWith('.removed-'))) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
    return names.filter(isClaimUID).sort();
  }

  /**
   * Moves the claim from its latest record to the next one, and its files after it.
   *
   * @param next undefined when there is nothing to do; called again when another process came in between
   * @returns the record that the claim has then
   */
  #change(
    claimUID: string,
    bootId: string,
    next: (previous: MetadataRecord | undefined) => MetadataRecord | undefined,
  ): MetadataRecord | undefined {
    const directory = this.#claimDirectory(claimUID);
    for (;;) {
      const latest = latestRecord(directory, bootId);
      const record = next(latest?.record);
      if (record === undefined) return undefined;
      if (latest === undefined) mkdirSync(directory, { recursive: true, mode: 0o755 });
      try {
        const known = isDeepStrictEqual(record, latest?.record);
        if (!known && !appendRecord(directory, latest?.sequence ?? 0, record)) continue;
        this.#writeFiles(claimUID, bootId);
        return record;
      } catch (error) {
        // Removed at the same time by another process: what is to happen then is for `next` to say.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || existsSync(directory)) throw error;
      }
    }
  }

  /** Makes the files say what the latest record says, also when it becomes another one meanwhile. */
  #writeFiles(claimUID: string, bootId: string): void {
    const { driverName } = this.#options;
    const directory = this.#claimDirectory(claimUID);
    let written = 0;
    for (;;) {
      const { sequence = 0, record } = latestRecord(directory, bootId) ?? {};
      if (record === undefined || sequence === written) return;
      for (const request of record.requests) {
        const content = metadataContent({ driverName, claimUID, record, request });
        writeMetadataFile(this.#path(claimUID, request), content);
      }
      written = sequence;
    }
  }

  #claimDirectory(claimUID: string): string {
    if (!isClaimUID(claimUID)) throw new RangeError(`'${claimUID}' cannot be the UID of a claim`);
    return join(this.#options.directory, claimUID);
  }

  #path(claimUID: string, request: Pick<RecordedRequest, 'name'>): string {
    return join(this.#claimDirectory(claimUID), `${baseRequestName(request.name)}.json`);
  }

  #mount(claim: AllocatedClaim, request: string): RequestMetadataMount {
    const { podClaimName } = claim;
    const [kind, name] =
      podClaimName === undefined || podClaimName === ''
        ? ['resourceclaims', claim.name]
        : ['resourceclaimtemplates', podClaimName];
    return {
      request,
      mount: {
        hostPath: this.#path(claim.uid, { name: request }),
        containerPath: join(
          containerDirectory,
          kind,
          name,
          request,
          `${this.#options.driverName}-metadata.json`,
        ),
        options: ['ro', 'bind'],
      },
    };
  }

  async #bootId(): Promise<string> {
    return this.#options.bootId ?? (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
