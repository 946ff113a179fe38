import { DraProtocolError } from './dra-protocol-error.ts';
import type { ClaimOfDriver, DraService, PreparedDevice } from './dra-service.ts';
import type { AllocationResult, ResourceClaim } from './kubelet-api.ts';
import { KeyedLock } from './keyed-lock.ts';
import { podNamespace, resourceClaimName } from './pod-manifest.ts';
import type { PodContainer, PodManifest } from './pod-manifest.ts';

/** What the kubelet remembers about a claim that pods of this node use. */
interface ClaimInfo {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The allocation's results by driver. */
  readonly drivers: ReadonlyMap<string, readonly AllocationResult[]>;
  readonly pods: Set<string>;
  readonly devices: Map<string, readonly PreparedDevice[]>;
  prepared: boolean;
}

/** The kubelet's DRA manager: which claims are prepared, for which pods. */
export class ClaimManager {
  readonly #service: (driverName: string) => DraService;
  readonly #claims = new Map<string, ClaimInfo>();
  readonly #locks = new KeyedLock();
  /** What drivers did that the protocol forbids, in order. */
  readonly violations: DraProtocolError[] = [];

  /** @param service finds a registered driver's service; throws when there is none */
  constructor(service: (driverName: string) => DraService) {
    this.#service = service;
  }

  /**
   * Prepares a pod's claims: those that no other pod of this node has had prepared under this kubelet, in one call per driver. After a
   * failure the same claims are asked for again, also those that had succeeded.
   *
   * @param claims the pod's claims as the API server has them, allocated
   * @throws Error with the driver's words; DraProtocolError
   */
  async prepare(pod: PodManifest, claims: readonly ResourceClaim[]): Promise<void> {
    const keys = claims.map(({ metadata }) => key(metadata.namespace, metadata.name));
    await this.#locks.run(keys, async () => {
      const pending: ClaimInfo[] = [];
      for (const claim of claims) {
        const info = this.#remember(claim);
        info.pods.add(pod.metadata.uid);
        if (!info.prepared) pending.push(info);
      }
      for (const [driverName, batch] of batches(pending)) {
        const prepared = await this.#recording(() => this.#service(driverName).prepare(batch));
        for (const info of pending) {
          const devices = prepared.get(info.uid);
          if (devices) info.devices.set(driverName, devices);
        }
      }
      for (const info of pending) info.prepared = true;
    });
  }

  /**
   * The CDI devices of a container: those of the claims and requests that it names, in their order, and then those of the requests that its
   * extended resources come from.
   */
  cdiDevices(pod: PodManifest, container: PodContainer): string[] {
    const named = (container.resources?.claims ?? []).flatMap((reference) => {
      const podClaim = pod.spec.resourceClaims?.find(({ name }) => name === reference.name);
      if (podClaim === undefined) {
        throw new Error(
          `container ${container.name} names claim '${reference.name}', which its pod does not have`,
        );
      }
      return this.#cdiDevices(pod, resourceClaimName(pod, podClaim) ?? '', reference.request);
    });
    const { resourceClaimName: claimName = '', requestMappings = [] } =
      pod.status?.extendedResourceClaimStatus ?? {};
    const { requests = {} } = container.resources ?? {};
    return [
      ...named,
      ...requestMappings
        .filter(
          ({ containerName, resourceName }) => containerName === container.name && resourceName in requests,
        )
        .flatMap(({ requestName }) => this.#cdiDevices(pod, claimName, requestName)),
    ];
  }

  #cdiDevices(pod: PodManifest, claimName: string, request: string | undefined): string[] {
    const info = this.#claims.get(key(podNamespace(pod), claimName));
    if (!info?.prepared) {
      throw new Error(`unable to get claim info for ResourceClaim ${claimName}: it is not prepared`);
    }
    return [...info.devices.values()]
      .flat()
      .filter(
        ({ requestNames }) =>
          request === undefined || requestNames.length === 0 || requestNames.includes(request),
      )
      .flatMap(({ cdiDeviceIds }) => cdiDeviceIds);
  }

  /**
   * Unprepares the claims that no other pod of this node uses. Needs no API server: the claims may be gone there.
   *
   * @throws Error with the driver's words, and then forgets nothing of that driver's claims; DraProtocolError
   */
  async unprepare(podUID: string): Promise<void> {
    const used = [...this.#claims].filter(([, { pods }]) => pods.has(podUID));
    const keys = used.map(([claimKey]) => claimKey);
    await this.#locks.run(keys, async () => {
      const last: ClaimInfo[] = [];
      for (const [, info] of used) {
        if (info.pods.size > 1) info.pods.delete(podUID);
        else last.push(info);
      }
      for (const [driverName, batch] of batches(last)) {
        await this.#recording(() => this.#service(driverName).unprepare(batch));
      }
      for (const info of last) this.#claims.delete(key(info.namespace, info.name));
    });
  }

  /** What a new kubelet process knows from its checkpoint: the claims and their pods, but not that they are prepared. */
  forgetPrepared(): void {
    for (const info of this.#claims.values()) {
      info.prepared = false;
      info.devices.clear();
    }
  }

  /** UIDs of the claims that are prepared now. */
  get preparedClaims(): readonly string[] {
    return [...this.#claims.values()].filter(({ prepared }) => prepared).map(({ uid }) => uid);
  }

  #remember(claim: ResourceClaim): ClaimInfo {
    const { namespace, name, uid } = claim.metadata;
    const known = this.#claims.get(key(namespace, name));
    if (known?.uid === uid) return known;
    if (known) {
      throw new Error(
        `old ResourceClaim with same name ${namespace}/${name} and different UID ${known.uid} still exists on this node`,
      );
    }
    const drivers = new Map<string, AllocationResult[]>();
    for (const result of claim.status?.allocation?.devices?.results ?? []) {
      drivers.set(result.driver, [...(drivers.get(result.driver) ?? []), result]);
    }
    const fresh = { pods: new Set<string>(), devices: new Map<string, readonly PreparedDevice[]>() };
    const info: ClaimInfo = { namespace, name, uid, drivers, prepared: false, ...fresh };
    this.#claims.set(key(namespace, name), info);
    return info;
  }

  async #recording<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof DraProtocolError) this.violations.push(error);
      throw error;
    }
  }
}

function key(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

function batches(claims: readonly ClaimInfo[]): Map<string, ClaimOfDriver[]> {
  const byDriver = new Map<string, ClaimOfDriver[]>();
  for (const { namespace, name, uid, drivers } of claims) {
    for (const [driverName, results] of drivers) {
      byDriver.set(driverName, [...(byDriver.get(driverName) ?? []), { namespace, name, uid, results }]);
    }
  }
  return byDriver;
}
