import type { CriClient } from '../cri/cri-client.ts';
import { waitUntil } from '../waiting/wait-until.ts';
import { ClaimManager } from './claim-manager.ts';
import { DeviceHealthCache } from './device-health-cache.ts';
import type { DeviceHealth, HealthState } from './device-health-cache.ts';
import type { DraProtocolError } from './dra-protocol-error.ts';
import type { KubeletApi, PodEvent } from './kubelet-api.ts';
import { kubeletRelease } from './kubelet-release.ts';
import type { KubeletRelease } from './kubelet-release.ts';
import { PluginRegistry } from './plugin-registry.ts';
import type { RegisteredPlugin } from './plugin-registry.ts';
import type { PodManifest } from './pod-manifest.ts';
import { PodWorker } from './pod-worker.ts';
import type { RunningPod } from './pod-worker.ts';

/** Times of the lab's kubelet in ms. The real one's are given; tests want shorter ones. */
export interface LabKubeletTimes {
  /** Deadline of NodePrepareResources and NodeUnprepareResources; 45 000 as in the kubelet by default. */
  readonly draCallMs?: number;
  /** Between a driver's disappearance and the wipe of its slices; 30 000 as in the kubelet by default. */
  readonly wipeDelayMs?: number;
  /** First pause after a failed attempt, doubled each time; 50 by default (the kubelet: some seconds). */
  readonly retryMs?: number;
  /** Longest pause between attempts; 1000 by default. */
  readonly longestRetryMs?: number;
  /** Between the end of a driver's health stream and the next attempt to open one; 5000 as in the kubelet by default. */
  readonly healthRetryMs?: number;
}

/** How a {@link LabKubelet} is set up. */
export interface LabKubeletOptions {
  readonly nodeName: string;
  readonly api: KubeletApi;
  /** Where pods run. */
  readonly cri: CriClient;
  /** Directory in which drivers register, `plugins_registry` of a kubelet; must exist. */
  readonly registryDirectory: string;
  /** The Kubernetes release whose kubelet this is, from `1.32` on; `1.36` by default. */
  readonly version?: string;
  readonly times?: LabKubeletTimes;
}

/** How long pods are waited for, and how they end. */
export interface PodOptions {
  /** Ends the retries: the last failure is thrown. */
  readonly signal?: AbortSignal;
  /** Ms until the retries end by themselves; 60 000 by default. */
  readonly timeoutMs?: number;
}

/** A registration that the kubelet refused or that failed. */
export interface RefusedRegistration {
  readonly socket: string;
  readonly message: string;
}

const defaultVersion = '1.36';

/**
 * A stand-in for the kubelet that speaks its protocols to the letter: plugin registration and DRA towards drivers, CRI towards the
 * runtime. It judges drivers more strictly than the kubelet: what breaks the protocol is thrown and kept in `violations`.
 *
 * It does not restart containers that exit, and has no volumes, probes, resources or images.
 */
export class LabKubelet {
  readonly nodeName: string;
  /** As the node's `status.nodeInfo.kubeletVersion` has it, such as `v1.36.0`. */
  readonly version: string;
  /** Registrations that failed since the start of the first life, oldest first. They are retried. */
  readonly refusedRegistrations: RefusedRegistration[] = [];
  readonly #options: LabKubeletOptions;
  readonly #pauses: { readonly firstMs: number; readonly longestMs: number };
  readonly #release: KubeletRelease;
  readonly #claims: ClaimManager;
  readonly #health = new DeviceHealthCache();
  /** Of drivers outside of calls. */
  readonly #violations: DraProtocolError[] = [];
  readonly #pods = new Map<string, PodWorker>();
  /** The work under way for each pod: what ends it, and its end. */
  readonly #syncs = new Map<
    string,
    { readonly controller: AbortController; readonly ended: Promise<unknown> }
  >();
  #registry: PluginRegistry | undefined;

  /** @throws RangeError for a version that the lab has no kubelet of */
  constructor(options: LabKubeletOptions) {
    this.nodeName = options.nodeName;
    this.#release = kubeletRelease(options.version ?? defaultVersion);
    this.version = this.#release.version;
    this.#options = options;
    this.#pauses = {
      firstMs: options.times?.retryMs ?? 50,
      longestMs: options.times?.longestRetryMs ?? 1000,
    };
    this.#claims = new ClaimManager((driverName) => this.#running().service(driverName));
  }

  /** Wipes the node's slices and watches the registry directory; drivers that are there already register. */
  async start(): Promise<void> {
    if (this.#registry) throw new Error('the kubelet is running already');
    const { api, times = {}, registryDirectory } = this.#options;
    const wipe = (driverName?: string) =>
      api.wipeResourceSlices?.(this.nodeName, driverName).catch(() => undefined) ?? Promise.resolve();
    await wipe();
    this.#registry = new PluginRegistry({
      directory: registryDirectory,
      release: this.#release,
      callTimeoutMs: times.draCallMs ?? 45_000,
      wipeDelayMs: times.wipeDelayMs ?? 30_000,
      retryMs: this.#pauses.firstMs,
      longestRetryMs: this.#pauses.longestMs,
      healthRetryMs: times.healthRetryMs ?? 5000,
      health: this.#health,
      wipe: (driverName) => void wipe(driverName),
      onRefused: (socket, message) => this.refusedRegistrations.push({ socket, message }),
      onViolation: (error) => this.#violations.push(error),
    });
    this.#registry.start();
  }

  /** Stops watching, drops the drivers and ends all retries. Pods run on. */
  async stop(): Promise<void> {
    for (const { controller } of this.#syncs.values()) controller.abort(new Error('the kubelet was stopped'));
    await Promise.allSettled([...this.#syncs.values()].map(({ ended }) => ended));
    this.#registry?.stop();
    this.#registry = undefined;
  }

  /**
   * Ends and starts as another kubelet process does: forgets that claims are prepared, wipes the node's slices, registers drivers anew.
   * Then prepares the claims of all its pods again and replaces sandboxes that have died meanwhile. The real kubelet prepares again only
   * when it needs a sandbox; here it always does, because drivers must bear it.
   *
   * @returns the pods, running
   */
  async restart(options: PodOptions = {}): Promise<RunningPod[]> {
    await this.stop();
    this.#claims.forgetPrepared();
    await this.start();
    return Promise.all(
      [...this.#pods.values()].map((worker) =>
        this.#sync(worker, options, (signal) => worker.run(signal, true)),
      ),
    );
  }

  /** The drivers that are registered now; several instances of one driver count each. */
  get plugins(): readonly RegisteredPlugin[] {
    return this.#registry?.plugins ?? [];
  }

  /** What drivers did that the protocol forbids: first in answers to calls, in order, then in reports of health. */
  get violations(): readonly DraProtocolError[] {
    return [...this.#claims.violations, ...this.#violations];
  }

  /** How well a device works, by what its driver has reported; `unknown` also when the report is too old (KEP-4680). */
  deviceHealth(driverName: string, pool: string, device: string): DeviceHealth {
    return this.#health.get(driverName, pool, device);
  }

  /** Waits until a device's health is so, by reports or by the lack of them. */
  healthBecomes(
    device: { readonly driver: string; readonly pool: string; readonly device: string },
    health: HealthState,
    timeoutMs = 10_000,
  ): Promise<DeviceHealth> {
    const look = () => this.deviceHealth(device.driver, device.pool, device.device);
    return waitUntil(
      () => `device ${device.pool}/${device.device} of ${device.driver}, ${look().health}, to be ${health}`,
      () => {
        const now = look();
        return now.health === health && now;
      },
      { timeoutMs },
    );
  }

  /** UIDs of the claims that are prepared on this node. */
  get preparedClaims(): readonly string[] {
    return this.#claims.preparedClaims;
  }

  /** What happened to a pod so far, oldest first; empty for an unknown pod. */
  events(podUID: string): readonly PodEvent[] {
    return this.#pods.get(podUID)?.events ?? [];
  }

  /** Waits for a driver to be registered. */
  pluginRegistered(driverName: string, timeoutMs = 10_000): Promise<RegisteredPlugin> {
    const refusals = () => this.refusedRegistrations.map(({ message }) => message).join('; ');
    return waitUntil(
      () => `driver ${driverName} to register (refused so far: ${refusals() || 'nothing'})`,
      () => this.plugins.findLast((plugin) => plugin.driverName === driverName),
      { timeoutMs },
    );
  }

  /** Waits until no instance of a driver is registered. */
  async pluginGone(driverName: string, timeoutMs = 10_000): Promise<void> {
    await waitUntil(
      `driver ${driverName} to deregister`,
      () => !this.plugins.some((plugin) => plugin.driverName === driverName),
      { timeoutMs },
    );
  }

  /**
   * Runs a pod: waits for its claims to be allocated and reserved, has them prepared, makes the sandbox, creates and starts the
   * containers. What fails is retried, with an event on the pod each time. Called again for a known pod it puts right what is missing,
   * for instance a sandbox that died with its runtime; claims are not prepared again then.
   *
   * @throws what failed last, when the time is up; DraProtocolError at once
   */
  runPod(pod: PodManifest, options: PodOptions = {}): Promise<RunningPod> {
    const { api, cri } = this.#options;
    const worker =
      this.#pods.get(pod.metadata.uid) ??
      new PodWorker(pod, { api, cri, claims: this.#claims, pauses: this.#pauses });
    this.#pods.set(pod.metadata.uid, worker);
    return this.#sync(worker, options, (signal) => worker.run(signal));
  }

  /**
   * Deletes a pod, also one that is still starting: containers, sandbox, claims that no other pod uses. What fails is retried.
   *
   * @param options.graceSeconds between SIGTERM and SIGKILL; 0 by default
   * @throws what failed last, when the time is up: the pod is still known then and can be deleted again
   */
  async deletePod(
    podUID: string,
    options: PodOptions & { readonly graceSeconds?: number } = {},
  ): Promise<void> {
    const worker = this.#pods.get(podUID);
    if (!worker) return;
    await this.#sync(worker, options, (signal) => worker.delete(signal, options.graceSeconds ?? 0));
    this.#pods.delete(podUID);
  }

  #running(): PluginRegistry {
    if (!this.#registry) throw new Error('the kubelet is not running');
    return this.#registry;
  }

  /** One work at a time for each pod; the newer one ends the retries of the older one. */
  async #sync<T>(
    worker: PodWorker,
    options: PodOptions,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    this.#running();
    const { uid } = worker.pod.metadata;
    const older = this.#syncs.get(uid);
    older?.controller.abort(new Error('superseded'));
    const controller = new AbortController();
    const limits = [controller.signal, AbortSignal.timeout(options.timeoutMs ?? 60_000)];
    if (options.signal) limits.push(options.signal);
    const result = Promise.allSettled([older?.ended]).then(() => work(AbortSignal.any(limits)));
    const sync = { controller, ended: result.catch(() => undefined) };
    this.#syncs.set(uid, sync);
    try {
      return await result;
    } finally {
      if (this.#syncs.get(uid) === sync) this.#syncs.delete(uid);
    }
  }
}
