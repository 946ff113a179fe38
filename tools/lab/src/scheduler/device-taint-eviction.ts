import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import { timestamp } from '../apiserver/objects/kube-object.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { AllocationResult, ResourceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import type { ResourceSlice, SliceDevice } from '../apiserver/resources/resource-slice-schema.ts';
import { tolerates } from './device-taints.ts';
import type { ObjectCache } from './object-cache.ts';
import { isFinished, podPath } from './pod-claims.ts';
import type { PodClaims } from './pod-claims.ts';
import { recordPodEvent } from './pod-event.ts';

/** What the eviction works with. */
export interface DeviceTaintEvictionOptions {
  readonly api: LabApiClient;
  readonly pods: ObjectCache<Pod>;
  readonly slices: ObjectCache<ResourceSlice>;
  readonly podClaims: PodClaims;
}

/**
 * Deletes pods whose devices have taints of effect NoExecute that their claims do not tolerate, as the device taint eviction controller
 * does (KEP-5055, pkg/controller/devicetainteviction). Claims made for extended resources do not count there.
 */
export class DeviceTaintEviction {
  readonly #options: DeviceTaintEvictionOptions;

  constructor(options: DeviceTaintEvictionOptions) {
    this.#options = options;
  }

  /**
   * Deletes a pod when its time has come: it gets its grace period, and says why in a condition and an event.
   *
   * @returns ms until it is to be looked at again; undefined when nothing is to be done
   */
  async evict(pod: Pod): Promise<number | undefined> {
    if ((pod.spec.nodeName ?? '') === '' || pod.metadata.deletionTimestamp !== undefined || isFinished(pod)) {
      return undefined;
    }
    const claims = (pod.spec.resourceClaims ?? []).map(({ name }) => this.#options.podClaims.find(pod, name));
    const times = claims.flatMap((claim) =>
      claim?.status?.reservedFor?.some(({ uid }) => uid === pod.metadata.uid) === true
        ? this.#evictionTimes(claim)
        : [],
    );
    const wait = Math.min(...times) - Date.now();
    if (wait === Infinity) return undefined;
    if (wait > 0) return wait;
    await this.#delete(pod);
    return undefined;
  }

  /** For each taint of a claim's devices that is not tolerated for ever: when that ends, in ms since the epoch. */
  #evictionTimes(claim: ResourceClaim): number[] {
    return (claim.status?.allocation?.devices.results ?? []).flatMap((result) =>
      (this.#device(result)?.taints ?? []).flatMap((taint) => {
        if (taint.effect !== 'NoExecute') return [];
        // Unlike for scheduling, a toleration without effect does not count.
        const seconds = (result.tolerations ?? [])
          .filter((toleration) => toleration.effect === 'NoExecute' && tolerates(toleration, taint))
          .map(({ tolerationSeconds = Infinity }) => Math.max(0, tolerationSeconds));
        if (seconds.includes(Infinity)) return [];
        const added = Date.parse(taint.timeAdded ?? '');
        return [added + (seconds.length === 0 ? 0 : Math.min(...seconds)) * 1000];
      }),
    );
  }

  /** The device in the slices of its pool's highest generation, complete or not. */
  #device({ driver, pool, device }: AllocationResult): SliceDevice | undefined {
    const slices = this.#options.slices
      .all()
      .filter(({ spec }) => spec.driver === driver && spec.pool.name === pool);
    const generation = Math.max(...slices.map(({ spec }) => spec.pool.generation));
    return slices
      .filter(({ spec }) => spec.pool.generation === generation)
      .flatMap(({ spec }) => spec.devices ?? [])
      .find(({ name }) => name === device);
  }

  async #delete(pod: Pod): Promise<void> {
    const { api, pods } = this.#options;
    await recordPodEvent(api, pod, {
      type: 'Normal',
      reason: 'DeviceTaintManagerEviction',
      action: 'Evicting',
      note: 'Marking for deletion',
      reportingController: 'device-taint-eviction-controller',
    });
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByDeviceTaintManager',
      message: 'Device Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: timestamp(),
    };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
    await api.request({
      method: 'PATCH',
      path: `${podPath(pod)}/status`,
      contentType: 'application/merge-patch+json',
      body: { status: { conditions: [...others, condition] } },
    });
    const body = { preconditions: { uid: pod.metadata.uid } };
    pods.put(await api.request<Pod>({ method: 'DELETE', path: podPath(pod), body }));
  }
}
