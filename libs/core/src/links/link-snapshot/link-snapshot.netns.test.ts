import { execFileSync } from 'node:child_process';
import {
  addressAdd,
  addressFlags,
  EthtoolSocket,
  linkAddAltname,
  linkSet,
  NamespaceSysctls,
  neighbourAdd,
  neighbourFlags,
  nexthopObjectAdd,
  routeAdd,
  routeAppend,
  routeDelete,
  ruleAdd,
  ruleDelete,
} from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HostLinkRig, podSetup } from '../../testing/host-link-rig.ts';

let rig: HostLinkRig;
beforeEach(() => {
  rig = new HostLinkRig();
});
afterEach(() => rig[Symbol.dispose]());

const ipTunnel = { type: 2, attributes: '0c0001000000000000000064' + '08000200c0000263' };

describe('a host link that was in a pod', () => {
  it('has its settings again', async () => {
    rig.host.execute(
      linkSet(rig.nic, { address: '02:00:5e:00:53:42', broadcast: 'ff:ff:ff:ff:ff:fe', mtu: 1400, group: 7 }),
      linkSet(rig.nic, { alias: 'left card', txQueueLength: 77, promiscuous: true, allMulticast: true }),
      linkSet(rig.nic, { gsoMaxSize: 40_000, gsoMaxSegments: 17, groMaxSize: 50_000 }),
      linkSet(rig.nic, { gsoIpv4MaxSize: 30_000, groIpv4MaxSize: 20_000 }),
      linkAddAltname(rig.nic, ['left-card', 'enp3s0']),
    );
    rig.configure();
    await rig.expectRestored();
  });

  it('is down again if it was', async () => {
    rig.configure();
    await rig.settled();
    rig.host.execute(linkSet(rig.nic, { up: false }));
    await rig.expectRestored();
  });

  it('has its features and sysctls again, which others had changed or the move had reset', async () => {
    rig.configure();
    using ethtool = EthtoolSocket.open();
    await ethtool.setFeatures(rig.nic, { 'tx-generic-segmentation': false, 'rx-gro': true });
    new NamespaceSysctls().write(
      Object.entries({
        ...{ 'ipv4/conf/nic0/arp_ignore': '2', 'ipv4/conf/nic0/forwarding': '1', 'ipv4/conf/nic0/tag': '9' },
        ...{ 'ipv6/conf/nic0/accept_ra': '0', 'ipv6/conf/nic0/forwarding': '1' },
        ...{ 'ipv4/neigh/nic0/base_reachable_time_ms': '45000', 'ipv6/neigh/nic0/gc_stale_time': '99' },
      }).map(([path, value]) => ({ path, value })),
    );
    await rig.expectRestored(async () => {
      using inside = EthtoolSocket.open({ namespace: rig.pod });
      await inside.setFeatures(
        rig.inPod((socket) => socket.link({ name: 'fast0' })?.index ?? 0),
        { 'tx-generic-segmentation': true, 'rx-gro': false, 'tx-scatter-gather': false },
      );
    });
  });

  it('has its stable IPv6 address again', async () => {
    new NamespaceSysctls().write([
      { path: 'ipv6/conf/nic0/stable_secret', value: '2001:db8::1:2:3:4' },
      { path: 'ipv6/conf/nic0/use_tempaddr', value: '2' },
    ]);
    rig.configure();
    await rig.expectRestored();
  });

  it('has no IPv6 again', async () => {
    new NamespaceSysctls().write([{ path: 'ipv6/conf/nic0/disable_ipv6', value: '1' }]);
    rig.configure();
    await rig.expectRestored();
  });

  it('has its addresses again, with labels, peers, metrics, lifetimes and flags, in their order', async () => {
    const linkIndex = rig.nic;
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24', broadcast: 'auto', label: 'nic0:a' }),
      addressAdd({ linkIndex, address: '198.51.100.11/24', validLifetime: 5000, preferredLifetime: 4000 }),
      addressAdd({ linkIndex, address: '10.9.0.1/32', peer: '10.9.0.2', scope: 'link', metric: 33 }),
      addressAdd({ linkIndex, address: '10.10.0.1/16', flags: addressFlags.noprefixroute }),
      addressAdd({ linkIndex, address: 'fe80::1234/64', flags: addressFlags.nodad }),
      addressAdd({ linkIndex, address: '2001:db8::10/64', flags: addressFlags.nodad, protocol: 99 }),
      addressAdd({ linkIndex, address: '2001:db8::11/64', preferredLifetime: 0 }),
      addressAdd({ linkIndex, address: '2001:db8:1::12/64', validLifetime: 5000, metric: 7 }),
      addressAdd({ linkIndex, address: '2001:db8::13/128', peer: '2001:db8::14' }),
    );
    await rig.expectRestored();
  });

  it('has the link-local address again that it was brought up with', async () => {
    rig.configure();
    await rig.settled();
    rig.host.execute(linkSet(rig.nic, { address: '02:00:5e:00:53:43' }));
    const taken = await rig.snapshot();
    const [linkLocal] = taken.addresses;
    expect(linkLocal).toMatchObject({ scope: 'link' });
    await rig.links.moveIn(taken, podSetup, rig.sandbox);
    await rig.links.moveOut(taken, podSetup, rig.sandbox);
    expect(rig.host.addresses({ linkIndex: rig.nic })).toContainEqual(linkLocal);
  });

  it('has its routes again, of all tables and kinds', async () => {
    const linkIndex = rig.nic;
    const other = rig.named('other0').index;
    const gateway = '198.51.100.1';
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      addressAdd({ linkIndex, address: '2001:db8::10/64', flags: addressFlags.nodad }),
      routeAdd({ linkIndex, destination: '203.0.113.1/32', scope: 'link', protocol: 16 }),
      routeAdd({ linkIndex, destination: '0.0.0.0/0', gateway: '203.0.113.1', metric: 9000, mtu: 1300 }),
      routeAdd({
        linkIndex,
        destination: '10.1.0.0/16',
        gateway,
        metrics: { window: 4000, lock: 4 },
        mtu: 999,
      }),
      routeAdd({ linkIndex, destination: '10.2.0.0/16', gateway, encap: ipTunnel, realms: 5 }),
      routeAdd({ linkIndex, destination: '10.3.0.0/16', gateway: '192.0.2.99', onlink: true, tos: 16 }),
      routeAdd({ linkIndex, destination: '10.4.0.0/16', gateway, table: 4_000_000, source: '198.51.100.10' }),
      routeAdd({ linkIndex, destination: '192.0.2.128/25', type: 'local', table: 255, scope: 'host' }),
      routeAdd({
        destination: '10.5.0.0/16',
        nexthops: [
          { linkIndex, gateway, weight: 3 },
          { linkIndex: other, gateway: '192.0.2.1', weight: 2 },
        ],
      }),
      routeAdd({ linkIndex, destination: '10.6.0.0/16', gateway: '2001:db8::1' }),
      routeAdd({ linkIndex, destination: '2001:db8:1::/48', gateway: '2001:db8::1', expires: 3000 }),
      routeAdd({ linkIndex, destination: '2001:db8:2::/48', gateway: 'fe80::1', preference: 'high' }),
      routeAdd({ linkIndex, destination: '2001:db8:3::/48', from: '2001:db8:9::/48', metric: 3 }),
    );
    await rig.expectRestored();
  });

  it('has its place again among routes to the same destination', async () => {
    const linkIndex = rig.nic;
    const other = rig.named('other0').index;
    const to = (destination: string, gateway: string, index = linkIndex) => ({
      ...{ destination, gateway },
      linkIndex: index,
    });
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      addressAdd({ linkIndex, address: '2001:db8::10/64', flags: addressFlags.nodad }),
      routeAdd(to('10.1.0.0/16', '198.51.100.1')),
      routeAppend(to('10.1.0.0/16', '198.51.100.2')),
      routeAppend(to('10.1.0.0/16', '198.51.100.3')),
      routeAdd(to('10.2.0.0/16', '198.51.100.1')),
      routeAppend(to('10.2.0.0/16', '198.51.100.2')),
      routeAppend(to('10.2.0.0/16', '192.0.2.1', other)),
      routeAdd(to('10.3.0.0/16', '192.0.2.1', other)),
      routeAppend(to('10.3.0.0/16', '198.51.100.2')),
      routeAdd(to('2001:db8:1::/48', '2001:db8::1')),
      routeAppend(to('2001:db8:1::/48', '2001:db8::2')),
      routeAdd({ ...to('10.4.0.0/16', '198.51.100.1'), onlink: true }),
      routeAppend({ linkIndex, destination: '10.4.0.0/16', source: '198.51.100.10' }),
      routeAdd(to('2001:db8:4::/48', 'fe80::1')),
      routeAppend({ linkIndex, destination: '2001:db8:4::/48' }),
      routeAdd(to('2001:db8:3::/48', '2001:db8:2::1', other)),
      routeAppend(to('2001:db8:3::/48', '2001:db8::2')),
    );
    await rig.expectRestored();
  });

  it('lacks again the route to its network that an administrator took away or replaced', async () => {
    const linkIndex = rig.nic;
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      addressAdd({ linkIndex, address: '10.9.0.1/24' }),
      routeDelete({ linkIndex, destination: '198.51.100.0/24' }),
      routeDelete({ linkIndex, destination: '10.9.0.0/24' }),
      routeAdd({ linkIndex, destination: '10.9.0.0/24', scope: 'link', source: '10.9.0.1', mtu: 1200 }),
    );
    await rig.expectRestored();
  });

  it('has its next-hop objects again, in the groups that they were in', async () => {
    const linkIndex = rig.nic;
    const common = { family: 4, protocol: 4 } as const;
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      nexthopObjectAdd({ ...common, id: 5, linkIndex, gateway: '198.51.100.1' }),
      nexthopObjectAdd({ ...common, id: 6, linkIndex: rig.named('other0').index, gateway: '192.0.2.1' }),
      nexthopObjectAdd({
        id: 10,
        protocol: 4,
        group: [
          { id: 5, weight: 1 },
          { id: 6, weight: 9 },
        ],
      }),
      nexthopObjectAdd({ id: 11, protocol: 4, group: [{ id: 5, weight: 1 }] }),
      routeAdd({ destination: '10.1.0.0/16', nexthopId: 5 }),
      routeAdd({ destination: '10.2.0.0/16', nexthopId: 10 }),
      routeAdd({ destination: '10.3.0.0/16', nexthopId: 11, metric: 8 }),
    );
    await rig.expectRestored();
  });

  it('has its permanent and proxy neighbours again', async () => {
    const linkIndex = rig.nic;
    const linkAddress = '02:00:5e:00:53:99';
    rig.configure(
      neighbourAdd({ linkIndex, address: '198.51.100.1', linkAddress, protocol: 44 }),
      neighbourAdd({ linkIndex, address: '2001:db8::1', linkAddress, flags: neighbourFlags.router }),
      neighbourAdd({ linkIndex, address: '198.51.100.77', flags: neighbourFlags.proxy }),
      neighbourAdd({ linkIndex, address: '2001:db8::77', flags: neighbourFlags.proxy }),
    );
    await rig.expectRestored();
  });

  it('is matched again by the rules that name it, which the host kept', async () => {
    const linkIndex = rig.nic;
    rig.configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      routeAdd({ linkIndex, destination: '10.1.0.0/16', table: 77 }),
      ruleAdd({ family: 4, iif: 'nic0', table: 77, priority: 100 }),
      ruleAdd({ family: 6, oif: 'nic0', table: 77, priority: 101 }),
    );
    const rules = () => rig.host.rules().filter(({ priority }) => priority === 100 || priority === 101);
    const before = rules();
    await rig.expectRestored(() => {
      expect(rules()).toEqual(before);
      const shown = ['-4', '-6'].map((family) => execFileSync('ip', [family, 'rule'], { encoding: 'utf8' }));
      // Without effect, which the configuration afterwards would show.
      expect(shown[0]).toContain('iif nic0 [detached] lookup 77');
      expect(shown[1]).toContain('oif nic0 [detached] lookup 77');
    });
    rig.host.execute(...before.map(ruleDelete));
  });

  it('is a member of its bridge again, with its settings as a port', async () => {
    const { index: master } = rig.host.createLink({ name: 'br0', up: true, kind: { kind: 'bridge' } });
    rig.configure(linkSet(rig.nic, { master }));
    rig.host.execute(linkSet(rig.nic, { bridgePort: { isolated: true, learning: false, priority: 9 } }));
    await vi.waitFor(() => expect(rig.named('br0').operState).toBe('up'));
    await rig.expectRestored();
  });
});
