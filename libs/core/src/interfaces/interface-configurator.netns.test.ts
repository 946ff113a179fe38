import {
  addressAdd,
  addressFlags,
  EthtoolSocket,
  type Link,
  linkSet,
  NamespacePrograms,
  NamespaceSysctls,
  neighbourReplace,
  neighbourStates,
  type NetworkNamespace,
  routeAdd,
  RouteSocket,
  ruleAdd,
} from '@patchbay/netlink';
import { addFilter, attachTcx, loadProgram, withNamespaces } from '@patchbay/netlink/testing';
import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { InterfaceConflictError } from '../errors/driver-errors.ts';
import { announceAddresses } from './announce-addresses.ts';
import { InterfaceConfigurator } from './interface-configurator.ts';
import { InterfaceParameters } from './interface-parameters.ts';
import type { InterfaceSetup } from './interface-setup.ts';
import { sysctlRanges } from './schema/sysctl-schema.ts';

const configurator = new InterfaceConfigurator();

/** The setup that a claim's document comes to. */
function setupOf(content: object): InterfaceSetup {
  const document = { apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig', ...content };
  return new InterfaceParameters(new Map()).resolve(
    [{ source: 'FromClaim', parameters: document }],
    '',
    'net1',
  ).interface;
}

/** A pod with what its CNI plugin gave it, `eth0`, and a fresh link `net1`; `peer` is the other end, in a namespace of its own. */
interface Pod {
  readonly namespace: NetworkNamespace;
  readonly socket: RouteSocket;
  readonly link: Link;
  readonly cni: Link;
  readonly outside: RouteSocket;
  readonly peer: Link;
}

function withPod<T>(test: (pod: Pod) => Promise<T>): Promise<T> {
  return withNamespaces(async ([namespace, host]) => {
    using socket = RouteSocket.open({ namespace });
    using outside = RouteSocket.open({ namespace: host });
    const create = (name: string, hostName: string) => {
      const peer = outside.createLink({
        name: hostName,
        kind: { kind: 'veth', peer: { name, namespace } },
        up: true,
      });
      return { peer, link: socket.link({ name })! };
    };
    // A carrier that goes or comes, of which the kernel may tell a second later, must not make neighbours forget what tests had them know.
    new NamespaceSysctls(host).write([
      { path: 'ipv4/conf/default/arp_evict_nocarrier', value: '0' },
      { path: 'ipv6/conf/default/ndisc_evict_nocarrier', value: '0' },
    ]);
    const { link: cni } = create('eth0', 'host0');
    const { link, peer } = create('net1', 'host1');
    socket.execute(
      linkSet(1, { up: true }),
      linkSet(cni.index, { up: true }),
      addressAdd({ linkIndex: cni.index, address: '10.244.0.5/24' }),
      routeAdd({ destination: '0.0.0.0/0', gateway: '10.244.0.1', linkIndex: cni.index }),
      addressAdd({ linkIndex: cni.index, address: '2001:db8:244::5/64', flags: addressFlags.nodad }),
      routeAdd({ destination: '::/0', gateway: '2001:db8:244::1', linkIndex: cni.index }),
    );
    return await test({ namespace, socket, link, cni, outside, peer });
  });
}

/** Configures the fresh link, then completes it once more, which must change nothing. */
async function configure(pod: Pod, setup: InterfaceSetup): Promise<void> {
  await configurator.configure(pod, pod.link, setup);
  const before = stateOf(pod);
  await configurator.complete(pod, pod.socket.link({ name: 'net1' })!, setup);
  expect(stateOf(pod)).toEqual(before);
}

/** What somebody configured; not what the kernel makes of it by and by. */
function stateOf({ socket }: Pod) {
  return {
    links: socket.links().map(({ operState: _, flags: __, ...link }) => link),
    addresses: socket.addresses().filter(({ scope }) => scope !== 'link'),
    routes: socket.routes().filter(({ protocol }) => protocol !== 2),
    rules: socket.rules(),
    neighbours: permanentNeighbours(socket),
  };
}

function permanentNeighbours(socket: RouteSocket) {
  return socket.neighbours().filter(({ state }) => state === neighbourStates.permanent);
}

describe('an interface in a pod', () => {
  it('gets its link settings, addresses, routes, rules and neighbours', () =>
    withPod(async (pod) => {
      const setup = setupOf({
        interface: {
          addresses: ['192.0.2.10/24', '2001:db8:1::10/64'],
          txQueueLength: 123,
          gsoMaxSize: 32_768,
          groMaxSize: 131_072,
          gsoIPv4MaxSize: 16_384,
          groIPv4MaxSize: 40_000,
          promiscuous: true,
          allMulticast: true,
        },
        routes: [
          {
            destination: '198.51.100.0/24',
            gateway: '192.0.2.1',
            source: '192.0.2.10',
            metric: 7,
            mtu: 1300,
          },
          { destination: '203.0.113.0/24', gateway: '203.0.113.1', onlink: true, table: 100 },
          { destination: '10.9.0.0/16', scope: 'link' },
          { destination: '2001:db8:2::/48', gateway: '2001:db8:1::1' },
          { destination: '10.8.0.0/16', gateway: 'fe80::1' },
        ],
        rules: [
          { priority: 900, source: '192.0.2.10/32', table: 100 },
          { fwmark: 0x10, fwmask: 0xf0, iif: 'net1', table: 100 },
          { destination: '2001:db8:2::/48', oif: 'net1', table: 4_000_000_000 },
        ],
        neighbours: [
          { address: '192.0.2.1', hardwareAddress: '02:00:00:00:00:01' },
          { address: '2001:db8:1::1', hardwareAddress: '02:00:00:00:00:01' },
        ],
      });
      await configure(pod, setup);
      const { socket } = pod;
      const link = socket.link({ name: 'net1' })!;
      expect(link).toMatchObject({
        up: true,
        txQueueLength: 123,
        gsoMaxSize: 32_768,
        groMaxSize: 131_072,
        gsoIpv4MaxSize: 16_384,
        groIpv4MaxSize: 40_000,
        promiscuity: 1,
        allMulticast: 1,
      });
      const linkIndex = link.index;
      const own = socket.addresses({ linkIndex }).filter(({ scope }) => scope === 'global');
      expect(own.map(({ address }) => address)).toEqual(setup.addresses);
      expect(own.every(({ flags }) => (flags & addressFlags.tentative) === 0)).toBe(true);
      const routes = socket.routes({ linkIndex }).filter(({ protocol }) => protocol === 4);
      expect(routes).toMatchObject([
        { destination: '203.0.113.0/24', gateway: '203.0.113.1', onlink: true, table: 100 },
        { destination: '10.8.0.0/16', gateway: 'fe80::1' },
        { destination: '10.9.0.0/16', scope: 'link' },
        { destination: '198.51.100.0/24', gateway: '192.0.2.1', source: '192.0.2.10', metric: 7, mtu: 1300 },
        { destination: '2001:db8:2::/48', gateway: '2001:db8:1::1' },
      ]);
      const rules = socket.rules().filter(({ protocol }) => protocol === 80);
      expect(rules).toMatchObject([
        { priority: 900, source: '192.0.2.10/32', table: 100 },
        { priority: 5000, fwmark: 0x10, fwmask: 0xf0, iif: 'net1', table: 100, family: 4 },
        { priority: 5000, destination: '2001:db8:2::/48', oif: 'net1', table: 4_000_000_000 },
      ]);
      expect(permanentNeighbours(socket)).toMatchObject([
        { address: '192.0.2.1', linkAddress: '02:00:00:00:00:01' },
        { address: '2001:db8:1::1', linkAddress: '02:00:00:00:00:01' },
      ]);
      configurator.withdraw(socket, setup);
      configurator.withdraw(socket, setup);
      expect(socket.rules().filter(({ protocol }) => protocol === 80)).toEqual([]);
    }));

  it('gets every setting that claims may change', () =>
    withPod(async (pod) => {
      const sysctls: Record<string, number> = {};
      for (const [name, [smallest, largest]] of sysctlRanges) {
        // What would take IPv6 away from the link, and the settings with it, is tried alone.
        if (name.endsWith('.disable_ipv6')) continue;
        // Times are kept in ticks of some milliseconds.
        sysctls[name] = name.endsWith('_ms') ? 2000 : Math.min(largest, Math.max(smallest, 1));
      }
      await configure(pod, setupOf({ interface: { sysctls } }));
      const path = (name: string) => name.replaceAll('.', '/').replace('net/', '').replace('IFNAME', 'net1');
      const paths = Object.keys(sysctls).map(path);
      const values = new NamespaceSysctls(pod.namespace).read(paths);
      expect(values).toEqual(
        Object.fromEntries(Object.entries(sysctls).map(([name, value]) => [path(name), String(value)])),
      );
    }));

  it('forwards when it is asked to, and its pod does not otherwise', () =>
    withPod(async (pod) => {
      await configure(pod, setupOf({ interface: { forwarding: true } }));
      const values = new NamespaceSysctls(pod.namespace).read([
        'ipv4/conf/net1/forwarding',
        'ipv6/conf/net1/forwarding',
        'ipv6/conf/net1/force_forwarding',
        'ipv4/conf/eth0/forwarding',
        'ipv6/conf/eth0/forwarding',
        'ipv6/conf/all/forwarding',
      ]);
      expect(Object.values(values)).toEqual(['1', '1', '1', '0', '0', '0']);
    }));

  it('gets its IPv6 addresses also where links of the pod have no IPv6 by default', () =>
    withPod(async (pod) => {
      new NamespaceSysctls(pod.namespace).write([{ path: 'ipv6/conf/net1/disable_ipv6', value: '1' }]);
      await configure(pod, setupOf({ interface: { addresses: ['192.0.2.10/24', '2001:db8:1::10/64'] } }));
      const addresses = pod.socket.addresses({ linkIndex: pod.link.index }).map(({ address }) => address);
      expect(addresses).toContain('2001:db8:1::10/64');
    }));

  it('has its features switched before it comes up, and says which ones the link does not switch', () =>
    withPod(async (pod) => {
      const features = { 'tx-tcp-segmentation': false, 'rx-gro': false };
      await configure(pod, setupOf({ interface: { ethtool: { features } } }));
      using ethtool = EthtoolSocket.open({ namespace: pod.namespace });
      const now = await ethtool.features(pod.link.index);
      expect([now['tx-tcp-segmentation']?.active, now['rx-gro']?.active]).toEqual([false, false]);
      const fixed = setupOf({ interface: { ethtool: { features: { 'rx-vlan-filter': true } } } });
      await expect(configurator.configure(pod, pod.link, fixed)).rejects.toThrow(
        "interface 'net1' in the pod: interface.ethtool: the link does not switch rx-vlan-filter",
      );
      const flags = setupOf({ interface: { ethtool: { privateFlags: { any: true } } } });
      await expect(configurator.configure(pod, pod.link, flags)).rejects.toThrow(/private flags set failed/);
    }));

  it('loses the eBPF programs of its link when asked to, and only then', () =>
    withPod(async (pod) => {
      const { socket, link, namespace } = pod;
      const program = loadProgram();
      try {
        addFilter(socket, link.index, program, 'ingress');
        addFilter(socket, link.index, program, 'egress');
        attachTcx(namespace, link.index, program, 'egress');
        await configure(pod, setupOf({}));
        const programs = new NamespacePrograms(namespace);
        expect([socket.filters(link.index).length, programs.tcxPrograms(link.index).length]).toEqual([2, 1]);
        await configure(pod, setupOf({ interface: { detachEBPF: true } }));
        expect([socket.filters(link.index), programs.tcxPrograms(link.index)]).toEqual([[], []]);
      } finally {
        closeSync(program);
      }
    }));
});

describe('neighbours of an interface in a pod', () => {
  const addresses = ['192.0.2.10/24', '2001:db8:1::10/64'];
  const elsewhere = '02:00:00:00:00:99';

  /** Makes the neighbour believe that the addresses are somewhere else. */
  function mislead({ outside, peer }: Pod): void {
    const state = neighbourStates.stale;
    for (const address of ['192.0.2.10', '2001:db8:1::10'])
      outside.execute(neighbourReplace({ linkIndex: peer.index, address, linkAddress: elsewhere, state }));
  }

  /** Where the neighbour believes the addresses to be, once it does not believe any more that they are somewhere else. */
  async function believed({ outside, peer }: Pod): Promise<(string | undefined)[]> {
    const known = () =>
      outside
        .neighbours({ linkIndex: peer.index })
        .filter(({ address }) => addresses.some((each) => each.startsWith(`${address}/`)))
        .map(({ linkAddress }) => linkAddress);
    for (let waited = 0; waited < 100 && known().includes(elsewhere); waited++) await sleep(10);
    return known();
  }

  it('learn at once that its addresses have moved to another hardware address', () =>
    withPod(async (pod) => {
      const { outside, peer, link } = pod;
      outside.execute(
        addressAdd({ linkIndex: peer.index, address: '192.0.2.1/24' }),
        addressAdd({ linkIndex: peer.index, address: '2001:db8:1::1/64', flags: addressFlags.nodad }),
      );
      mislead(pod);
      await configurator.configure(pod, link, setupOf({ interface: { addresses } }));
      expect(await believed(pod)).toEqual([link.address, link.address]);
    }));

  it('learn it when the link finds its carrier late', () =>
    withPod(async (pod) => {
      const { outside, peer, link, namespace } = pod;
      outside.execute(linkSet(peer.index, { up: false }));
      const neighbours = [{ address: '192.0.2.1', hardwareAddress: '02:00:00:00:00:01' }];
      await configurator.configure(pod, link, setupOf({ interface: { addresses }, neighbours }));
      outside.execute(
        linkSet(peer.index, { up: true }),
        addressAdd({ linkIndex: peer.index, address: '192.0.2.1/24' }),
        addressAdd({ linkIndex: peer.index, address: '2001:db8:1::1/64', flags: addressFlags.nodad }),
      );
      mislead(pod);
      await announceAddresses(namespace.path, link.index);
      expect(await believed(pod)).toEqual([link.address, link.address]);
      expect(permanentNeighbours(pod.socket)).toHaveLength(1);
      await announceAddresses('/run/netns/no-such-pod', link.index);
      await announceAddresses(namespace.path, link.index + 100);
    }));
});

describe('what the pod has from its CNI plugin', () => {
  it.each([
    [
      { interface: { addresses: ['10.244.0.5/16'] } },
      "address 10.244.0.5/16 is wanted, and interface 'eth0' of the pod has 10.244.0.5/24",
    ],
    [
      { interface: { addresses: ['2001:db8:244::5/64'] } },
      "address 2001:db8:244::5/64 is wanted, and interface 'eth0' of the pod has 2001:db8:244::5/64",
    ],
    [
      {
        interface: { addresses: ['192.0.2.9/24'] },
        routes: [{ destination: '0.0.0.0/0', gateway: '192.0.2.1' }],
      },
      "route 0.0.0.0/0 via 192.0.2.1 is wanted, and the pod has 0.0.0.0/0 via 10.244.0.1 on interface 'eth0'; set override: true",
    ],
    [
      { routes: [{ destination: '::/0', gateway: 'fe80::1' }] },
      "route ::/0 via fe80::1 is wanted, and the pod has ::/0 via 2001:db8:244::1 metric 1024 on interface 'eth0'",
    ],
    [
      { routes: [{ destination: '10.244.0.0/24' }] },
      "route 10.244.0.0/24 is wanted, and the pod has 10.244.0.0/24 on interface 'eth0'",
    ],
    [
      { routes: [{ destination: '10.99.0.0/16' }] },
      "route 10.99.0.0/16 is wanted, and the pod has 10.99.0.0/16 metric 50 on interface 'eth0'",
    ],
    [
      { rules: [{ priority: 700, source: '192.0.2.0/24', table: 100 }] },
      'rule 700: from 192.0.2.0/24 lookup 100 is wanted, and the pod has one for the same packets with the same priority already (lookup 200, protocol 4)',
    ],
    [
      { rules: [{ priority: 700, source: '192.0.2.0/24', table: 200 }] },
      'rule 700: from 192.0.2.0/24 lookup 200 is wanted, and the pod has one',
    ],
  ])('is not disturbed, and conflicts with it name both: %j', (content, message) =>
    withPod(async (pod) => {
      pod.socket.execute(
        routeAdd({ destination: '10.99.0.0/16', linkIndex: pod.cni.index, metric: 50 }),
        ruleAdd({ priority: 700, source: '192.0.2.0/24', table: 200, protocol: 4 }),
      );
      const before = stateOf(pod);
      const configuring = configurator.configure(pod, pod.link, setupOf(content));
      await expect(configuring).rejects.toThrow(InterfaceConflictError);
      await expect(configuring).rejects.toThrow(message);
      expect(stateOf(pod)).toEqual(before);
    }),
  );

  it('goes behind a default route that is to go before it, and carries again when the interface goes', () =>
    withPod(async (pod) => {
      const { socket, link, cni } = pod;
      const setup = setupOf({
        interface: { addresses: ['192.0.2.10/24'] },
        routes: [
          { destination: '0.0.0.0/0', gateway: '192.0.2.1', override: true },
          { destination: '::/0', gateway: 'fe80::1', override: true },
        ],
      });
      await configure(pod, setup);
      const defaults = () =>
        socket
          .routes({ table: 254 })
          .filter(({ destination }) => destination.endsWith('/0'))
          .map(({ gateway, metric = 0, linkIndex }) => [gateway, metric, linkIndex]);
      expect(defaults()).toEqual([
        ['192.0.2.1', 0, link.index],
        ['10.244.0.1', 1, cni.index],
        ['fe80::1', 1, link.index],
        ['2001:db8:244::1', 1024, cni.index],
      ]);
      socket.execute(linkSet(link.index, { up: false }));
      expect(defaults()).toEqual([
        ['10.244.0.1', 1, cni.index],
        ['2001:db8:244::1', 1024, cni.index],
      ]);
    }));

  it('stands beside routes whose metric says which goes first', () =>
    withPod(async (pod) => {
      const setup = setupOf({
        interface: { addresses: ['192.0.2.10/24'] },
        routes: [{ destination: '0.0.0.0/0', gateway: '192.0.2.1', metric: 500 }],
      });
      await configure(pod, setup);
      const metrics = pod.socket
        .routes({ table: 254, family: 4 })
        .filter(({ destination }) => destination === '0.0.0.0/0');
      expect(metrics.map(({ metric = 0 }) => metric)).toEqual([0, 500]);
    }));
});
