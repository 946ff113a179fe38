import { isApiError } from '../kube/api-error.ts';
import type { KubeApi } from '../kube/kube-api.ts';

/** Versions of `resource.k8s.io` that this library speaks, best first. */
export const resourceApiVersions = ['v1', 'v1beta2', 'v1beta1'] as const;

/** v1 since Kubernetes 1.34, v1beta2 since 1.33, v1beta1 since 1.32. */
export type ResourceApiVersion = (typeof resourceApiVersions)[number];

/** The API server does not serve Dynamic Resource Allocation in any version that this library speaks. */
export class ResourceApiMissingError extends Error {
  override readonly name = 'ResourceApiMissingError';

  constructor(served: readonly string[]) {
    const found = served.length === 0 ? 'none' : served.join(', ');
    super(
      `The API server serves no usable version of resource.k8s.io (served: ${found}; usable: ${resourceApiVersions.join(', ')}). ` +
        'Dynamic Resource Allocation needs Kubernetes 1.34, or 1.32 with the feature gate DynamicResourceAllocation and ' +
        '--runtime-config=resource.k8s.io/v1beta1=true on the API server',
    );
  }
}

const discovered = new WeakMap<KubeApi, Promise<ResourceApiVersion>>();

/**
 * The best version of `resource.k8s.io` that the API server has; asked once per `KubeApi`, failures are not remembered.
 *
 * @throws ResourceApiMissingError, ApiError, ApiUnreachableError
 */
export async function resourceApiVersion(api: KubeApi): Promise<ResourceApiVersion> {
  const known = discovered.get(api);
  if (known !== undefined) return known;
  const asked = discover(api);
  discovered.set(api, asked);
  // Only the failed attempt is dropped, not one that began after it.
  asked.catch(() => {
    if (discovered.get(api) === asked) discovered.delete(api);
  });
  return asked;
}

/** Makes the next call ask again: after the API server answered 404, perhaps because an upgrade removed the version. */
export function forgetResourceApiVersion(api: KubeApi): void {
  discovered.delete(api);
}

/**
 * Does `work` with the best version that the API server has; a second time when it ends in a 404 and that turns out to be because an upgrade
 * has removed the version.
 *
 * @throws what `work` throws, and what `resourceApiVersion` throws
 */
export async function withResourceApiVersion<T>(
  api: KubeApi,
  work: (version: ResourceApiVersion) => Promise<T>,
): Promise<T> {
  const version = await resourceApiVersion(api);
  try {
    return await work(version);
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
    forgetResourceApiVersion(api);
    const current = await resourceApiVersion(api);
    if (current === version) throw error;
    return work(current);
  }
}

/** `/apis/resource.k8s.io/<version>` plus `rest`. */
export async function resourceApiPath(api: KubeApi, rest: string): Promise<string> {
  return `/apis/resource.k8s.io/${await resourceApiVersion(api)}${rest}`;
}

/** Path of one claim. */
export function claimPath(
  api: KubeApi,
  claim: { readonly namespace: string; readonly name: string },
): Promise<string> {
  const segments = `/namespaces/${encodeURIComponent(claim.namespace)}/resourceclaims/${encodeURIComponent(claim.name)}`;
  return resourceApiPath(api, segments);
}

async function discover(api: KubeApi): Promise<ResourceApiVersion> {
  let served: string[] = [];
  try {
    const group = await api.request<{ versions?: { version: string }[] }>({
      method: 'GET',
      path: '/apis/resource.k8s.io',
    });
    served = (group.versions ?? []).map(({ version }) => version);
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
  }
  const version = resourceApiVersions.find((candidate) => served.includes(candidate));
  if (version === undefined) throw new ResourceApiMissingError(served);
  return version;
}
