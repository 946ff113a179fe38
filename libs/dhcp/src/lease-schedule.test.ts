import { describe, expect, it } from 'vitest';
import { type DhcpLease, leasePhase, nextAttempt } from './lease-schedule.ts';

const lease: DhcpLease = {
  ...{ family: 6, address: '2001:db8::7/128', identity: { hardwareAddress: '02:00:5e:10:00:01' } },
  ...{ server: '', dnsServers: [], obtainedAt: 1_000_000 },
  ...{ renewAfter: 1800, rebindAfter: 3150, validFor: 3600 },
};
const after = (seconds: number) => lease.obtainedAt + seconds * 1000;

describe('a lease', () => {
  it.each([
    [0, 'bound'],
    [1799, 'bound'],
    [1800, 'renewing'],
    [3150, 'rebinding'],
    [3599, 'rebinding'],
    [3600, 'expired'],
  ] as const)('is after %i s %s', (seconds, phase) => {
    expect(leasePhase(lease, after(seconds))).toBe(phase);
  });

  it('is first prolonged at T1', () => {
    expect(nextAttempt(lease, undefined)).toBe(after(1800));
  });

  it('is asked for again after half of what is left of the phase, but not within a minute, and at the next phase', () => {
    expect(nextAttempt(lease, after(1800))).toBe(after(1800 + 675));
    expect(nextAttempt(lease, after(3050))).toBe(after(3110));
    expect(nextAttempt(lease, after(3110))).toBe(after(3150));
    expect(nextAttempt(lease, after(3150))).toBe(after(3150 + 225));
    expect(nextAttempt(lease, after(3590))).toBe(after(3600));
    expect(nextAttempt(lease, after(3600))).toBe(after(3660));
  });

  it('without an end is left alone', () => {
    const { renewAfter: _renew, rebindAfter: _rebind, validFor: _valid, ...endless } = lease;
    expect(nextAttempt(endless, undefined)).toBeUndefined();
    expect(leasePhase(endless, after(1e9))).toBe('bound');
  });
});
