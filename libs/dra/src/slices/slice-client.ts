import { isApiError } from '../kube/api-error.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import type { KubernetesObject, OwnerReference } from '../kube/kubernetes-object.ts';
import { resourceApiPath, withResourceApiVersion } from '../resource-api/resource-api-version.ts';
import { sliceForServer } from '../resource-api/slice-shape.ts';
import type { SliceOwner } from './plan-pool.ts';
import type { ResourceSlice, ResourceSliceSpec } from './resource-slice.ts';

/** Writes ResourceSlices in whatever version the API server has. Answers are as the server gave them. */
export class SliceClient {
  readonly #api: KubeApi;
  readonly #owner: SliceOwner;

  constructor(api: KubeApi, owner: SliceOwner) {
    this.#api = api;
    this.#owner = owner;
  }

  /**
   * Creates the slice, owned by the Node so that it vanishes with it. The node is read each time: one that was re-created under the same
   * name has another UID, and slices owned by the old one are deleted at once.
   */
  async create(index: number, spec: ResourceSliceSpec, signal: AbortSignal): Promise<KubernetesObject> {
    const { driverName, nodeName } = this.#owner;
    const ownerReferences = [await this.#nodeReference(signal)];
    const metadata = { generateName: `${index}-${driverName}-${nodeName}-`, ownerReferences };
    return withResourceApiVersion(this.#api, async (version) => {
      const body = sliceForServer(version, metadata, spec);
      return this.#api.request({ method: 'POST', path: await this.#path(), body, signal });
    });
  }

  /** Replaces the slice if it is still the one that was seen; otherwise ApiError 409 or 404. */
  async update(
    existing: ResourceSlice,
    spec: ResourceSliceSpec,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    const owned = existing.metadata.ownerReferences?.some(({ kind }) => kind === 'Node') ?? false;
    const metadata = owned
      ? existing.metadata
      : { ...existing.metadata, ownerReferences: [await this.#nodeReference(signal)] };
    return withResourceApiVersion(this.#api, async (version) => {
      const body = sliceForServer(version, metadata, spec);
      return this.#api.request({ method: 'PUT', path: await this.#path(existing), body, signal });
    });
  }

  /** Deletes the slice if it is still the one that was seen; one that is gone already is fine. */
  async delete(slice: ResourceSlice, signal: AbortSignal): Promise<void> {
    const { uid, resourceVersion } = slice.metadata;
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid, resourceVersion } };
    try {
      await withResourceApiVersion(this.#api, async () =>
        this.#api.request({ method: 'DELETE', path: await this.#path(slice), body, signal }),
      );
    } catch (error) {
      if (!isApiError(error, 404)) throw error;
    }
  }

  /** The slice as it is now; undefined when it is gone. */
  async read(slice: ResourceSlice, signal: AbortSignal): Promise<KubernetesObject | undefined> {
    try {
      return await withResourceApiVersion(this.#api, async () =>
        this.#api.request<KubernetesObject>({ method: 'GET', path: await this.#path(slice), signal }),
      );
    } catch (error) {
      if (isApiError(error, 404)) return undefined;
      throw error;
    }
  }

  async #path(slice?: ResourceSlice): Promise<string> {
    const name = slice === undefined ? '' : `/${encodeURIComponent(slice.metadata.name)}`;
    return resourceApiPath(this.#api, `/resourceslices${name}`);
  }

  async #nodeReference(signal: AbortSignal): Promise<OwnerReference> {
    const path = `/api/v1/nodes/${encodeURIComponent(this.#owner.nodeName)}`;
    const node = await this.#api.request<KubernetesObject>({ method: 'GET', path, signal });
    const { name, uid } = node.metadata;
    return { apiVersion: 'v1', kind: 'Node', name, uid, controller: true };
  }
}
