import { isDeepStrictEqual } from 'node:util';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import { isApiError } from '../kube/api-error.ts';
import { Backoff, pause } from '../kube/backoff.ts';
import type { BackoffOptions } from '../kube/backoff.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import { Slots } from '../kube/slots.ts';
import { silentLogger } from '../logger.ts';
import type { Logger } from '../logger.ts';
import {
  claimPath,
  forgetResourceApiVersion,
  resourceApiVersion,
} from '../resource-api/resource-api-version.ts';
import type { ClaimDeviceStatus } from './claim-device-status.ts';
import { deviceStatusEntry, entryKey } from './device-status-entry.ts';
import type { DeviceStatusEntry } from './device-status-entry.ts';

/** Whose status is written, and who hears of problems. */
export interface ClaimStatusWriterOptions {
  readonly api: KubeApi;
  readonly driverName: string;
  /** Owner of the written fields in server-side apply; the driver's name unless told otherwise. Never change it between releases. */
  readonly fieldManager?: string;
  readonly logger?: Logger;
  /** Told about every failed attempt. */
  readonly onError?: (error: Error) => void;
  readonly backoff?: BackoffOptions;
}

/** A claim as far as its status matters here. */
interface ClaimStatus extends KubernetesObject {
  readonly status?: {
    readonly allocation?: { readonly devices?: { readonly results?: readonly DeviceStatusEntry[] } };
    readonly devices?: readonly DeviceStatusEntry[];
  };
}

/** What is still to be written for one claim. */
interface Pending {
  readonly claim: ClaimReference;
  devices: readonly ClaimDeviceStatus[];
  /** Whether a loop works on it. */
  working: boolean;
}

const defaultBackoff: BackoffOptions = { initialMs: 500, maximumMs: 60_000 };
/** So that a driver that restarts with many claims does not open a connection for each. */
const writesAtOnce = 4;
/**
 * How long a status waits for what may follow, in milliseconds. The runtime, which shares the node's processors, meanwhile goes on with the pod
 * whose devices have just been attached.
 */
const gatherMs = 10;

/**
 * Reports the state of allocated devices in `ResourceClaim.status.devices` (KEP-4817), in the background and for as long as it takes: a
 * pod must never wait for it. Entries of other drivers stay, and so does what is written when the process ends.
 */
export class ClaimStatusWriter {
  readonly #options: ClaimStatusWriterOptions;
  readonly #logger: Logger;
  readonly #pending = new Map<string, Pending>();
  readonly #slots = new Slots(writesAtOnce);
  #signal: AbortSignal | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: ClaimStatusWriterOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  /**
   * Says how the claim's devices are; all of this driver's devices, those left out lose their entry. Returns at once. Whatever was set
   * before for the claim and is not written yet is skipped.
   */
  set(claim: ClaimReference, devices: readonly ClaimDeviceStatus[]): void {
    const pending = this.#pending.get(claim.uid) ?? { claim, devices, working: false };
    pending.devices = devices;
    this.#pending.set(claim.uid, pending);
    this.#work(pending);
  }

  /** Removes this driver's entries from the claim's status. */
  clear(claim: ClaimReference): void {
    this.set(claim, []);
  }

  /** Writes until the signal is aborted; never rejects. What was set before is written first. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const pending of this.#pending.values()) this.#work(pending);
    if (signal.aborted) return;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }

  /** Resolves when everything that was set is written, or its claim is gone. */
  settled(): Promise<void> {
    return this.#pending.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.push(resolve));
  }

  #work(pending: Pending): void {
    const signal = this.#signal;
    if (pending.working || signal === undefined || signal.aborted) return;
    pending.working = true;
    void this.#writeUntilDone(pending, signal).finally(() => (pending.working = false));
  }

  async #writeUntilDone(pending: Pending, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#options.backoff ?? defaultBackoff);
    await pause(gatherMs, signal);
    while (!signal.aborted) {
      const { devices } = pending;
      try {
        await this.#slots.run(() => this.#write(pending.claim, devices, signal));
        if (pending.devices === devices) {
          this.#done(pending);
          return;
        }
      } catch (error) {
        if (signal.aborted) return;
        const seconds = isApiError(error) ? (error.retryAfterSeconds ?? 0) : 0;
        this.#failed(pending.claim, error instanceof Error ? error : new Error(String(error)));
        // A newer status does not shorten this: the server that just failed deserves the pause whatever there is to write.
        await pause(backoff.next(seconds * 1000), signal);
      }
    }
  }

  /** Brings the claim's status up to date; also returns when the claim is gone, since then nobody can read it. */
  async #write(
    claim: ClaimReference,
    devices: readonly ClaimDeviceStatus[],
    signal: AbortSignal,
  ): Promise<void> {
    const { api, driverName } = this.#options;
    const path = await claimPath(api, claim);
    const current = await this.#read(path, claim, signal);
    if (current === undefined) return;
    const present = (current.status?.devices ?? []).filter(({ driver }) => driver === driverName);
    const presentByKey = new Map(present.map((entry) => [entryKey(entry), entry]));
    const allocated = new Set((current.status?.allocation?.devices?.results ?? []).map(entryKey));
    const now = new Date();
    const entries = devices
      .map((status) => {
        const { pool, device, shareId: shareID = '' } = status;
        const key = entryKey({ driver: driverName, pool, device, shareID });
        return deviceStatusEntry(driverName, status, presentByKey.get(key), now);
      })
      // The API server refuses a status for a device that the claim does not have (any more).
      .filter((entry) => allocated.has(entryKey(entry)));
    const wanted = new Map(entries.map((entry) => [entryKey(entry), entry]));
    if (isDeepStrictEqual(wanted, presentByKey)) return;
    const version = await resourceApiVersion(api);
    await api.request({
      method: 'PATCH',
      path: `${path}/status`,
      query: { fieldManager: this.#options.fieldManager ?? driverName, force: true },
      contentType: 'application/apply-patch+yaml',
      body: {
        apiVersion: `resource.k8s.io/${version}`,
        kind: 'ResourceClaim',
        // With the UID a claim of the same name that has come since is left alone (409).
        metadata: { name: claim.name, namespace: claim.namespace, uid: claim.uid },
        status: { devices: [...wanted.values()] },
      },
      signal,
    });
  }

  async #read(path: string, claim: ClaimReference, signal: AbortSignal): Promise<ClaimStatus | undefined> {
    try {
      const current = await this.#options.api.request<ClaimStatus>({ method: 'GET', path, signal });
      return current.metadata.uid === claim.uid ? current : undefined;
    } catch (error) {
      if (!isApiError(error, 404)) throw error;
      // A 404 also comes for an API version that an upgrade has removed.
      forgetResourceApiVersion(this.#options.api);
      if ((await claimPath(this.#options.api, claim)) !== path) throw error;
      return undefined;
    }
  }

  #failed(claim: ClaimReference, error: Error): void {
    const fields = { claimUID: claim.uid, claim: `${claim.namespace}/${claim.name}`, err: error };
    this.#logger.warn(fields, 'writing the claim’s device status failed, trying again');
    this.#options.onError?.(error);
  }

  #done(pending: Pending): void {
    this.#pending.delete(pending.claim.uid);
    if (this.#pending.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
