import type { LabApiClient } from '@patchbay/lab';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import type { ResourceApiVersion } from '../resource-api/resource-api-version.ts';
import { driverName, nodeName } from './conformance-rig.ts';

/** One device that a claim is given; a toy of the driver under test, for request `toy`, unless told otherwise. */
export interface Allocated {
  readonly device: string;
  readonly request?: string;
  readonly driver?: string;
  readonly pool?: string;
  readonly shareID?: string;
  readonly adminAccess?: boolean;
  readonly consumedCapacity?: Readonly<Record<string, string>>;
}

/** One entry of the allocation's configuration; from the claim and for the driver under test unless told otherwise. */
export interface AllocatedConfig {
  readonly parameters: object;
  readonly source?: 'FromClass' | 'FromClaim';
  readonly requests?: readonly string[];
  readonly driver?: string;
}

/** What else there is to say about a claim. */
export interface AllocationOptions {
  readonly config?: readonly AllocatedConfig[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly reservedFor?: readonly {
    readonly resource: string;
    readonly name: string;
    readonly uid: string;
  }[];
  /** Of the API in which the claim is written; v1 unless told otherwise. */
  readonly version?: ResourceApiVersion;
}

/** Creates claims as users do, and allocates them as the scheduler does: through the API, in namespace `default`. */
export class AllocatedClaims {
  readonly #client: LabApiClient;

  constructor(client: LabApiClient) {
    this.#client = client;
  }

  /** Creates a claim that is given these devices; names alone mean toys. */
  async allocate(
    name: string,
    devices: readonly (string | Allocated)[],
    options: AllocationOptions = {},
  ): Promise<ClaimReference> {
    const { config = [], reservedFor = [] } = options;
    const results = devices.map((one) => ({
      request: 'toy',
      driver: driverName,
      pool: nodeName,
      ...(typeof one === 'string' ? { device: one } : one),
    }));
    const configs = config.map(
      ({ parameters, source = 'FromClaim', requests = [], driver = driverName }) => ({
        source,
        requests,
        opaque: { driver, parameters },
      }),
    );
    if (results.some(({ adminAccess }) => adminAccess)) await this.#allowAdminAccess();
    const named = [...results.map(({ request }) => request), ...configs.flatMap(({ requests }) => requests)];
    const admin = new Set(results.flatMap(({ adminAccess, request }) => (adminAccess ? [request] : [])));
    const claim = await this.create(name, named, { ...options, admin });
    const allocation = { devices: { results, config: configs } };
    const path = `${collection(options.version)}/${name}/status`;
    await this.#client.request({
      method: 'PUT',
      path,
      body: { ...claim, status: { allocation, reservedFor } },
    });
    return { uid: claim.metadata.uid, namespace: 'default', name };
  }

  /** Creates a claim with requests of these names (`request` or `request/subrequest`), not allocated. */
  create(
    name: string,
    requestNames: readonly string[],
    options: AllocationOptions & { readonly admin?: ReadonlySet<string> } = {},
  ): Promise<KubernetesObject> {
    const { version = 'v1', annotations = {}, admin = new Set<string>() } = options;
    const subrequests = new Map<string, Set<string>>();
    for (const one of requestNames) {
      const [request = '', subrequest] = one.split('/');
      const known = subrequests.get(request) ?? new Set<string>();
      subrequests.set(request, subrequest === undefined ? known : known.add(subrequest));
    }
    const requests = [...subrequests].map(([request, alternatives]) => {
      const firstAvailable = [...alternatives].map((sub) => ({ name: sub, deviceClassName: 'toys' }));
      const exactly = { deviceClassName: 'toys', ...(admin.has(request) ? { adminAccess: true } : {}) };
      if (firstAvailable.length > 0) return { name: request, firstAvailable };
      return version === 'v1beta1' ? { name: request, ...exactly } : { name: request, exactly };
    });
    return this.#client.request<KubernetesObject>({
      method: 'POST',
      path: collection(version),
      body: {
        apiVersion: `resource.k8s.io/${version}`,
        kind: 'ResourceClaim',
        metadata: { name, annotations },
        spec: { devices: { requests } },
      },
    });
  }

  /** Reads a claim. */
  get<T extends KubernetesObject>(name: string, version?: ResourceApiVersion): Promise<T> {
    return this.#client.request<T>({ method: 'GET', path: `${collection(version)}/${name}` });
  }

  /** Deletes a claim. */
  async delete(name: string, version?: ResourceApiVersion): Promise<void> {
    await this.#client.request({ method: 'DELETE', path: `${collection(version)}/${name}` });
  }

  /** Without this label the API server refuses requests for administrative access (KEP-5018). */
  async #allowAdminAccess(): Promise<void> {
    await this.#client.request({
      method: 'PATCH',
      path: '/api/v1/namespaces/default',
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { 'resource.kubernetes.io/admin-access': 'true' } } },
    });
  }
}

function collection(version: ResourceApiVersion = 'v1'): string {
  return `/apis/resource.k8s.io/${version}/namespaces/default/resourceclaims`;
}
