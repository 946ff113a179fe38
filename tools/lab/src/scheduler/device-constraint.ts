import type { DeviceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import { attributeIdentity } from './device-cel.ts';
import type { PoolDevice } from './device-pools.ts';

type Constraint = NonNullable<DeviceClaim['constraints']>[number];

/** Whether a reference (`req` or `req/sub`; an empty list means all) covers a request or alternative. */
export function covers(references: readonly string[] | undefined, request: string): boolean {
  if (references === undefined || references.length === 0) return true;
  const [base = ''] = request.split('/');
  return references.includes(request) || references.includes(base);
}

/** One constraint of a claim with the devices chosen so far. */
export class ConstraintState {
  readonly #constraint: Constraint;
  readonly #values: string[] = [];

  constructor(constraint: Constraint) {
    this.#constraint = constraint;
  }

  /**
   * Adds a device chosen for a request; the returned function takes it back. Undefined, and nothing is added, when
   * the constraint would not hold.
   */
  add(request: string, { driver, device }: PoolDevice): (() => void) | undefined {
    const { requests, matchAttribute, distinctAttribute } = this.#constraint;
    if (!covers(requests, request)) return () => undefined;
    const value = attributeIdentity(driver, device, matchAttribute ?? distinctAttribute ?? '');
    if (value === undefined) return undefined;
    const holds =
      matchAttribute === undefined
        ? !this.#values.includes(value)
        : this.#values.every((other) => other === value);
    if (!holds) return undefined;
    this.#values.push(value);
    return () => void this.#values.pop();
  }
}
