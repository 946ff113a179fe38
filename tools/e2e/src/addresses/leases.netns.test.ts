import { waitUntil } from '@patchbay/lab';
import { afterEach, describe, expect, it } from 'vitest';
import { AddressNode, type AddressWish } from './address-node.ts';

let node: AddressNode | undefined;

afterEach(async () => {
  await node?.destroy();
  node = undefined;
});

async function start(...args: Parameters<typeof AddressNode.start>): Promise<AddressNode> {
  return (node = await AddressNode.start(...args));
}

const ranges = ['192.0.2.50,192.0.2.99,255.255.255.0,2m', '2001:db8::50,2001:db8::99,64,2m'];
/** T1 and T2 in seconds; dnsmasq lends for two minutes at least. */
const hurried = ['dhcp-option=option:T1,1', 'dhcp-option=option:T2,3'];
const dhcp: AddressWish['interface'] = { dhcp: {} };
const quick = { timeoutMs: 8_000 };

describe.each(['veth', 'macvlan', 'hostdev'] as const)(
  'a claim for a %s link that leases its addresses',
  (kind) => {
    it('has them when its pod starts, and gives them back when it is unprepared', async () => {
      const node = await start({
        ranges,
        options: [
          'dhcp-option=option:mtu,1400',
          'dhcp-option=option:classless-static-route,198.51.100.0/24,192.0.2.7,0.0.0.0/0,192.0.2.1',
        ],
      });
      const before = node.hostState();
      const claim = node.claim('web', { kind, interface: { dhcp: { ipv6: true, hostName: 'web' } } });
      await node.life.prepare(claim);
      expect(node.hostState()).toBe(before);
      const pod = await node.runPod(claim);
      const link = node.link(pod);
      expect(link.mtu).toBe(1400);
      const addresses = node.addresses(pod);
      expect(addresses.map(({ address }) => address.replace(/[0-9a-f]+\//, 'N/'))).toEqual([
        '192.0.2.N/24',
        '2001:db8::N/128',
      ]);
      for (const { validLifetime } of addresses) {
        expect(validLifetime).toBeGreaterThan(100);
        expect(validLifetime).toBeLessThanOrEqual(120);
      }
      const [ipv4] = addresses.map(({ address }) => address.split('/')[0]);
      expect(node.server.leases).toContainEqual({ client: link.address, address: ipv4, hostName: 'web' });
      expect(node.server.leases).toHaveLength(2);
      await node.stopPod(pod);
      await node.life.unprepare(claim);
      await waitUntil(
        () =>
          `the server to have its addresses back: ${JSON.stringify([node.server.leases, node.log.slice(-6)])} ${node.server.log.slice(-2500)}`,
        () => node.server.leases.length === 0,
        quick,
      );
      await waitUntil('the host to be as it was', () => node.hostState() === before, quick);
    });
  },
);

describe('leases', () => {
  it('are prolonged in the pod, also by a driver that was killed and started again', async () => {
    const node = await start({ ranges, options: hurried });
    const claim = node.claim('web', { kind: 'macvlan', interface: { dhcp: { ipv6: true } } });
    await node.life.prepare(claim);
    await node.runPod(claim);
    const first = node.lease(claim);
    const prolonged = (since: number | undefined) =>
      waitUntil(
        () =>
          `the lease to be prolonged: ${JSON.stringify(node.log.slice(-5))} ${node.server.log.slice(-800)}`,
        () => (node.lease(claim)?.obtainedAt ?? 0) > (since ?? Infinity) && node.lease(claim)?.obtainedAt,
        quick,
      );
    const second = await prolonged(first?.obtainedAt);
    node.end();
    await node.begin();
    await prolonged(second || undefined);
    expect(node.lease(claim)?.address).toBe(first?.address);
    // Asked from the address itself: neither a new lease nor a broadcast.
    expect(node.server.log.match(/DHCPDISCOVER/g)).toHaveLength(1);
  });

  it('are prolonged while no pod has them yet', async () => {
    const node = await start({ ranges, options: hurried });
    const claim = node.claim('web', { kind: 'veth', interface: dhcp });
    await node.life.prepare(claim);
    const first = node.lease(claim)?.obtainedAt ?? Infinity;
    await waitUntil('the lease to be prolonged', () => (node.lease(claim)?.obtainedAt ?? 0) > first, quick);
    const pod = await node.runPod(claim);
    expect(node.addresses(pod)).toHaveLength(1);
  });

  it('that nobody answers for are told of', async () => {
    const node = await start({ ranges, options: hurried });
    const claim = node.claim('web', { kind: 'veth', interface: dhcp });
    await node.life.prepare(claim);
    const pod = await node.runPod(claim);
    await node.server.stop();
    await waitUntil(
      'the driver to tell of it',
      () => node.log.some(({ level, message }) => level === 'warn' && /no DHCP server answers/.test(message)),
      { timeoutMs: 12_000 },
    );
    expect(node.addresses(pod)).toHaveLength(1);
  });

  it('that the server takes away are taken from the pod, and told of', async () => {
    const node = await start({ ranges, options: hurried });
    const claim = node.claim('web', { kind: 'veth', interface: dhcp });
    await node.life.prepare(claim);
    const pod = await node.runPod(claim);
    expect(node.addresses(pod)).toHaveLength(1);
    await node.serve({ ranges: ['192.0.2.150,192.0.2.199,255.255.255.0,2m'] });
    await waitUntil('the pod to lose the address', () => node.addresses(pod).length === 0, quick);
    await waitUntil(
      'the driver to tell of it',
      () =>
        node.log.some(({ level, message }) => level === 'error' && /has lost a leased address/.test(message)),
      quick,
    );
  });

  it('are given back when something else keeps the claim from being prepared', async () => {
    const node = await start({ ranges });
    const before = node.hostState();
    const claim = node.claim('web', {
      kind: 'hostdev',
      interface: dhcp,
      more: { routes: [{ destination: '203.0.113.0/24', gateway: '198.51.100.1' }] },
    });
    await expect(node.life.prepare(claim)).rejects.toThrow(/'198\.51\.100\.1' .* is in no network/);
    await waitUntil('the server to have its address back', () => node.server.leases.length === 0, quick);
    expect(node.server.log).toContain('DHCPACK');
    expect(node.hostState()).toBe(before);
  });

  it('of twenty claims that are prepared at once are twenty addresses', async () => {
    const node = await start({ ranges });
    const claims = Array.from({ length: 20 }, (_, slot) =>
      node.claim(`web-${slot}`, { kind: 'veth', interface: dhcp }, slot),
    );
    await Promise.all(claims.map((claim) => node.life.prepare(claim)));
    expect(new Set(claims.map((claim) => node.lease(claim)?.address)).size).toBe(20);
    expect(node.server.leases).toHaveLength(20);
  });

  it('that no server gives are an error that says what to do, and the host is as it was', async () => {
    const node = await start();
    const before = node.hostState();
    const wanted = { dhcp: { timeoutSeconds: 1 } };
    await expect(
      node.life.prepare(node.claim('web', { kind: 'hostdev', interface: wanted })),
    ).rejects.toThrow(
      "cannot lease an address for interface 'net0': no DHCPv4 server on nic0 gave an address within 1 s; check the DHCP server",
    );
    expect(node.hostState()).toBe(before);
  });
});

describe('an address range of the configuration', () => {
  const addressRanges = [
    {
      ...{ name: 'storage', network: '192.0.2.0/24', from: '192.0.2.10', to: '192.0.2.11' },
      ...{ gateway: '192.0.2.1', routes: [{ destination: '198.51.100.0/24' }] },
    },
  ];
  const wish: AddressWish = { kind: 'veth', interface: { addressRange: 'storage' } };

  it('gives each claim an address until it is unprepared, also across restarts', async () => {
    const node = await start(undefined, { addressRanges });
    const [a, b, c] = ['a', 'b', 'c'].map((name, slot) => node.claim(name, wish, slot));
    if (a === undefined || b === undefined || c === undefined) throw new Error('no claims');
    await node.life.prepare(a);
    const pod = await node.runPod(a);
    expect(node.addresses(pod)).toMatchObject([{ address: '192.0.2.10/24' }]);
    node.end();
    await node.begin();
    await node.life.prepare(b);
    await expect(node.life.prepare(c)).rejects.toThrow(
      "address range 'storage' has no free IPv4 address: all 2 are held (192.0.2.10 by claim default/a, 192.0.2.11 by claim default/b)",
    );
    await node.stopPod(pod);
    await node.life.unprepare(a);
    await node.life.prepare(c);
    const other = await node.runPod(c);
    expect(node.addresses(other)).toMatchObject([{ address: '192.0.2.10/24' }]);
  });
});

describe('SLAAC', () => {
  it('gives the interface an address of the router’s network, also where it forwards', async () => {
    const node = await start({ ranges: ['2001:db8::,ra-only,64,10m'], options: ['enable-ra'] });
    const claim = node.claim('web', { kind: 'veth', interface: { slaac: true, forwarding: { ipv4: true } } });
    await node.life.prepare(claim);
    const pod = await node.runPod(claim);
    await waitUntil(
      () => `an address: ${JSON.stringify(node.addresses(pod))} ${node.server.log.slice(-600)}`,
      () => node.addresses(pod).some(({ address }) => /^2001:db8::.*\/64$/.test(address)),
      { timeoutMs: 10_000 },
    );
  });
});
