import type { Dhcpv4Lease } from './v4/dhcpv4-lease.ts';
import type { Dhcpv6Lease } from './v6/dhcpv6-lease.ts';

/** A lease of either family; plain JSON. */
export type DhcpLease = Dhcpv4Lease | Dhcpv6Lease;

/**
 * - `bound`: nothing to do
 * - `renewing`: the server that gave it is to be asked (from T1 on)
 * - `rebinding`: any server is to be asked (from T2 on)
 * - `expired`: the address must not be used any more
 */
export type LeasePhase = 'bound' | 'renewing' | 'rebinding' | 'expired';

/** Shortest time between two attempts of one phase, in milliseconds (RFC 2131, section 4.4.5). */
const shortestPauseMs = 60_000;
/** Between attempts to get back a lease that has ended, in milliseconds. */
const afterExpiryMs = 60_000;

/** What is to be done with a lease at a moment of the monotonic clock. */
export function leasePhase(lease: DhcpLease, now: number): LeasePhase {
  const { renewAfter, rebindAfter, validFor, obtainedAt } = lease;
  if (renewAfter === undefined || rebindAfter === undefined || validFor === undefined) return 'bound';
  const age = (now - obtainedAt) / 1000;
  if (age < renewAfter) return 'bound';
  if (age < rebindAfter) return 'renewing';
  return age < validFor ? 'rebinding' : 'expired';
}

/**
 * When the next thing is to be done with a lease: at the beginning of its next phase, and within a phase after half of what is left of it,
 * but at least a minute.
 *
 * @param attemptedAt when it was last tried; undefined when not since it was obtained
 * @returns a moment of the monotonic clock in milliseconds, perhaps past; undefined for a lease that does not end
 */
export function nextAttempt(lease: DhcpLease, attemptedAt: number | undefined): number | undefined {
  const { renewAfter, rebindAfter, validFor, obtainedAt } = lease;
  if (renewAfter === undefined || rebindAfter === undefined || validFor === undefined) return undefined;
  const [renewAt, rebindAt, endsAt] = [renewAfter, rebindAfter, validFor].map(
    (seconds) => obtainedAt + seconds * 1000,
  ) as [number, number, number];
  if (attemptedAt === undefined || attemptedAt < renewAt) return renewAt;
  if (attemptedAt >= endsAt) return attemptedAt + afterExpiryMs;
  const boundary = attemptedAt < rebindAt ? rebindAt : endsAt;
  return Math.min(boundary, attemptedAt + Math.max((boundary - attemptedAt) / 2, shortestPauseMs));
}
