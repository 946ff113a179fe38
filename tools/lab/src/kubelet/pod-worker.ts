import type { ContainerSpec } from '../cri/container.ts';
import type { CriClient } from '../cri/cri-client.ts';
import type { PodSandboxSpec } from '../cri/pod-sandbox.ts';
import { retry } from '../waiting/retry.ts';
import type { RetryPauses } from '../waiting/retry.ts';
import type { ClaimManager } from './claim-manager.ts';
import { DraProtocolError } from './dra-protocol-error.ts';
import type { KubeletApi, PodEvent, PodStatus, ResourceClaim } from './kubelet-api.ts';
import { podNamespace, resourceClaimName } from './pod-manifest.ts';
import type { PodContainer, PodManifest } from './pod-manifest.ts';

/** A pod whose containers all run. */
export interface RunningPod {
  readonly pod: PodManifest;
  readonly podSandboxId: string;
  /** Path of the pod's network namespace; undefined for host-network pods. */
  readonly networkNamespacePath?: string;
  /** The addresses from CNI, the primary one first. */
  readonly ips: readonly string[];
  /** Container ids by container name. */
  readonly containers: Readonly<Record<string, string>>;
  /** How often each step was tried for this result, the successful attempt included; 0 for what was there already. */
  readonly attempts: PodAttempts;
}

/** Attempts by step. */
export interface PodAttempts {
  readonly prepare: number;
  readonly sandbox: number;
  /** Of all containers together. */
  readonly containers: number;
}

/** What a {@link PodWorker} works with. */
export interface PodWorkerOptions {
  readonly api: KubeletApi;
  readonly cri: CriClient;
  readonly claims: ClaimManager;
  readonly pauses: RetryPauses;
}

/**
 * Brings one pod to life and to its end, in the kubelet's order: claims, sandbox, containers; then containers, sandbox, claims. A step
 * that fails is retried; what has succeeded is kept, so a container that fails is created again in the same sandbox.
 */
export class PodWorker {
  readonly pod: PodManifest;
  readonly #options: PodWorkerOptions;
  readonly #events: PodEvent[] = [];
  #sandbox: { readonly id: string; readonly spec: PodSandboxSpec } | undefined;
  #sandboxAttempt = 0;
  /** Of the sandbox that is there now, by container name. */
  readonly #containers = new Map<string, string>();
  readonly #containerAttempts = new Map<string, number>();
  readonly #waiting = new Map<string, { readonly reason: string; readonly message: string }>();

  constructor(pod: PodManifest, options: PodWorkerOptions) {
    this.pod = pod;
    this.#options = options;
  }

  /** Everything that was recorded about the pod, oldest first. */
  get events(): readonly PodEvent[] {
    return this.#events;
  }

  /**
   * Makes the pod run, from whatever is there: a sandbox that died is replaced, a missing container is created.
   *
   * @param prepareClaims whether to prepare also when the sandbox lives, as a kubelet that was restarted must be able to
   * @param signal ends the retries: the last failure is thrown
   * @throws DraProtocolError at once
   */
  async run(signal: AbortSignal, prepareClaims = false): Promise<RunningPod> {
    const attempts = { prepare: 0, sandbox: 0, containers: 0 };
    let prepareOnce = prepareClaims;
    return this.#retry(signal, async () => {
      const alive = await this.#sandboxAlive();
      if (!alive || prepareOnce) {
        attempts.prepare++;
        await this.#step('FailedPrepareDynamicResources', 'Failed to prepare dynamic resources', () =>
          this.#prepare(),
        );
        prepareOnce = false;
      }
      signal.throwIfAborted();
      if (!alive) {
        attempts.sandbox++;
        await this.#step('FailedCreatePodSandBox', 'Failed to create pod sandbox', () => this.#runSandbox());
      }
      const failures: unknown[] = [];
      for (const container of this.pod.spec.containers) {
        signal.throwIfAborted();
        if (await this.#containerExists(container)) continue;
        attempts.containers++;
        // A container that fails does not keep the others from starting.
        await this.#step('Failed', 'Error', () => this.#runContainer(container)).catch((error: unknown) =>
          failures.push(error),
        );
      }
      if (failures.length > 0) throw failures[0];
      return this.#describe(attempts);
    });
  }

  /**
   * Ends the pod. The claims are unprepared once nothing runs any more and before the sandbox is removed, which in a kubelet is left to
   * garbage collection.
   *
   * @param signal ends the retries: the last failure is thrown
   */
  async delete(signal: AbortSignal, graceSeconds: number): Promise<void> {
    const { cri, claims } = this.#options;
    await this.#retry(signal, async () => {
      const sandboxes = await cri.listPodSandbox({ 'io.kubernetes.pod.uid': this.pod.metadata.uid });
      await this.#step('FailedKillPod', 'error killing pod', async () => {
        for (const { id } of sandboxes) {
          for (const container of await cri.listContainers({ podSandboxId: id })) {
            if (container.state === 'running') await cri.stopContainer(container.id, graceSeconds);
          }
          await cri.stopPodSandbox(id);
        }
      });
      await this.#step('FailedUnprepareDynamicResources', 'Failed to unprepare dynamic resources', () =>
        claims.unprepare(this.pod.metadata.uid),
      );
      await this.#step('FailedKillPod', 'error removing pod', async () => {
        for (const { id } of sandboxes) {
          // Containers first, as the kubelet does: containerd 2.1 never ends removing a sandbox with containers if an NRI plugin registers
          // meanwhile (it takes a lock for reading a second time, RemoveContainer in RemovePodSandbox, while the registration waits for it).
          for (const container of await cri.listContainers({ podSandboxId: id })) {
            await cri.removeContainer(container.id);
          }
          await cri.removePodSandbox(id);
        }
      });
    });
    this.#sandbox = undefined;
    this.#containers.clear();
    this.#report('Succeeded', []);
  }

  async #prepare(): Promise<void> {
    const claims = await this.#allocatedClaims();
    if (claims.length > 0) await this.#options.claims.prepare(this.pod, claims);
  }

  /** The pod's claims, that for extended resources included, once they are allocated and reserved for it. */
  async #allocatedClaims(): Promise<ResourceClaim[]> {
    const namespace = podNamespace(this.pod);
    const { name: podName, uid } = this.pod.metadata;
    const names = (this.pod.spec.resourceClaims ?? []).map((reference) => {
      const name = resourceClaimName(this.pod, reference);
      if (name === undefined)
        throw new Error(`ResourceClaim for pod claim '${reference.name}' is not created yet`);
      return name;
    });
    const extended = this.pod.status?.extendedResourceClaimStatus?.resourceClaimName;
    const claims: ResourceClaim[] = [];
    for (const name of extended === undefined ? names : [...names, extended]) {
      const claim = await this.#options.api.getClaim(namespace, name);
      if (claim === undefined)
        throw new Error(`failed to fetch ResourceClaim ${name} referenced by pod ${podName}`);
      if (claim.status?.allocation === undefined)
        throw new Error(`ResourceClaim ${name} is not allocated yet`);
      if (!(claim.status.reservedFor ?? []).some((consumer) => consumer.uid === uid)) {
        throw new Error(
          `pod ${podName}(${uid}) is not allowed to use ResourceClaim ${name}(${claim.metadata.uid})`,
        );
      }
      claims.push(claim);
    }
    return claims;
  }

  async #sandboxAlive(): Promise<boolean> {
    if (this.#sandbox === undefined) return false;
    return (await this.#options.cri.podSandboxStatus(this.#sandbox.id))?.state === 'ready';
  }

  async #runSandbox(): Promise<void> {
    const { cri } = this.#options;
    // What is left of an earlier one goes first. Its name contains the attempt, so the next one must count on.
    for (const { id } of await cri.listPodSandbox({ 'io.kubernetes.pod.uid': this.pod.metadata.uid })) {
      await cri.stopPodSandbox(id);
      await cri.removePodSandbox(id);
    }
    this.#sandbox = undefined;
    this.#containers.clear();
    this.#containerAttempts.clear();
    const { name, uid, labels, annotations } = this.pod.metadata;
    const spec: PodSandboxSpec = {
      name,
      uid,
      namespace: podNamespace(this.pod),
      attempt: this.#sandboxAttempt++,
      hostNetwork: this.pod.spec.hostNetwork ?? false,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    this.#sandbox = { id: await cri.runPodSandbox(spec), spec };
  }

  async #containerExists(container: PodContainer): Promise<boolean> {
    const id = this.#containers.get(container.name);
    return id !== undefined && (await this.#options.cri.containerStatus(id)) !== undefined;
  }

  async #runContainer(container: PodContainer): Promise<void> {
    const { cri, claims } = this.#options;
    const { name } = container;
    if (this.#sandbox === undefined) throw new Error(`no sandbox for container ${name}`);
    this.#containers.delete(name);
    const attempt = this.#containerAttempts.get(name) ?? 0;
    this.#containerAttempts.set(name, attempt + 1);
    let reason = 'CreateContainerError';
    let id: string | undefined;
    try {
      const spec = containerSpec(container, attempt, claims.cdiDevices(this.pod, container));
      id = await cri.createContainer(this.#sandbox.id, spec, this.#sandbox.spec);
      this.#record({ type: 'Normal', reason: 'Created', message: `Container created: ${name}` });
      reason = 'RunContainerError';
      await cri.startContainer(id);
    } catch (error) {
      this.#waiting.set(name, { reason, message: words(error) });
      if (id !== undefined) await cri.removeContainer(id);
      throw error;
    }
    this.#containers.set(name, id);
    this.#waiting.delete(name);
    this.#record({ type: 'Normal', reason: 'Started', message: `Container started: ${name}` });
  }

  async #describe(attempts: PodAttempts): Promise<RunningPod> {
    const podSandboxId = this.#sandbox?.id ?? '';
    const details = await this.#options.cri.podSandboxStatus(podSandboxId);
    const ips = details?.ips ?? [];
    const path = details?.networkNamespacePath;
    this.#report('Running', ips);
    return {
      pod: this.pod,
      podSandboxId,
      ...(path === undefined ? {} : { networkNamespacePath: path }),
      ips,
      containers: Object.fromEntries(this.#containers),
      attempts,
    };
  }

  async #step(reason: string, message: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#record({ type: 'Warning', reason, message: `${message}: ${words(error)}` });
      throw error;
    }
  }

  #retry<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return retry(work, {
      ...this.#options.pauses,
      signal,
      onFailure: (error) => {
        this.#report('Pending', []);
        if (error instanceof DraProtocolError) throw error;
      },
    });
  }

  #record(event: PodEvent): void {
    this.#events.push(event);
    void this.#options.api.recordEvent?.(this.pod, event).catch(() => undefined);
  }

  #report(phase: PodStatus['phase'], podIPs: readonly string[]): void {
    const containers = this.pod.spec.containers.map(({ name }): PodStatus['containers'][number] => {
      const id = this.#containers.get(name);
      if (phase === 'Succeeded') return { name, state: 'terminated' };
      if (id !== undefined) return { name, id, state: 'running' };
      return { name, state: 'waiting', ...(this.#waiting.get(name) ?? { reason: 'ContainerCreating' }) };
    });
    void this.#options.api.updatePodStatus?.(this.pod, { phase, podIPs, containers }).catch(() => undefined);
  }
}

function containerSpec(
  container: PodContainer,
  attempt: number,
  cdiDevices: readonly string[],
): ContainerSpec {
  return {
    name: container.name,
    attempt,
    ...(container.image === undefined ? {} : { image: container.image }),
    command: container.command ?? [],
    args: container.args ?? [],
    env: Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? ''])),
    privileged: container.securityContext?.privileged ?? false,
    capabilities: container.securityContext?.capabilities?.add ?? [],
    cdiDevices,
  };
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
