import { randomUUID } from 'node:crypto';
import {
  driverName,
  type JsonObject,
  type KubeObject,
  type ObjectKey,
  type ObjectStore,
} from '@patchbay/lab';
import type { PlannedLink } from '../links/planned-link.ts';

/** A claim that is allocated and reserved for a pod, as the scheduler leaves it. */
export interface BenchClaim {
  readonly reference: { readonly uid: string; readonly namespace: string; readonly name: string };
  readonly podUID: string;
}

interface PublishedDevice {
  readonly name: string;
  readonly allowMultipleAllocations?: boolean;
}

interface Slice {
  readonly spec: { readonly pool: { readonly name: string }; readonly devices?: readonly PublishedDevice[] };
}

/** Makes claims and allocates them by hand, straight in the API server's store: the scheduler's part is none of what is measured. */
export class Claims {
  readonly #store: ObjectStore;
  readonly #nodeName: string;
  readonly #devices = new Map<string, { readonly pool: string; readonly shared: boolean }>();
  #made = 0;

  /** Reads what is published, once. */
  constructor(store: ObjectStore, nodeName: string) {
    this.#store = store;
    this.#nodeName = nodeName;
    for (const slice of store.list('resourceslices.resource.k8s.io')) {
      const { spec } = slice as KubeObject & Slice;
      for (const { name, allowMultipleAllocations = false } of spec.devices ?? [])
        this.#devices.set(name, { pool: spec.pool.name, shared: allowMultipleAllocations });
    }
  }

  /** Makes one claim for all of a pod's links. */
  make(links: readonly PlannedLink[]): BenchClaim {
    const reference = { uid: randomUUID(), namespace: 'default', name: `bench-${this.#made++}` };
    const podUID = randomUUID();
    const config: JsonObject[] = links.map((link) => ({
      requests: [link.podName],
      opaque: { driver: driverName, parameters: parametersOf(link) },
    }));
    const requests = links.map(({ podName: name }) => ({
      name,
      exactly: { deviceClassName: 'any', allocationMode: 'ExactCount', count: 1 },
    }));
    const results = links.map((link) => this.#result(link));
    const ofClaim = config.map((each) => ({ source: 'FromClaim', ...each }));
    this.#store.put(keyOf(reference.name), {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      // Times are whole seconds in objects; the driver's writes would be refused for changing others.
      metadata: { ...reference, creationTimestamp: `${new Date().toISOString().slice(0, 19)}Z` },
      spec: { devices: { requests, config } },
      status: {
        allocation: { devices: { results, config: ofClaim }, nodeSelector: only(this.#nodeName) },
        reservedFor: [{ resource: 'pods', name: `pod-of-${reference.name}`, uid: podUID }],
      },
    });
    return { reference, podUID };
  }

  /** Deletes a claim. */
  remove({ reference: { name } }: BenchClaim): void {
    this.#store.delete(keyOf(name));
  }

  #result({ device, podName }: PlannedLink): JsonObject {
    const published = this.#devices.get(device);
    if (published === undefined) throw new Error(`the driver publishes no device ${device}`);
    const share = { shareID: randomUUID(), consumedCapacity: { 'patchbay.dev/links': '1' } };
    const { pool, shared } = published;
    return { request: podName, driver: driverName, pool, device, ...(shared ? share : {}) };
  }
}

/** For which node a claim is allocated: its driver alone may write the claim's status. */
function only(nodeName: string): JsonObject {
  const field = { key: 'metadata.name', operator: 'In', values: [nodeName] };
  return { nodeSelectorTerms: [{ matchFields: [field] }] };
}

function keyOf(name: string): ObjectKey {
  return { resource: 'resourceclaims.resource.k8s.io', namespace: 'default', name };
}

function parametersOf({ podName: name, address, mtu, hardwareAddress, route }: PlannedLink): JsonObject {
  return {
    apiVersion: 'patchbay.dev/v1alpha1',
    kind: 'InterfaceConfig',
    interface: {
      ...{ name, addresses: [address] },
      ...(mtu === undefined ? {} : { mtu }),
      ...(hardwareAddress === undefined ? {} : { hardwareAddress }),
    },
    routes: [{ ...route }],
  };
}
