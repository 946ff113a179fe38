import type { KubeApi } from '../kube/kube-api.ts';
import type { AllocatedClaim, ClaimReference } from './allocated-claim.ts';

/** Reads a claim as a driver must see it. */
export function resolveClaim(
  _api: KubeApi,
  _driverName: string,
  _reference: ClaimReference,
  _signal?: AbortSignal,
): Promise<AllocatedClaim> {
  throw new Error('not yet');
}
