import type {
  DeviceClass,
  DeviceRequest,
  DeviceToleration,
  ResourceClaim,
} from '../apiserver/resources/resource-claim-schema.ts';
import { deviceMatches, ExpressionError } from './device-cel.ts';
import type { PoolDevice } from './device-pools.ts';
import { untolerated } from './device-taints.ts';
import { hasCapacity, shareAmounts } from './device-usage.ts';
import type { Amounts, DeviceUsage } from './device-usage.ts';

/** One way to satisfy a request: the request itself, or one of its alternatives. */
export interface Alternative {
  /** `req`, or `req/sub`. */
  readonly name: string;
  readonly deviceClass: DeviceClass;
  readonly expressions: readonly string[];
  /** Undefined: all devices that match. */
  readonly count: number | undefined;
  readonly adminAccess: boolean;
  readonly tolerations: readonly DeviceToleration[];
  readonly capacity: Readonly<Record<string, string>>;
}

/** A request of a claim that is to be allocated. */
export interface PendingRequest {
  readonly claim: ResourceClaim;
  readonly name: string;
  /** In order of preference. */
  readonly alternatives: readonly Alternative[];
}

/** Why a pod cannot be scheduled, in words for the pod's condition. */
export class UnschedulableError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'UnschedulableError';
  }
}

/** The requests of a claim with their classes looked up. Throws {@link UnschedulableError} for a class that is not there. */
export function pendingRequests(
  claim: ResourceClaim,
  classOf: (name: string) => DeviceClass | undefined,
): PendingRequest[] {
  return (claim.spec.devices.requests ?? []).map((request) => ({
    claim,
    name: request.name,
    alternatives: variants(request).map(({ name, ...variant }) => {
      const deviceClass = classOf(variant.deviceClassName);
      if (deviceClass === undefined) {
        throw new UnschedulableError(
          `claim ${claim.metadata.name ?? ''}: request ${name}: device class ${variant.deviceClassName} does not exist`,
        );
      }
      const selectors = [...(deviceClass.spec.selectors ?? []), ...(variant.selectors ?? [])];
      return {
        name,
        deviceClass,
        expressions: selectors.map(({ cel }) => cel?.expression ?? 'true'),
        count: variant.allocationMode === 'All' ? undefined : (variant.count ?? 1),
        adminAccess: 'adminAccess' in variant && variant.adminAccess === true,
        tolerations: variant.tolerations ?? [],
        capacity: variant.capacity?.requests ?? {},
      };
    }),
  }));
}

function variants(request: DeviceRequest) {
  if (request.exactly !== undefined) return [{ ...request.exactly, name: request.name }];
  return (request.firstAvailable ?? []).map((one) => ({ ...one, name: `${request.name}/${one.name}` }));
}

/** Whether the selectors of class and request hold. Throws {@link UnschedulableError} when one fails on the device. */
export function isSelected(
  request: PendingRequest,
  alternative: Alternative,
  candidate: PoolDevice,
): boolean {
  return alternative.expressions.every((expression) => {
    try {
      return deviceMatches(expression, candidate.driver, candidate.device);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw new UnschedulableError(
        `claim ${request.claim.metadata.name ?? ''}: request ${alternative.name}: device ${candidate.id}: CEL error in ${JSON.stringify(expression)}: ${error.message}`,
        error,
      );
    }
  });
}

/** How a device can be given to an alternative, or why it cannot. */
export type Fit =
  | { readonly kind: 'whole' }
  | { readonly kind: 'share'; readonly amounts: Amounts }
  | { readonly kind: 'none'; readonly why: 'in use' | 'tainted' | 'too small' };

/**
 * Looks at taints, usage and capacity; selectors are another matter. Administrative access gets whole devices that others have, but each
 * only once in a claim, and of shared devices a share like everybody.
 */
export function fit(
  claim: ResourceClaim,
  alternative: Alternative,
  candidate: PoolDevice,
  usage: DeviceUsage,
): Fit {
  const { device, id } = candidate;
  if (untolerated(device, alternative.tolerations) !== undefined) return { kind: 'none', why: 'tainted' };
  const shared = device.allowMultipleAllocations === true;
  const inUse = alternative.adminAccess ? !shared && usage.isChosenFor(id, claim) : usage.isTaken(id);
  return inUse ? { kind: 'none', why: 'in use' } : room(alternative, candidate, usage);
}

/** Looks only at capacity. */
export function room(alternative: Alternative, { device, id }: PoolDevice, usage: DeviceUsage): Fit {
  if (device.allowMultipleAllocations !== true) {
    return hasCapacity(device, alternative.capacity) ? { kind: 'whole' } : { kind: 'none', why: 'too small' };
  }
  const amounts = shareAmounts(device, alternative.capacity);
  if (amounts === undefined) return { kind: 'none', why: 'too small' };
  return usage.fits(id, device, amounts) ? { kind: 'share', amounts } : { kind: 'none', why: 'in use' };
}
