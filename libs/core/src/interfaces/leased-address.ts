import { monotonicNow } from '@patchbay/dhcp';

/** An address of an {@link InterfaceSetup} that is lent for a time. Plain JSON. */
export type LeasedAddress = {
  /** One of the setup's addresses. */
  readonly address: string;
  /** Milliseconds of the machine's monotonic clock. */
  readonly obtainedAt: number;
  /** Seconds from {@link obtainedAt}; absent when it is lent for ever. */
  readonly validFor?: number;
  readonly preferredFor?: number;
};

/**
 * Seconds that an address gets at least. The lease may have been prolonged since the setup was made, which whoever keeps leases then tells
 * the kernel.
 */
const leastSeconds = 60;

/** How long an address is to live from now on, as the kernel takes it; nothing for an address that is not lent. */
export function addressLifetimes(
  leases: readonly LeasedAddress[] | undefined,
  address: string,
  now = monotonicNow(),
): { readonly validLifetime?: number; readonly preferredLifetime?: number } {
  const lease = leases?.find((each) => each.address === address);
  if (lease?.validFor === undefined) return {};
  const left = (seconds: number, least: number) =>
    Math.max(Math.round(seconds - (now - lease.obtainedAt) / 1000), least);
  const validLifetime = left(lease.validFor, leastSeconds);
  const preferredLifetime = left(lease.preferredFor ?? lease.validFor, leastSeconds);
  return { validLifetime, preferredLifetime: Math.min(preferredLifetime, validLifetime) };
}
