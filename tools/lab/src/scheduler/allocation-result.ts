import { randomUUID } from 'node:crypto';
import type {
  Allocation,
  AllocationResult,
  ResourceClaim,
} from '../apiserver/resources/resource-claim-schema.ts';
import type { Choice } from './allocate-claims.ts';
import { covers } from './device-constraint.ts';
import type { Amounts } from './device-usage.ts';
import { allOf } from './node-selection.ts';

/** What a claim's status says about the devices that were chosen for it. */
export function allocationOf(claim: ResourceClaim, choices: readonly Choice[]): Allocation {
  const nodeSelector = allOf(
    choices.flatMap(({ candidate }) => (candidate.nodes === undefined ? [] : [candidate.nodes])),
  );
  const config = [...classConfig(choices), ...claimConfig(claim, choices)];
  return {
    devices: { results: choices.map(resultOf), ...(config.length === 0 ? {} : { config }) },
    ...(nodeSelector === undefined ? {} : { nodeSelector }),
  };
}

function resultOf({ alternative, candidate, fit }: Choice): AllocationResult {
  return {
    request: alternative.name,
    driver: candidate.driver,
    pool: candidate.pool,
    device: candidate.device.name,
    ...(alternative.adminAccess ? { adminAccess: true } : {}),
    ...(alternative.tolerations.length === 0 ? {} : { tolerations: [...alternative.tolerations] }),
    ...(fit.kind === 'share' ? { shareID: randomUUID(), ...consumed(fit.amounts) } : {}),
  };
}

/** A shared device without capacities has shares that consume nothing. */
function consumed(amounts: Amounts): Pick<AllocationResult, 'consumedCapacity'> {
  const entries = Object.entries(amounts).map(([name, amount]) => [name, amount.toString()] as const);
  return entries.length === 0 ? {} : { consumedCapacity: Object.fromEntries(entries) };
}

type Config = NonNullable<Allocation['devices']['config']>;

/** The classes' configuration, once per request that was satisfied from the class. */
function classConfig(choices: readonly Choice[]): Config {
  const alternatives = new Map(choices.map(({ alternative }) => [alternative.name, alternative]));
  return [...alternatives.values()].flatMap(({ name, deviceClass }) =>
    (deviceClass.spec.config ?? []).map(({ opaque }) => ({ source: 'FromClass', requests: [name], opaque })),
  );
}

/** The claim's own configuration, without that for alternatives which were not chosen. */
function claimConfig(claim: ResourceClaim, choices: readonly Choice[]): Config {
  return (claim.spec.devices.config ?? [])
    .filter(({ requests }) => choices.some(({ alternative }) => covers(requests, alternative.name)))
    .map((config) => ({ source: 'FromClaim', ...config }));
}
