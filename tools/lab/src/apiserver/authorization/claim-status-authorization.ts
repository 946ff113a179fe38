import { TOKEN_EXTRA } from '../authentication/service-account-token.ts';
import { serviceAccountOf } from '../authentication/user-info.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import { semanticallyEqual } from '../objects/canonical-json.ts';
import type { AllocatedDeviceStatus, Allocation, ResourceClaim } from '../resources/resource-claim-schema.ts';
import type { FieldErrors } from '../validation/field-errors.ts';
import type { ResourceAccess } from './access.ts';
import type { Caller } from './caller.ts';

/**
 * What a change of a claim's status needs beyond `resourceclaims/status` (feature gate DRAResourceClaimGranularStatusAuthorization, on
 * since Kubernetes 1.36): for the allocation and the reservations the request's verb on `resourceclaims/binding`; for each driver whose
 * device entries change `associated-node:<verb>` or `arbitrary-node:<verb>` on `resourceclaims/driver` under the driver's name. The
 * former counts only for a service account whose token is bound to the one node that the claim is allocated on. Both subresources
 * exist for this check alone; there is no such path.
 */
export function checkStatusAuthorization(
  errors: FieldErrors,
  claim: ResourceClaim,
  old: ResourceClaim,
  caller: Caller,
): void {
  checkBinding(errors, claim, old, caller);
  const { allocation, devices } = claim.status ?? {};
  const verbs = [
    ...(runsOn(caller.user, nodeOf(allocation)) ? [`associated-node:${caller.verb}`] : []),
    `arbitrary-node:${caller.verb}`,
  ];
  for (const driver of changedDrivers(devices ?? [], old.status?.devices ?? [])) {
    const namespace = claim.metadata.namespace ?? '';
    const refusals = verbs.map((verb) => () => caller.refusal(synthetic('driver', verb, namespace, driver)));
    refuseUnlessOne(
      errors,
      'status.devices',
      refusals,
      `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(' ')}]" permission`,
    );
  }
}

function checkBinding(errors: FieldErrors, claim: ResourceClaim, old: ResourceClaim, caller: Caller): void {
  const same = (['allocation', 'reservedFor'] as const).every((member) =>
    semanticallyEqual(claim.status?.[member], old.status?.[member]),
  );
  if (same) return;
  // Whose claim it is does not matter here: the permission is one for the whole cluster.
  const refusals = [() => caller.refusal(synthetic('binding', caller.verb, '', ''))];
  refuseUnlessOne(
    errors,
    'status',
    refusals,
    `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${caller.verb}" permission`,
  );
}

/** Asks in order until one allows; the error repeats the first refusal. */
function refuseUnlessOne(
  errors: FieldErrors,
  field: string,
  refusals: readonly (() => Error | undefined)[],
  words: string,
): void {
  let first: Error | undefined;
  for (const refusal of refusals) {
    const refused = refusal();
    if (refused === undefined) return;
    first ??= refused;
  }
  errors.forbidden(field, `${words}: ${first?.message ?? ''}`);
}

function synthetic(subresource: string, verb: string, namespace: string, name: string): ResourceAccess {
  return {
    kind: 'resource',
    group: 'resource.k8s.io',
    resource: 'resourceclaims',
    subresource,
    verb,
    namespace,
    name,
  };
}

/** Drivers with an entry that was added, changed or removed, in the order of their names. */
function changedDrivers(
  devices: readonly AllocatedDeviceStatus[],
  old: readonly AllocatedDeviceStatus[],
): string[] {
  const before = new Map(old.map((entry) => [entryKey(entry), entry]));
  const after = new Map(devices.map((entry) => [entryKey(entry), entry]));
  const changed = [...after].filter(([key, entry]) => !semanticallyEqual(entry, before.get(key)));
  const removed = [...before].filter(([key]) => !after.has(key));
  return [...new Set([...changed, ...removed].map(([, { driver }]) => driver))].sort();
}

function entryKey({ driver, pool, device, shareID = '' }: AllocatedDeviceStatus): string {
  return JSON.stringify([driver, pool, device, shareID]);
}

/** The node that an allocation is for; undefined unless its selector is the one by which the scheduler names a single node. */
function nodeOf(allocation: Allocation | undefined): string | undefined {
  const [term, ...others] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  const [field, ...more] = term?.matchFields ?? [];
  if (others.length + more.length + (term?.matchExpressions ?? []).length > 0) return undefined;
  if (field?.key !== 'metadata.name' || field.operator !== 'In') return undefined;
  return field.values?.length === 1 ? field.values[0] : undefined;
}

/** Whether a user is a service account whose token names exactly this node. */
function runsOn({ username, extra }: UserInfo, node: string | undefined): boolean {
  const names = extra[TOKEN_EXTRA.nodeName] ?? [];
  return (
    node !== undefined && serviceAccountOf(username) !== undefined && names.length === 1 && names[0] === node
  );
}
