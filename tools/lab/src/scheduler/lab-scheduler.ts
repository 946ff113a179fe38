import { ApiRequestError } from '../apiserver/lab-api-client.ts';
import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import { isJsonObject } from '../apiserver/objects/kube-object.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type {
  Allocation,
  DeviceClass,
  DeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
} from '../apiserver/resources/resource-claim-schema.ts';
import type { ResourceSlice } from '../apiserver/resources/resource-slice-schema.ts';
import { pause } from '../waiting/wait-until.ts';
import { allocateClaims } from './allocate-claims.ts';
import { allocationOf } from './allocation-result.ts';
import { devicesOfNode } from './device-pools.ts';
import { DeviceTaintEviction } from './device-taint-eviction.ts';
import { pendingRequests, UnschedulableError } from './device-request.ts';
import { DeviceUsage } from './device-usage.ts';
import { extendedResourceRequests } from './extended-resources.ts';
import type { ExtendedResourceRequests } from './extended-resources.ts';
import { selectsNode } from './node-selection.ts';
import { ObjectCache } from './object-cache.ts';
import { claimsPath, isFinished, PodClaims, podPath } from './pod-claims.ts';
import { SchedulingReport } from './scheduling-report.ts';

/** How a lab scheduler is set up. */
export interface LabSchedulerOptions {
  api: LabApiClient;
  /** Pods with this spec.schedulerName are scheduled; default `default-scheduler`. */
  schedulerName?: string;
  /** Told about errors that it survives; by default they are dropped. */
  onError?: (error: unknown) => void;
}

/** A reservation limit of the API: users of one claim. */
const MAX_RESERVATIONS = 256;
const RETRY_MS = 50;

/**
 * Stands in for the scheduler, the claim controller and the device taint eviction controller: makes claims from templates,
 * allocates the claims and extended resources of pods that have no node, reserves them, binds the pods, deletes pods whose devices are tainted with
 * NoExecute, and releases everything when pods are done.
 */
export class LabScheduler {
  readonly #api: LabApiClient;
  readonly #schedulerName: string;
  readonly #onError: (error: unknown) => void;
  readonly #nodes: ObjectCache<KubeObject>;
  readonly #pods: ObjectCache<Pod>;
  readonly #claims: ObjectCache<ResourceClaim>;
  readonly #templates: ObjectCache<ResourceClaimTemplate>;
  readonly #classes: ObjectCache<DeviceClass>;
  readonly #slices: ObjectCache<ResourceSlice>;
  readonly #podClaims: PodClaims;
  readonly #report: SchedulingReport;
  readonly #eviction: DeviceTaintEviction;
  /** Wakes it up when the next pod is to be evicted. */
  #alarm: NodeJS.Timeout | undefined;
  #stopped = false;
  #changed = false;
  #passing: Promise<void> | undefined;

  constructor(options: LabSchedulerOptions) {
    const { api } = options;
    this.#api = api;
    this.#schedulerName = options.schedulerName ?? 'default-scheduler';
    this.#onError = options.onError ?? (() => undefined);
    const cache = <T extends KubeObject>(path: string): ObjectCache<T> =>
      new ObjectCache<T>({ api, path, onChange: () => this.#wake(), onError: this.#onError });
    this.#nodes = cache('/api/v1/nodes');
    this.#pods = cache('/api/v1/pods');
    this.#claims = cache('/apis/resource.k8s.io/v1/resourceclaims');
    this.#templates = cache('/apis/resource.k8s.io/v1/resourceclaimtemplates');
    this.#classes = cache('/apis/resource.k8s.io/v1/deviceclasses');
    this.#slices = cache('/apis/resource.k8s.io/v1/resourceslices');
    const [pods, claims, templates] = [this.#pods, this.#claims, this.#templates];
    this.#podClaims = new PodClaims({ api, pods, claims, templates });
    this.#report = new SchedulingReport(api, pods);
    this.#eviction = new DeviceTaintEviction({
      api,
      pods,
      slices: this.#slices,
      podClaims: this.#podClaims,
    });
  }

  /** Starts watching; resolves when the present state has been read. */
  async start(): Promise<void> {
    // Nothing may be decided before everything is known.
    this.#stopped = true;
    await Promise.all(this.#caches().map((cache) => cache.start()));
    this.#stopped = false;
    this.#wake();
  }

  /** Stops watching; resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#caches().map((cache) => cache.stop()));
    await this.#passing;
    clearTimeout(this.#alarm);
  }

  #caches(): ObjectCache<KubeObject>[] {
    return [this.#nodes, this.#pods, this.#claims, this.#templates, this.#classes, this.#slices];
  }

  #wake(): void {
    this.#changed = true;
    if (this.#stopped || this.#passing !== undefined) return;
    this.#passing = this.#passes().finally(() => {
      this.#passing = undefined;
      if (this.#changed) this.#wake();
    });
  }

  async #passes(): Promise<void> {
    while (this.#changed && !this.#stopped) {
      this.#changed = false;
      // Several events of one write are one reason to look.
      await pause(0);
      await this.#pass();
    }
  }

  async #pass(): Promise<void> {
    for (const claim of this.#claims.all()) await this.#survive(() => this.#podClaims.release(claim));
    for (const pod of this.#pods.all()) {
      if (isFinished(pod) || pod.metadata.deletionTimestamp !== undefined) continue;
      await this.#survive(() => this.#podClaims.create(pod));
    }
    for (const pod of this.#pods.all()) {
      if (!this.#isPending(pod) || this.#stopped) continue;
      await this.#survive(() => this.#schedule(pod));
    }
    await this.#evict();
  }

  async #evict(): Promise<void> {
    clearTimeout(this.#alarm);
    let next = Infinity;
    for (const pod of this.#pods.all()) {
      await this.#survive(async () => {
        next = Math.min(next, (await this.#eviction.evict(pod)) ?? Infinity);
      });
    }
    if (next === Infinity || this.#stopped) return;
    this.#alarm = setTimeout(() => this.#wake(), next);
  }

  /** Runs one step; conflicts mean that the cache is behind, and like all else are tried again soon. */
  async #survive(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (this.#stopped) return;
      if (!(error instanceof ApiRequestError && [404, 409].includes(error.code))) this.#onError(error);
      await pause(RETRY_MS);
      this.#changed = true;
    }
  }

  #isPending(pod: Pod): boolean {
    return (
      (pod.spec.nodeName ?? '') === '' &&
      pod.metadata.deletionTimestamp === undefined &&
      !isFinished(pod) &&
      pod.spec.schedulerName === this.#schedulerName
    );
  }

  async #schedule(pod: Pod): Promise<void> {
    const left = this.#podClaims.extended(pod);
    if (left !== undefined) {
      // An earlier attempt failed half-way. What it allocated may not fit any more, so the next attempt begins anew.
      await this.#podClaims.delete(left);
      this.#changed = true;
      return;
    }
    let plan: Plan;
    try {
      plan = this.#plan(pod);
    } catch (error) {
      if (!(error instanceof UnschedulableError)) throw error;
      await this.#report.unschedulable(pod, error.message);
      return;
    }
    for (const { claim, allocation } of plan.claims) await this.#reserve(pod, claim, allocation);
    if (plan.extended !== undefined) {
      const { requests, mappings, allocation } = plan.extended;
      const claim = await this.#podClaims.createExtended(pod, requests);
      await this.#reserve(pod, claim, allocation);
      const resourceClaimName = claim.metadata.name ?? '';
      await this.#podClaims.noteExtended(pod, { resourceClaimName, requestMappings: mappings });
    }
    const { name = '' } = pod.metadata;
    const path = podPath(pod);
    const target = { apiVersion: 'v1', kind: 'Node', name: plan.node };
    await this.#api.request({
      method: 'POST',
      path: `${path}/binding`,
      body: { metadata: { name }, target },
    });
    this.#pods.put(await this.#api.request<Pod>({ method: 'GET', path }));
  }

  /** Decides on a node and devices. Throws {@link UnschedulableError} with what did not fit where. */
  #plan(pod: Pod): Plan {
    // A pod may refer to one claim under several names.
    const claims = [...new Set((pod.spec.resourceClaims ?? []).map(({ name }) => this.#claimOf(pod, name)))];
    const problems: string[] = [];
    const nodes = this.#nodes.all();
    for (const node of nodes) {
      try {
        return this.#planOn(node, pod, claims);
      } catch (error) {
        if (!(error instanceof UnschedulableError)) throw error;
        problems.push(`${node.metadata.name ?? ''}: ${error.message}`);
      }
    }
    const summary = `0/${String(nodes.length)} nodes are available`;
    throw new UnschedulableError(problems.length === 0 ? summary : `${summary}: ${problems.join('. ')}`);
  }

  #claimOf(pod: Pod, podClaimName: string): ResourceClaim {
    const claim = this.#podClaims.find(pod, podClaimName);
    if (claim === undefined) {
      const reference = pod.spec.resourceClaims?.find(({ name }) => name === podClaimName);
      const name = reference?.resourceClaimName;
      throw new UnschedulableError(
        name === undefined
          ? `waiting for the claim of template "${reference?.resourceClaimTemplateName ?? ''}" to be created`
          : `resourceclaim "${name}" not found`,
      );
    }
    if (claim.metadata.deletionTimestamp !== undefined) {
      throw new UnschedulableError(`resourceclaim "${claim.metadata.name ?? ''}" is being deleted`);
    }
    const reserved = claim.status?.reservedFor ?? [];
    if (reserved.length >= MAX_RESERVATIONS && !reserved.some(({ uid }) => uid === pod.metadata.uid)) {
      throw new UnschedulableError(`resourceclaim "${claim.metadata.name ?? ''}" has too many users`);
    }
    return claim;
  }

  #planOn(node: KubeObject, pod: Pod, claims: readonly ResourceClaim[]): Plan {
    checkNode(node, pod);
    for (const { metadata, status } of claims) {
      const selector = status?.allocation?.nodeSelector;
      if (selector !== undefined && !selectsNode(selector, node)) {
        throw new UnschedulableError(`claim ${metadata.name ?? ''} is allocated for other nodes`);
      }
    }
    const missing = claims.filter(({ status }) => status?.allocation === undefined);
    const extended = extendedResourceRequests(pod, node, this.#classes.all());
    const extendedClaim = unnamedClaim(pod, extended?.requests ?? []);
    const requests = [...missing, extendedClaim].flatMap((claim) =>
      pendingRequests(claim, (name) => this.#classes.get('', name)),
    );
    const choices = allocateClaims(requests, {
      ...devicesOfNode(this.#slices.all(), node),
      usage: DeviceUsage.of(this.#claims.all()),
    });
    const allocate = (claim: ResourceClaim): Allocation =>
      allocationOf(
        claim,
        choices.filter(({ request }) => request.claim === claim),
      );
    return {
      node: node.metadata.name ?? '',
      claims: claims.map((claim) => ({ claim, allocation: claim.status?.allocation ?? allocate(claim) })),
      extended: extended === undefined ? undefined : { ...extended, allocation: allocate(extendedClaim) },
    };
  }

  async #reserve(pod: Pod, claim: ResourceClaim, allocation: Allocation): Promise<void> {
    const { namespace = '', name = '', resourceVersion } = claim.metadata;
    const reservedFor = claim.status?.reservedFor ?? [];
    if (reservedFor.some(({ uid }) => uid === pod.metadata.uid)) return;
    const reservation = { resource: 'pods', name: pod.metadata.name ?? '', uid: pod.metadata.uid ?? '' };
    this.#claims.put(
      await this.#api.request<ResourceClaim>({
        method: 'PATCH',
        path: `${claimsPath(namespace)}/${name}/status`,
        contentType: 'application/merge-patch+json',
        body: {
          metadata: { resourceVersion },
          status: { allocation, reservedFor: [...reservedFor, reservation] },
        },
      }),
    );
  }
}

interface Plan {
  readonly node: string;
  readonly claims: readonly { readonly claim: ResourceClaim; readonly allocation: Allocation }[];
  /** The claim for extended resources, which does not exist yet. */
  readonly extended: (ExtendedResourceRequests & { readonly allocation: Allocation }) | undefined;
}

/** The claim for a pod's extended resources before it has a name; as the scheduler calls it in its messages. */
function unnamedClaim(pod: Pod, requests: DeviceRequest[]): ResourceClaim {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name: '<extended-resources>', namespace: pod.metadata.namespace },
    spec: { devices: { requests } },
  };
}

/** What of a node's own properties keeps a pod away. */
function checkNode(node: KubeObject, pod: Pod): void {
  if (isJsonObject(node.spec) && node.spec['unschedulable'] === true) {
    throw new UnschedulableError('node is unschedulable');
  }
  const selector = pod.spec['nodeSelector'];
  if (!isJsonObject(selector)) return;
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(selector)) {
    if (labels[key] !== value) throw new UnschedulableError("node does not match the pod's node selector");
  }
}
