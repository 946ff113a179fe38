import { randomUUID } from 'node:crypto';
import { driverName, type JsonObject, type KubeObject, type LabApiClient } from '@patchbay/lab';
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

const resourcePath = '/apis/resource.k8s.io/v1';
const claimsPath = `${resourcePath}/namespaces/default/resourceclaims`;

/** Makes claims and allocates them by hand: the scheduler's part is none of what is measured. */
export class Claims {
  readonly #api: LabApiClient;
  readonly #devices = new Map<string, { readonly pool: string; readonly shared: boolean }>();
  #made = 0;

  private constructor(api: LabApiClient) {
    this.#api = api;
  }

  /** Reads what is published, once. */
  static async of(api: LabApiClient): Promise<Claims> {
    const claims = new Claims(api);
    const { items } = await api.list<KubeObject & Slice>(`${resourcePath}/resourceslices`);
    for (const { spec } of items) {
      for (const { name, allowMultipleAllocations = false } of spec.devices ?? [])
        claims.#devices.set(name, { pool: spec.pool.name, shared: allowMultipleAllocations });
    }
    return claims;
  }

  /** Makes one claim for all of a pod's links. */
  async make(links: readonly PlannedLink[]): Promise<BenchClaim> {
    const name = `bench-${this.#made++}`;
    const podUID = randomUUID();
    const config = links.map((link) => ({
      requests: [link.podName],
      opaque: { driver: driverName, parameters: parametersOf(link) },
    }));
    const requests = links.map(({ podName }) => ({ name: podName, exactly: { deviceClassName: 'any' } }));
    const claim = await this.#api.request<KubeObject>({
      method: 'POST',
      path: claimsPath,
      body: {
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceClaim',
        metadata: { name, namespace: 'default' },
        spec: { devices: { requests, config } },
      },
    });
    const status: JsonObject = {
      allocation: {
        devices: {
          results: links.map((link) => this.#result(link)),
          config: config.map((each) => ({ source: 'FromClaim', ...each })),
        },
      },
      reservedFor: [{ resource: 'pods', name: `pod-of-${name}`, uid: podUID }],
    };
    await this.#api.request({
      method: 'PUT',
      path: `${claimsPath}/${name}/status`,
      body: { ...claim, status },
    });
    return { reference: { uid: claim.metadata.uid ?? '', namespace: 'default', name }, podUID };
  }

  /** Deletes a claim. */
  async remove({ reference: { name } }: BenchClaim): Promise<void> {
    await this.#api.request({ method: 'DELETE', path: `${claimsPath}/${name}` });
  }

  #result({ device, podName }: PlannedLink): JsonObject {
    const published = this.#devices.get(device);
    if (published === undefined) throw new Error(`the driver publishes no device ${device}`);
    const share = { shareID: randomUUID(), consumedCapacity: { 'patchbay.dev/links': '1' } };
    const { pool, shared } = published;
    return { request: podName, driver: driverName, pool, device, ...(shared ? share : {}) };
  }
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
