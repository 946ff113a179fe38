import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressAdd,
  addressDelete,
  addressFlags,
  EthtoolSocket,
  type Link,
  linkAddAltname,
  linkDelete,
  linkSet,
  NamespaceSysctls,
  neighbourAdd,
  neighbourFlags,
  NetworkNamespace,
  nexthopObjectAdd,
  routeAdd,
  routeAppend,
  routeDelete,
  type RouteRequest,
  RouteSocket,
  ruleAdd,
  ruleDelete,
} from '@patchbay/netlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PodSandbox } from '../../backend/backend.ts';
import type { InterfaceSetup } from '../../interfaces/interface-setup.ts';
import { type Logger, silentLogger } from '../../logging/logger.ts';
import { hostConfiguration } from '../../testing/host-configuration.ts';
import { NamespacePins } from '../namespace-pins.ts';
import { PodLinks } from '../pod-links.ts';
import type { LinkSnapshot } from './link-snapshot.ts';

const setup: InterfaceSetup = { name: 'fast0', addresses: ['10.20.0.1/24'], routes: [] };
const ipTunnel = { type: 2, attributes: '0c0001000000000000000064' + '08000200c0000263' };
let host: RouteSocket;
let own: NetworkNamespace;
let pod: NetworkNamespace;
let sandbox: PodSandbox;
let state: string;
let warnings: object[];
let links: PodLinks;

/** A card, `nic0`, plugged into `port0`, beside another link of the host, `other0`. */
beforeEach(() => {
  // Duplicate address detection would take a second or two each time.
  new NamespaceSysctls().write(
    ['all', 'default'].map((name) => ({ path: `ipv6/conf/${name}/accept_dad`, value: '0' })),
  );
  host = RouteSocket.open();
  own = NetworkNamespace.own();
  pod = NetworkNamespace.create();
  state = mkdtempSync(join(tmpdir(), 'link-snapshot-'));
  warnings = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => warnings.push(fields) };
  links = new PodLinks(host, own, new NamespacePins(state), logger);
  sandbox = {
    ...{ podUID: 'pod-uid', podName: 'pod', podNamespace: 'default', sandboxId: 'sandbox' },
    networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
  };
  host.createLink({ name: 'port0', up: true, kind: { kind: 'veth', peer: { name: 'nic0' } } });
  host.createLink({ name: 'other0', up: true, kind: { kind: 'veth', peer: { name: 'other1' } } });
  host.execute(
    linkSet(1, { up: true }),
    linkSet(named('other1').index, { up: true }),
    addressAdd({ linkIndex: named('other0').index, address: '192.0.2.10/24' }),
    addressAdd({ linkIndex: named('other0').index, address: '2001:db8:2::10/64', flags: addressFlags.nodad }),
  );
});
afterEach(() => {
  for (const { name } of host.links().filter((link) => ['port0', 'other0', 'br0'].includes(link.name)))
    host.execute(linkDelete({ name }));
  for (const { priority } of host.rules()) expect(priority === 0 || priority >= 32766).toBe(true);
  pod.close();
  own.close();
  host.close();
  expect(readdirSync(state)).toEqual([]);
  rmSync(state, { recursive: true });
});

function named(name: string): Link {
  const link = host.link({ name });
  if (link === undefined) throw new Error(`${name} is not on the host`);
  return link;
}

function nic(): number {
  return named('nic0').index;
}

/** As it is after a crash, from the journal. */
async function snapshot(): Promise<LinkSnapshot> {
  return JSON.parse(JSON.stringify(await links.snapshot(named('nic0')))) as LinkSnapshot;
}

function inPod<T>(work: (socket: RouteSocket) => T): T {
  using socket = RouteSocket.open({ namespace: pod });
  return work(socket);
}

/** The configuration once carriers and duplicate address detection have come to rest. */
async function settled(): Promise<object> {
  await vi.waitFor(
    () => {
      expect(host.addresses().every(({ flags }) => (flags & addressFlags.tentative) === 0)).toBe(true);
      const { index, up } = named('nic0');
      expect(host.links().every(({ operState }) => !up || operState !== 'lowerlayerdown')).toBe(true);
      const ipv6 = new NamespaceSysctls().read(['ipv6/conf/nic0/disable_ipv6']);
      const linkLocal = host.addresses({ linkIndex: index, family: 6 }).some(({ scope }) => scope === 'link');
      expect(linkLocal).toBe(up && Object.values(ipv6)[0] === '0');
    },
    { timeout: 10_000 },
  );
  return hostConfiguration();
}

/** Takes the card to a pod, which does what it likes with it, and brings it back: all is as it was. */
async function expectRestored(
  vandalise: (linkIndex: number) => void | Promise<void> = () => {},
): Promise<void> {
  const before = await settled();
  const taken = await snapshot();
  const { linkIndex = 0 } = await links.moveIn(taken, setup, sandbox);
  await vandalise(linkIndex);
  await links.moveOut(taken, setup, sandbox);
  await vi.waitFor(async () => expect(await hostConfiguration()).toEqual(before), { timeout: 10_000 });
  expect(warnings).toEqual([]);
}

function configure(...requests: readonly RouteRequest[]): void {
  host.execute(linkSet(nic(), { up: true }), ...requests);
}

describe('a host link that was in a pod', () => {
  it('has its settings again', async () => {
    host.execute(
      linkSet(nic(), { address: '02:00:5e:00:53:42', broadcast: 'ff:ff:ff:ff:ff:fe', mtu: 1400, group: 7 }),
      linkSet(nic(), { alias: 'left card', txQueueLength: 77, promiscuous: true, allMulticast: true }),
      linkSet(nic(), { gsoMaxSize: 40_000, gsoMaxSegments: 17, groMaxSize: 50_000 }),
      linkSet(nic(), { gsoIpv4MaxSize: 30_000, groIpv4MaxSize: 20_000 }),
      linkAddAltname(nic(), ['left-card', 'enp3s0']),
    );
    configure();
    await expectRestored();
  });

  it('is down again if it was', async () => {
    configure();
    await settled();
    host.execute(linkSet(nic(), { up: false }));
    await expectRestored();
  });

  it('has its features and sysctls again, which others had changed or the move had reset', async () => {
    configure();
    using ethtool = EthtoolSocket.open();
    await ethtool.setFeatures(nic(), { 'tx-generic-segmentation': false, 'rx-gro': true });
    new NamespaceSysctls().write(
      Object.entries({
        ...{ 'ipv4/conf/nic0/arp_ignore': '2', 'ipv4/conf/nic0/forwarding': '1', 'ipv4/conf/nic0/tag': '9' },
        ...{ 'ipv6/conf/nic0/accept_ra': '0', 'ipv6/conf/nic0/forwarding': '1' },
        ...{ 'ipv4/neigh/nic0/base_reachable_time_ms': '45000', 'ipv6/neigh/nic0/gc_stale_time': '99' },
      }).map(([path, value]) => ({ path, value })),
    );
    await expectRestored(async () => {
      using inside = EthtoolSocket.open({ namespace: pod });
      await inside.setFeatures(
        inPod((socket) => socket.link({ name: 'fast0' })?.index ?? 0),
        { 'tx-generic-segmentation': true, 'rx-gro': false, 'tx-scatter-gather': false },
      );
    });
  });

  it('has its stable IPv6 address again', async () => {
    new NamespaceSysctls().write([
      { path: 'ipv6/conf/nic0/stable_secret', value: '2001:db8::1:2:3:4' },
      { path: 'ipv6/conf/nic0/use_tempaddr', value: '2' },
    ]);
    configure();
    await expectRestored();
  });

  it('has no IPv6 again', async () => {
    new NamespaceSysctls().write([{ path: 'ipv6/conf/nic0/disable_ipv6', value: '1' }]);
    configure();
    await expectRestored();
  });

  it('has its addresses again, with labels, peers, metrics, lifetimes and flags, in their order', async () => {
    const linkIndex = nic();
    configure(
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
    await expectRestored();
  });

  it('has the link-local address again that it was brought up with', async () => {
    configure();
    await settled();
    host.execute(linkSet(nic(), { address: '02:00:5e:00:53:43' }));
    const taken = await snapshot();
    const [linkLocal] = taken.addresses;
    expect(linkLocal).toMatchObject({ scope: 'link' });
    await links.moveIn(taken, setup, sandbox);
    await links.moveOut(taken, setup, sandbox);
    expect(host.addresses({ linkIndex: nic() })).toContainEqual(linkLocal);
  });

  it('has its routes again, of all tables and kinds', async () => {
    const linkIndex = nic();
    const other = named('other0').index;
    const gateway = '198.51.100.1';
    configure(
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
    await expectRestored();
  });

  it('has its place again among routes to the same destination', async () => {
    const linkIndex = nic();
    const other = named('other0').index;
    const to = (destination: string, gateway: string, index = linkIndex) => ({
      ...{ destination, gateway },
      linkIndex: index,
    });
    configure(
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
      routeAdd(to('2001:db8:3::/48', '2001:db8:2::1', other)),
      routeAppend(to('2001:db8:3::/48', '2001:db8::2')),
    );
    await expectRestored();
  });

  it('lacks again the route to its network that an administrator took away or replaced', async () => {
    const linkIndex = nic();
    configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      addressAdd({ linkIndex, address: '10.9.0.1/24' }),
      routeDelete({ linkIndex, destination: '198.51.100.0/24' }),
      routeDelete({ linkIndex, destination: '10.9.0.0/24' }),
      routeAdd({ linkIndex, destination: '10.9.0.0/24', scope: 'link', source: '10.9.0.1', mtu: 1200 }),
    );
    await expectRestored();
  });

  it('has its next-hop objects again, in the groups that they were in', async () => {
    const linkIndex = nic();
    const common = { family: 4, protocol: 4 } as const;
    configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      nexthopObjectAdd({ ...common, id: 5, linkIndex, gateway: '198.51.100.1' }),
      nexthopObjectAdd({ ...common, id: 6, linkIndex: named('other0').index, gateway: '192.0.2.1' }),
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
    await expectRestored();
  });

  it('has its permanent and proxy neighbours again', async () => {
    const linkIndex = nic();
    const linkAddress = '02:00:5e:00:53:99';
    configure(
      neighbourAdd({ linkIndex, address: '198.51.100.1', linkAddress, protocol: 44 }),
      neighbourAdd({ linkIndex, address: '2001:db8::1', linkAddress, flags: neighbourFlags.router }),
      neighbourAdd({ linkIndex, address: '198.51.100.77', flags: neighbourFlags.proxy }),
      neighbourAdd({ linkIndex, address: '2001:db8::77', flags: neighbourFlags.proxy }),
    );
    await expectRestored();
  });

  it('is matched again by the rules that name it, which the host kept', async () => {
    const linkIndex = nic();
    configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      routeAdd({ linkIndex, destination: '10.1.0.0/16', table: 77 }),
      ruleAdd({ family: 4, iif: 'nic0', table: 77, priority: 100 }),
      ruleAdd({ family: 6, oif: 'nic0', table: 77, priority: 101 }),
    );
    const rules = () => host.rules().filter(({ priority }) => priority === 100 || priority === 101);
    const before = rules();
    await expectRestored(() => expect(rules()).toEqual(before));
    host.execute(...before.map(ruleDelete));
  });

  it('is a member of its bridge again, with its settings as a port', async () => {
    const { index: master } = host.createLink({ name: 'br0', up: true, kind: { kind: 'bridge' } });
    configure(linkSet(nic(), { master }));
    host.execute(linkSet(nic(), { bridgePort: { isolated: true, learning: false, priority: 9 } }));
    await vi.waitFor(() => expect(named('br0').operState).toBe('up'));
    await expectRestored();
  });
});

describe('what a pod left on a host link', () => {
  it('does not reach the host', async () => {
    configure(addressAdd({ linkIndex: nic(), address: '198.51.100.10/24' }));
    await expectRestored((linkIndex) =>
      inPod((socket) => {
        const bridge = socket.createLink({ name: 'br1', up: true, kind: { kind: 'bridge' } });
        socket.execute(
          addressAdd({ linkIndex, address: '10.66.0.1/24' }),
          routeAdd({ linkIndex, destination: '10.67.0.0/16', gateway: '10.66.0.2' }),
          neighbourAdd({ linkIndex, address: '10.66.0.3', linkAddress: '02:00:00:00:00:03' }),
          neighbourAdd({ linkIndex, address: '10.66.0.4', flags: neighbourFlags.proxy }),
          linkAddAltname(linkIndex, ['mine', 'other-name']),
          linkSet(linkIndex, { alias: 'mine', promiscuous: true, allMulticast: true, txQueueLength: 5 }),
          linkSet(linkIndex, { gsoMaxSize: 20_000, groMaxSize: 20_000, group: 3, mtu: 9000 }),
          linkSet(linkIndex, { up: false }),
          linkSet(linkIndex, { name: 'renamed', address: '02:00:5e:00:53:78' }),
          linkSet(linkIndex, { master: bridge.index, up: true }),
        );
      }),
    );
  });

  it.each(['macvlan', 'bridge'])('goes with it: a link of kind macvlan on it, inside a %s', async (where) => {
    configure();
    await expectRestored((linkIndex) => {
      inPod((socket) => {
        const upper = socket.createLink({
          ...{ name: 'upper0', parent: linkIndex },
          kind: { kind: 'macvlan', mode: 'bridge' },
        });
        if (where === 'bridge') {
          const bridge = socket.createLink({ name: 'br1', kind: { kind: 'bridge' } });
          socket.execute(linkSet(upper.index, { master: bridge.index }));
        }
      });
    });
    expect(inPod((socket) => socket.link({ name: 'upper0' }))).toBeUndefined();
  });

  it('does not hide a veth link whose every name, mark and address it has changed', async () => {
    configure();
    await expectRestored((linkIndex) =>
      inPod((socket) =>
        socket.execute(
          linkSet(linkIndex, { up: false }),
          linkSet(linkIndex, { alias: 'mine', name: 'mine0', address: '02:00:5e:00:53:79' }),
        ),
      ),
    );
  });
});

describe('restoring', () => {
  it('leaves out what has ended meanwhile', async () => {
    const linkIndex = nic();
    configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24', validLifetime: 1000 }),
      addressAdd({ linkIndex, address: '198.51.101.10/24', validLifetime: 5000, preferredLifetime: 2000 }),
      routeAdd({ linkIndex, destination: '2001:db8:1::/48', expires: 1000 }),
      routeAdd({ linkIndex, destination: '2001:db8:2::/48', expires: 5000 }),
    );
    const taken = await snapshot();
    const later: LinkSnapshot = { ...taken, takenAt: (taken.takenAt ?? 0) - 3000 };
    await links.moveIn(later, setup, sandbox);
    await links.moveOut(later, setup, sandbox);
    const [address, ...others] = host.addresses({ linkIndex: nic(), family: 4 });
    expect(others).toEqual([]);
    expect(address).toMatchObject({ address: '198.51.101.10/24', preferredLifetime: 0 });
    expect(address?.validLifetime).toBeGreaterThan(1900);
    expect(address?.validLifetime).toBeLessThanOrEqual(2000);
    const ending = host.routes({ linkIndex: nic() }).filter(({ expires }) => expires !== undefined);
    expect(ending.map(({ destination }) => destination)).toEqual(['2001:db8:2::/48']);
  });

  it('brings back all but what the host refuses, and says what that is', async () => {
    const linkIndex = nic();
    configure(
      addressAdd({ linkIndex, address: '198.51.100.10/24' }),
      routeAdd({ linkIndex, destination: '10.1.0.0/16', gateway: '198.51.100.1' }),
      routeAdd({ linkIndex, destination: '10.2.0.0/16', gateway: '198.51.100.1' }),
      neighbourAdd({ linkIndex, address: '198.51.100.1', linkAddress: '02:00:00:00:00:01' }),
    );
    const taken = await snapshot();
    await links.moveIn(taken, setup, sandbox);
    const other = named('other0').index;
    host.execute(routeAdd({ linkIndex: other, destination: '10.1.0.0/16', gateway: '192.0.2.1' }));
    await links.moveOut(
      { ...taken, mtu: 40, sysctls: { 'ipv4/conf': { no_such: '1', arp_ignore: '1' } } },
      setup,
      sandbox,
    );
    expect(warnings).toMatchObject([
      { link: 'nic0', what: 'MTU 40', error: expect.stringContaining('EINVAL') as string },
      { link: 'nic0', what: 'setting net/ipv4/conf/nic0/no_such' },
      { what: 'route 10.1.0.0/16 via 198.51.100.1', error: 'somebody else on the host has it meanwhile' },
    ]);
    expect(host.routes({ linkIndex: nic() }).some(({ destination }) => destination === '10.2.0.0/16')).toBe(
      true,
    );
    expect(host.neighbours({ linkIndex: nic() }).some(({ address }) => address === '198.51.100.1')).toBe(
      true,
    );
    expect(new NamespaceSysctls().read(['ipv4/conf/nic0/arp_ignore'])).toEqual({
      'ipv4/conf/nic0/arp_ignore': '1',
    });
    host.execute(routeDelete({ destination: '10.1.0.0/16' }));
  });

  it('changes nothing of a link that never left, as somebody on the host has changed it since', async () => {
    configure(addressAdd({ linkIndex: nic(), address: '198.51.100.10/24' }));
    await settled();
    const taken = await snapshot();
    host.execute(
      addressAdd({ linkIndex: nic(), address: '198.51.101.10/24' }),
      addressDelete({ linkIndex: nic(), address: '198.51.100.10/24' }),
    );
    const before = await settled();
    await links.moveOut({ ...taken, addresses: [], kernelRoutes: [] }, setup, sandbox);
    expect(await hostConfiguration()).toEqual(before);
  });
});
