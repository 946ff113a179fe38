import type { ClaimReference } from './allocated-claim.ts';

/** `namespace/name (UID …)`, as error messages name a claim. */
function describeClaim(claim: ClaimReference): string {
  return `ResourceClaim ${claim.namespace}/${claim.name} (UID ${claim.uid})`;
}

/** The claim is gone from the API server. */
export class ClaimNotFoundError extends Error {
  override readonly name = 'ClaimNotFoundError';

  constructor(claim: ClaimReference, options?: ErrorOptions) {
    super(
      `${describeClaim(claim)} does not exist any more; the pod that needs it has to be re-created`,
      options,
    );
  }
}

/** Another claim has the name now. */
export class ClaimReplacedError extends Error {
  override readonly name = 'ClaimReplacedError';

  constructor(claim: ClaimReference, foundUid: string) {
    super(
      `${describeClaim(claim)} was deleted and re-created: the API server has UID ${foundUid} under that name`,
    );
  }
}

/** The scheduler has not allocated the claim, or the allocation was taken back. */
export class ClaimNotAllocatedError extends Error {
  override readonly name = 'ClaimNotAllocatedError';

  constructor(claim: ClaimReference) {
    super(
      `${describeClaim(claim)} is not allocated; the scheduler has to allocate it before it can be prepared`,
    );
  }
}

/** The claim's allocation does not have the shape of resource.k8s.io. */
export class ClaimMalformedError extends Error {
  override readonly name = 'ClaimMalformedError';

  constructor(claim: ClaimReference, problems: string) {
    super(`${describeClaim(claim)} cannot be understood: ${problems}`);
  }
}
