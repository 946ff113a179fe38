import { Quantity } from '../apiserver/validation/quantity.ts';
import type { AllocationResult, ResourceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import type { CapacityRequestPolicy, SliceDevice } from '../apiserver/resources/resource-slice-schema.ts';
import { deviceId } from './device-pools.ts';

/** Amounts of a device's capacities, by name. */
export type Amounts = Readonly<Record<string, Quantity>>;

/** Which devices are given out, wholly or in shares; changes can be taken back in reverse order. */
export class DeviceUsage {
  readonly #taken = new Set<string>();
  /** Devices chosen as a whole since, and for which claims; administrative access counts here. */
  readonly #chosen = new Map<string, ReadonlySet<ResourceClaim>>();
  readonly #consumed = new Map<string, Amounts[]>();

  /** The usage by what is allocated to claims. Administrative access uses nothing. */
  static of(claims: readonly ResourceClaim[]): DeviceUsage {
    const usage = new DeviceUsage();
    for (const { status } of claims) {
      for (const result of status?.allocation?.devices.results ?? []) usage.#count(result);
    }
    return usage;
  }

  /** Whether somebody has the device for themselves, or it is chosen for a claim that is being allocated. */
  isTaken(id: string): boolean {
    return this.#taken.has(id) || (this.#chosen.get(id)?.size ?? 0) > 0;
  }

  /** Whether the device is chosen for that claim, which is being allocated. */
  isChosenFor(id: string, claim: ResourceClaim): boolean {
    return this.#chosen.get(id)?.has(claim) === true;
  }

  /** Gives a device out as a whole, also for administrative access; the returned function takes it back. */
  choose(id: string, claim: ResourceClaim): () => void {
    const before = this.#chosen.get(id) ?? new Set();
    this.#chosen.set(id, new Set([...before, claim]));
    return () => this.#chosen.set(id, before);
  }

  /** Gives out a share; the returned function takes it back. */
  consume(id: string, amounts: Amounts): () => void {
    const shares = this.#consumed.get(id) ?? [];
    this.#consumed.set(id, [...shares, amounts]);
    return () => this.#consumed.set(id, shares);
  }

  /** Whether the amounts are still free on a device. */
  fits(id: string, device: SliceDevice, amounts: Amounts): boolean {
    const shares = this.#consumed.get(id) ?? [];
    return Object.entries(amounts).every(([name, amount]) => {
      const capacity = device.capacity?.[name];
      if (capacity === undefined) return false;
      const used = shares.reduce(
        (sum, share) => (share[name] === undefined ? sum : sum.plus(share[name])),
        amount,
      );
      return used.compare(Quantity.parse(capacity.value)) <= 0;
    });
  }

  #count(result: AllocationResult): void {
    if (result.adminAccess === true) return;
    const id = deviceId(result);
    if (result.shareID === undefined) this.#taken.add(id);
    else {
      const amounts = Object.entries(result.consumedCapacity ?? {}).map(
        ([name, text]) => [name, Quantity.parse(text)] as const,
      );
      this.consume(id, Object.fromEntries(amounts));
    }
  }
}

/**
 * What a share of a device consumes of each of its capacities, given what is requested: the request rounded up to what
 * the policy allows, the policy's default without a request, everything without a policy (KEP-5075). Undefined when
 * the device lacks a requested capacity or the policy allows no such amount.
 */
export function shareAmounts(
  device: SliceDevice,
  requested: Readonly<Record<string, string>>,
): Amounts | undefined {
  const capacities = device.capacity ?? {};
  if (Object.keys(requested).some((name) => capacities[name] === undefined)) return undefined;
  const amounts: Record<string, Quantity> = {};
  for (const [name, { value, requestPolicy }] of Object.entries(capacities)) {
    const wanted = requested[name] ?? requestPolicy?.default ?? value;
    const amount = roundUp(Quantity.parse(wanted), requestPolicy);
    if (amount === undefined) return undefined;
    amounts[name] = amount;
  }
  return amounts;
}

function roundUp(wanted: Quantity, policy: CapacityRequestPolicy | undefined): Quantity | undefined {
  if (policy?.validValues !== undefined && policy.validValues.length > 0) {
    return policy.validValues.map((text) => Quantity.parse(text)).find((value) => value.compare(wanted) >= 0);
  }
  const range = policy?.validRange;
  if (range?.min === undefined) return wanted;
  const min = Quantity.parse(range.min);
  let amount = wanted.compare(min) < 0 ? min : wanted;
  if (range.step !== undefined) {
    const step = Quantity.parse(range.step).nano;
    const steps = (amount.nano - min.nano + step - 1n) / step;
    // The scheduler counts in steps without a unit and writes the sum in binary notation: `6G` becomes `5859375Ki`.
    if (amount.compare(min) > 0) amount = Quantity.of(min.nano + steps * step, Quantity.parse('1Ki'));
  }
  return range.max !== undefined && amount.compare(Quantity.parse(range.max)) > 0 ? undefined : amount;
}

/** Whether a device that is given out as a whole has what is requested of its capacities. */
export function hasCapacity(device: SliceDevice, requested: Readonly<Record<string, string>>): boolean {
  return Object.entries(requested).every(([name, text]) => {
    const capacity = device.capacity?.[name];
    return capacity !== undefined && Quantity.parse(capacity.value).compare(Quantity.parse(text)) >= 0;
  });
}
