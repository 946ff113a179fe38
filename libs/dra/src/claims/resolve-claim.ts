import { isApiError } from '../kube/api-error.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import { claimPath, withResourceApiVersion } from '../resource-api/resource-api-version.ts';
import type {
  AllocatedClaim,
  AllocatedDevice,
  ClaimReference,
  DeviceConfiguration,
} from './allocated-claim.ts';
import {
  ClaimMalformedError,
  ClaimNotAllocatedError,
  ClaimNotFoundError,
  ClaimReplacedError,
} from './claim-errors.ts';
import { claimShape } from './claim-shape.ts';
import type { ClaimConfigShape } from './claim-shape.ts';

/** Set by the claim controller on claims made from a template (KEP-4381). */
const podClaimNameAnnotation = 'resource.kubernetes.io/pod-claim-name';

/** The request without its subrequest: `nic` for `nic/fast`. */
export function baseRequestName(request: string): string {
  return request.split('/', 1)[0] ?? request;
}

/**
 * Reads a claim from the API server as `driverName` must see it: its own devices and its own configuration, nothing of other drivers.
 *
 * @throws ClaimNotFoundError, ClaimReplacedError (another UID under the name), ClaimNotAllocatedError, ClaimMalformedError, and what
 * `KubeApi.request` throws.
 */
export async function resolveClaim(
  api: KubeApi,
  driverName: string,
  reference: ClaimReference,
  signal?: AbortSignal,
): Promise<AllocatedClaim> {
  const body = await getClaim(api, reference, signal);
  const parsed = claimShape.safeParse(body);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ClaimMalformedError(reference, problems.join('; '));
  }
  const { metadata, status } = parsed.data;
  if (metadata.uid !== reference.uid) throw new ClaimReplacedError(reference, metadata.uid);
  const allocation = status?.allocation;
  if (allocation === null || allocation === undefined) throw new ClaimNotAllocatedError(reference);

  const configs = ownConfigs(allocation.devices?.config ?? [], driverName);
  const results = (allocation.devices?.results ?? []).filter(({ driver }) => driver === driverName);
  const devices = results.map((result): AllocatedDevice => {
    const device: AllocatedDevice = {
      request: result.request,
      pool: result.pool,
      device: result.device,
      adminAccess: result.adminAccess ?? false,
      configs: configs.filter((config) => appliesTo(config, result.request)).map(asConfiguration),
      ...(result.shareID ? { shareId: result.shareID } : {}),
      ...(result.consumedCapacity ? { consumedCapacity: result.consumedCapacity } : {}),
    };
    return device;
  });
  const podClaimName = metadata.annotations?.[podClaimNameAnnotation];
  return {
    uid: reference.uid,
    namespace: reference.namespace,
    name: reference.name,
    reservedFor: status?.reservedFor ?? [],
    devices,
    ...(podClaimName === undefined ? {} : { podClaimName }),
  };
}

async function getClaim(api: KubeApi, reference: ClaimReference, signal?: AbortSignal): Promise<unknown> {
  try {
    return await withResourceApiVersion(api, async () => {
      const path = await claimPath(api, reference);
      return api.request<unknown>({ method: 'GET', path, ...(signal ? { signal } : {}) });
    });
  } catch (error) {
    if (!isApiError(error, 404)) throw error;
    throw new ClaimNotFoundError(reference, { cause: error });
  }
}

/** Class before claim whatever the order of the list, since what the user wrote into the claim is the more specific. */
function ownConfigs(configs: readonly ClaimConfigShape[], driverName: string): ClaimConfigShape[] {
  const own = configs.filter((config) => config.opaque?.driver === driverName);
  return [
    ...own.filter(({ source }) => source === 'FromClass'),
    ...own.filter(({ source }) => source !== 'FromClass'),
  ];
}

/** `requests: []` means every request; one named `req` means its subrequests too, `req/sub` only that one (KEP-4816). */
function appliesTo(config: ClaimConfigShape, request: string): boolean {
  const names = config.requests ?? [];
  return names.length === 0 || names.includes(request) || names.includes(baseRequestName(request));
}

function asConfiguration(config: ClaimConfigShape): DeviceConfiguration {
  return {
    source: config.source === 'FromClass' ? 'FromClass' : 'FromClaim',
    parameters: config.opaque?.parameters,
  };
}
