import { type Dhcpv4Lease, monotonicNow } from '@patchbay/dhcp';
import { addressAdd, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClaimLocks } from '../attachments/claim-locks.ts';
import type { ClaimLedger } from '../attachments/claim-ledger.ts';
import type { ClaimRecord } from '../attachments/claim-record.ts';
import { silentLogger } from '../logging/logger.ts';
import { LeaseKeeper, type LeaseListener } from './lease-keeper.ts';
import type { LeaseAnswer } from './leases.ts';

const hardwareAddress = '02:00:5e:10:00:01';
const route = { destination: '198.51.100.0/24', gateway: '192.0.2.1' };

let pod: NetworkNamespace;
let socket: RouteSocket;
let records: Map<string, ClaimRecord>;
let told: string[];
let ending: AbortController;

beforeEach(() => {
  pod = NetworkNamespace.create();
  socket = RouteSocket.open({ namespace: pod });
  const { index } = socket.createLink({ name: 'net0', kind: { kind: 'bridge' }, address: hardwareAddress });
  socket.execute(linkSet(index, { up: true }));
  records = new Map();
  told = [];
  ending = new AbortController();
});
afterEach(() => {
  ending.abort();
  socket.close();
  pod.close();
});

/** A lease that was obtained so many seconds ago. */
function lease(
  age: number,
  times: { renewAfter: number; rebindAfter: number; validFor: number },
): Dhcpv4Lease {
  return {
    ...{ family: 4, address: '192.0.2.50/24', identity: { hardwareAddress }, server: '192.0.2.1' },
    ...{ serverHardwareAddress: '02:00:5e:10:00:99', obtainedAt: monotonicNow() - age * 1000, ...times },
    ...{ routers: [], dnsServers: [] },
  };
}
/** The machine may be busy. */
const patience = { timeout: 5_000 };
const hour = { renewAfter: 1800, rebindAfter: 3150, validFor: 3600 };

function journal(given: Dhcpv4Lease, attached = true): void {
  const sandbox = {
    ...{ podUID: 'pod', podName: 'pod', podNamespace: 'default', sandboxId: 'sandbox' },
    networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
  };
  const path = { kind: 'bridge-port', bridge: { name: 'lan', index: 7 } };
  const device = { interfaceName: 'net0', leases: [{ lease: given, path, routes: [route] }] };
  records.set('claim', {
    ...{ version: 1, bootId: '', podUIDs: ['pod'] },
    claim: { uid: 'claim', namespace: 'default', name: 'claim' },
    devices: [device as unknown as ClaimRecord['devices'][number]],
    attachments: attached ? [{ phase: 'attached', sandbox }] : [],
  });
}

/** Keeps the journal's leases while servers answer as given; whom each question was for is noted. */
function keep(
  answer: (lease: Dhcpv4Lease) => LeaseAnswer,
  put: (record: ClaimRecord) => void = (record) => void records.set(record.claim.uid, record),
): LeaseKeeper {
  const ledger = {
    all: () => [...records.values()],
    get: (uid: string) => records.get(uid),
    put,
  } as unknown as ClaimLedger;
  const listener: LeaseListener = {
    leaseUnanswered: () => void told.push('unanswered'),
    leaseLost: (_, reason) => void told.push(`lost: ${reason}`),
    leaseRegained: () => void told.push('regained'),
  };
  const logger = { ...silentLogger, error: (_: object, message: string) => void told.push(message) };
  const keeper = new LeaseKeeper({
    ...{ ledger, listener, claims: new ClaimLocks(), logger },
    leases: {
      confirm: async ({ lease }) => (told.push('asked from outside'), answer(lease as Dhcpv4Lease)),
      renew: async (_, lease, whom) => (told.push(`asked ${whom}`), answer(lease as Dhcpv4Lease)),
    },
    links: { inPod: () => ({}) as never },
  });
  void keeper.run(ending.signal);
  return keeper;
}

const addresses = () =>
  socket.addresses({ family: 4 }).filter(({ address }) => address.startsWith('192.0.2.'));
const kept = () => records.get('claim')?.devices[0]?.leases?.[0]?.lease as Dhcpv4Lease;
const fresh = (old: Dhcpv4Lease): LeaseAnswer => ({
  kind: 'lease',
  lease: { ...old, ...hour, obtainedAt: monotonicNow() },
});

describe('a lease in a pod', () => {
  it('has the lifetimes that the journal says as soon as it is attached', async () => {
    journal(lease(600, hour));
    keep(() => ({ kind: 'silence' }));
    await vi.waitFor(() => expect(addresses()).toHaveLength(1), patience);
    expect(addresses()[0]?.validLifetime).toBeGreaterThan(2900);
    expect(addresses()[0]?.validLifetime).toBeLessThanOrEqual(3000);
    expect(told).toEqual([]);
  });

  it('is prolonged by its server from T1 on and by any from T2 on, and journalled', async () => {
    journal(lease(2000, hour));
    keep(fresh);
    await vi.waitFor(() => expect(addresses()[0]?.validLifetime).toBeGreaterThan(3590), patience);
    expect(monotonicNow() - kept().obtainedAt).toBeLessThan(5_000);
    expect(told).toEqual(['asked server']);
  });

  it('is asked for at any server from T2 on, and that nobody answers is told once', async () => {
    journal(lease(3200, hour));
    keep(() => ({ kind: 'silence' })).wake();
    await vi.waitFor(() => expect(told).toEqual(['asked anyone', 'unanswered']), patience);
  });

  it('that has ended is told of, and given to the interface with its routes when a server gives it again', async () => {
    journal(lease(4000, hour));
    keep(fresh);
    await vi.waitFor(() => expect(told).toContain('regained'), patience);
    expect(told).toEqual(['lost: no DHCP server has prolonged its lease', 'asked ended', 'regained']);
    expect(addresses()).toHaveLength(1);
    expect(socket.routes().some(({ destination }) => destination === route.destination)).toBe(true);
  });

  it('that its server takes away is taken from the interface, and asked for anew', async () => {
    journal(lease(2000, hour));
    keep(() => ({ kind: 'refused', message: 'wrong network' }));
    await vi.waitFor(() => expect(told).toContain('asked ended'), patience);
    expect(told.slice(0, 3)).toEqual([
      'asked server',
      'lost: its DHCP server has taken it away: wrong network',
      'asked ended',
    ]);
    expect(addresses()).toEqual([]);
  });

  it('that had ended when the pod was made anew is taken from the interface', async () => {
    const old = lease(4000, hour);
    socket.execute(addressAdd({ linkIndex: socket.link({ name: 'net0' })!.index, address: old.address }));
    journal(old);
    keep(() => ({ kind: 'silence' }));
    await vi.waitFor(() => expect(addresses()).toEqual([]), patience);
  });

  it('that cannot be journalled stays as the journal says, and is told of in the log', async () => {
    journal(lease(3200, hour));
    const before = kept();
    keep(fresh, () => {
      throw new Error('disk full');
    });
    await vi.waitFor(() => expect(told).toContain('keeping a lease failed; it is tried again'), patience);
    expect(kept()).toBe(before);
    expect(addresses()[0]?.validLifetime).toBeLessThanOrEqual(400);
  });

  it('of a claim that is unprepared meanwhile is not journalled again', async () => {
    journal(lease(2000, hour));
    keep((old) => {
      records.clear();
      return fresh(old);
    });
    await vi.waitFor(() => expect(told).toEqual(['asked server']), patience);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(records.size).toBe(0);
  });

  it('that no pod has yet is prolonged from outside', async () => {
    journal(lease(2000, hour), false);
    keep(fresh);
    await vi.waitFor(() => expect(monotonicNow() - kept().obtainedAt).toBeLessThan(5_000), patience);
    expect(told).toEqual(['asked from outside']);
    expect(addresses()).toEqual([]);
  });
});
