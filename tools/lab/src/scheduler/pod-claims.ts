import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type {
  DeviceRequest,
  ResourceClaim,
  ResourceClaimTemplate,
} from '../apiserver/resources/resource-claim-schema.ts';
import type { RequestMapping } from './extended-resources.ts';
import type { ObjectCache } from './object-cache.ts';

/** On claims made from a template: which of the pod's claims it is. */
const POD_CLAIM_ANNOTATION = 'resource.kubernetes.io/pod-claim-name';

/** On the one claim for a pod's extended resources, with the value `true` (KEP-5004). */
const EXTENDED_RESOURCE_ANNOTATION = 'resource.kubernetes.io/extended-resource-claim';

/** What the claim controller works with. */
export interface PodClaimsOptions {
  readonly api: LabApiClient;
  readonly pods: ObjectCache<Pod>;
  readonly claims: ObjectCache<ResourceClaim>;
  readonly templates: ObjectCache<ResourceClaimTemplate>;
}

/** Where the claims of a namespace are. */
export function claimsPath(namespace: string): string {
  return `/apis/resource.k8s.io/v1/namespaces/${namespace}/resourceclaims`;
}

/** Where a pod is. */
export function podPath({ metadata }: Pod): string {
  return `/api/v1/namespaces/${metadata.namespace ?? ''}/pods/${metadata.name ?? ''}`;
}

/** Whether a pod has ended for good. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Makes the claims of pods from templates, and releases claims of pods that are done, as the claim controller does. */
export class PodClaims {
  readonly #options: PodClaimsOptions;

  constructor(options: PodClaimsOptions) {
    this.#options = options;
  }

  /** The claim behind one of a pod's claim names; undefined when it is not there (yet). */
  find(pod: Pod, podClaimName: string): ResourceClaim | undefined {
    const reference = pod.spec.resourceClaims?.find(({ name }) => name === podClaimName);
    const status = pod.status?.resourceClaimStatuses?.find(({ name }) => name === podClaimName);
    const name = reference?.resourceClaimName ?? status?.resourceClaimName;
    const namespace = pod.metadata.namespace ?? '';
    if (name !== undefined) return this.#options.claims.get(namespace, name);
    return this.#generated(pod, podClaimName);
  }

  /** Creates the claims that a pod's templates call for and notes their names in the pod's status. */
  async create(pod: Pod): Promise<void> {
    const references = pod.spec.resourceClaims ?? [];
    const statuses = [...(pod.status?.resourceClaimStatuses ?? [])];
    for (const { name, resourceClaimTemplateName } of references) {
      if (resourceClaimTemplateName === undefined || statuses.some((status) => status.name === name))
        continue;
      const template = this.#options.templates.get(pod.metadata.namespace ?? '', resourceClaimTemplateName);
      if (template === undefined) continue;
      const claim = this.#generated(pod, name) ?? (await this.#make(pod, name, template));
      statuses.push({ name, resourceClaimName: claim.metadata.name });
    }
    if (statuses.length === (pod.status?.resourceClaimStatuses ?? []).length) return;
    this.#options.pods.put(
      await this.#options.api.request<Pod>({
        method: 'PATCH',
        path: `${podPath(pod)}/status`,
        contentType: 'application/merge-patch+json',
        body: { status: { resourceClaimStatuses: statuses } },
      }),
    );
  }

  /** The claim for a pod's extended resources; the one that an earlier attempt at scheduling left, before the pod is bound. */
  extended(pod: Pod): ResourceClaim | undefined {
    return this.#options.claims
      .all()
      .find(
        ({ metadata }) =>
          metadata.namespace === pod.metadata.namespace &&
          metadata.annotations?.[EXTENDED_RESOURCE_ANNOTATION] === 'true' &&
          metadata.ownerReferences?.some(
            ({ uid, controller }) => controller === true && uid === pod.metadata.uid,
          ),
      );
  }

  /** Creates the claim for a pod's extended resources. */
  async createExtended(pod: Pod, requests: readonly DeviceRequest[]): Promise<ResourceClaim> {
    const { namespace = '', name = '', uid } = pod.metadata;
    const claim = await this.#options.api.request<ResourceClaim>({
      method: 'POST',
      path: claimsPath(namespace),
      body: {
        metadata: {
          generateName: `${name}-extended-resources-`,
          annotations: { [EXTENDED_RESOURCE_ANNOTATION]: 'true' },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true }],
        },
        spec: { devices: { requests } },
      },
    });
    this.#options.claims.put(claim);
    return claim;
  }

  /** Notes in a pod's status which claim its extended resources come from. */
  async noteExtended(
    pod: Pod,
    status: { readonly resourceClaimName: string; readonly requestMappings: readonly RequestMapping[] },
  ): Promise<void> {
    this.#options.pods.put(
      await this.#options.api.request<Pod>({
        method: 'PATCH',
        path: `${podPath(pod)}/status`,
        contentType: 'application/merge-patch+json',
        body: { status: { extendedResourceClaimStatus: status } },
      }),
    );
  }

  /** Deletes a claim. */
  async delete(claim: ResourceClaim): Promise<void> {
    await this.#options.api.request({
      method: 'DELETE',
      path: `${claimsPath(claim.metadata.namespace ?? '')}/${claim.metadata.name ?? ''}`,
      body: { preconditions: { uid: claim.metadata.uid } },
    });
    if ((claim.metadata.finalizers ?? []).length === 0) this.#options.claims.remove(claim);
  }

  /**
   * Takes reservations of pods that are done off a claim, its allocation when none is left, and the claim itself when it
   * was made for such a pod.
   */
  async release(claim: ResourceClaim): Promise<void> {
    const { namespace = '', name = '', resourceVersion } = claim.metadata;
    const reserved = claim.status?.reservedFor ?? [];
    const kept = reserved.filter(
      ({ resource, name: podName, uid }) => resource !== 'pods' || this.#needs(namespace, podName, uid),
    );
    let current = claim;
    if (kept.length < reserved.length) {
      const status = { reservedFor: kept, ...(kept.length === 0 ? { allocation: null } : {}) };
      current = await this.#options.api.request<ResourceClaim>({
        method: 'PATCH',
        path: `${claimsPath(namespace)}/${name}/status`,
        contentType: 'application/merge-patch+json',
        body: { metadata: { resourceVersion }, status },
      });
      this.#options.claims.put(current);
    }
    const owner = claim.metadata.ownerReferences?.find(
      ({ kind, controller }) => kind === 'Pod' && controller === true,
    );
    const annotations = claim.metadata.annotations ?? {};
    const generated = [POD_CLAIM_ANNOTATION, EXTENDED_RESOURCE_ANNOTATION].some((key) => key in annotations);
    if (
      !generated ||
      owner === undefined ||
      claim.metadata.deletionTimestamp !== undefined ||
      this.#needs(namespace, owner.name, owner.uid)
    )
      return;
    await this.delete(current);
  }

  #needs(namespace: string, podName: string, uid: string): boolean {
    const pod = this.#options.pods.get(namespace, podName);
    return pod !== undefined && pod.metadata.uid === uid && !isFinished(pod);
  }

  #generated(pod: Pod, podClaimName: string): ResourceClaim | undefined {
    return this.#options.claims
      .all()
      .find(
        ({ metadata }) =>
          metadata.namespace === pod.metadata.namespace &&
          metadata.annotations?.[POD_CLAIM_ANNOTATION] === podClaimName &&
          metadata.ownerReferences?.some(({ uid }) => uid === pod.metadata.uid) === true,
      );
  }

  async #make(pod: Pod, podClaimName: string, template: ResourceClaimTemplate): Promise<ResourceClaim> {
    const { namespace = '', name = '', uid } = pod.metadata;
    const { metadata, spec } = template.spec;
    const claim = await this.#options.api.request<ResourceClaim>({
      method: 'POST',
      path: claimsPath(namespace),
      body: {
        metadata: {
          generateName: `${name}-${podClaimName}-`,
          labels: metadata?.labels,
          annotations: { ...metadata?.annotations, [POD_CLAIM_ANNOTATION]: podClaimName },
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true },
          ],
        },
        spec,
      },
    });
    this.#options.claims.put(claim);
    return claim;
  }
}
