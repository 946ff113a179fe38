import { describe, expect, it } from 'vitest';
import { ParametersInvalidError } from '../errors/driver-errors.ts';
import { InterfaceParameters } from './interface-parameters.ts';
import type { InterfaceSetup } from './interface-setup.ts';

const parameters = new InterfaceParameters(new Map());

function resolve(...contents: readonly object[]): InterfaceSetup {
  const documents = contents.map((content) => ({
    source: 'FromClaim' as const,
    parameters: { apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig', ...content },
  }));
  return parameters.resolve(documents, 'any', 'net1').interface;
}

function mistakesIn(content: object): string[] {
  try {
    resolve(content);
  } catch (error) {
    if (error instanceof ParametersInvalidError)
      return error.issues.map(({ path, message }) => `${path}: ${message}`);
    throw error;
  }
  return [];
}

describe('interface settings', () => {
  it('are taken as they are given, with short forms written out', () => {
    const setup = resolve({
      interface: {
        txQueueLength: 0,
        forwarding: true,
        inherit: { addresses: true },
        sysctls: { 'net.ipv4.conf.IFNAME.arp_ignore': '1', 'net.ipv6.conf.IFNAME.use_tempaddr': -1 },
      },
      rules: [{ source: '192.0.2.0/24', table: 7 }],
    });
    expect(setup).toMatchObject({
      txQueueLength: 0,
      forwarding: { ipv4: true, ipv6: true },
      inherit: { addresses: true },
      sysctls: { 'net.ipv4.conf.IFNAME.arp_ignore': 1, 'net.ipv6.conf.IFNAME.use_tempaddr': -1 },
      rules: [{ priority: 5000, source: '192.0.2.0/24', table: 7 }],
    });
  });

  it('of a class and a claim are merged field by field, and lists and VRFs replaced', () => {
    const setup = resolve(
      {
        interface: {
          sysctls: { 'net.ipv4.conf.IFNAME.arp_ignore': 1, 'net.ipv4.conf.IFNAME.rp_filter': 1 },
          ethtool: { features: { 'rx-gro': false, 'rx-lro': false }, privateFlags: { a: true } },
          forwarding: { ipv4: true },
          vrf: { name: 'red', table: 10 },
        },
        rules: [{ table: 1 }],
        neighbours: [{ address: '192.0.2.1', hardwareAddress: '02:00:00:00:00:01' }],
      },
      {
        interface: {
          sysctls: { 'net.ipv4.conf.IFNAME.rp_filter': 2 },
          ethtool: { features: { 'rx-gro': true } },
          forwarding: { ipv6: false },
          vrf: { name: 'blue', table: 20 },
        },
        rules: [{ table: 2 }],
      },
    );
    expect(setup).toMatchObject({
      sysctls: { 'net.ipv4.conf.IFNAME.arp_ignore': 1, 'net.ipv4.conf.IFNAME.rp_filter': 2 },
      ethtool: { features: { 'rx-gro': true, 'rx-lro': false }, privateFlags: { a: true } },
      forwarding: { ipv4: true, ipv6: false },
      vrf: { name: 'blue', table: 20 },
      rules: [{ table: 2 }],
      neighbours: [{ address: '192.0.2.1' }],
    });
  });

  it("put routes into the VRF's table unless they name another", () => {
    const routes = [{ destination: '10.1.0.0/16' }, { destination: '10.2.0.0/16', table: 5 }];
    const { routes: inVrf } = resolve({ interface: { vrf: { name: 'red', table: 10 } }, routes });
    expect(inVrf.map(({ table }) => table)).toEqual([10, 5]);
  });

  it.each([
    [{ interface: { txQueueLength: -1 } }, 'interface.txQueueLength'],
    [{ interface: { gsoMaxSize: 600_000 } }, 'interface.gsoMaxSize'],
    [{ interface: { groIPv4MaxSize: 10 } }, 'interface.groIPv4MaxSize'],
    [{ interface: { promiscuous: 'yes' } }, 'interface.promiscuous'],
    [{ interface: { forwarding: { ipv5: true } } }, 'interface.forwarding'],
    [{ interface: { vrf: { name: 'red' } } }, 'interface.vrf.table: is required'],
    [
      { interface: { vrf: { name: 'red', table: 254 } } },
      "interface.vrf.table: 254 is a table of the kernel's own",
    ],
    [{ interface: { name: 'red', vrf: { name: 'red', table: 9 } } }, "'red' is the interface's own name"],
    [{ interface: { ethtool: { features: { tso: false } } } }, 'interface.ethtool.features.tso: is ethtool'],
    [
      { interface: { ethtool: { features: { 'generic-receive-offload': false } } } },
      "interface.ethtool.features.generic-receive-offload: is ethtool's word for features that the kernel calls: rx-gro",
    ],
    [{ interface: { ethtool: { features: { 'rx-gro': 'off' } } } }, 'interface.ethtool.features.rx-gro'],
    [{ interface: { ethtool: { coalesce: {} } } }, 'interface.ethtool.coalesce: unknown field'],
    [{ interface: { inherit: { rules: true } } }, 'interface.inherit'],
    [{ interface: { inherit: true, dhcp: {} } }, 'interface.inherit.addresses: contradicts interface.dhcp'],
  ])('that are wrong are named: %j', (content, words) => {
    expect(mistakesIn(content).join('\n')).toContain(words);
  });
});

describe('settings of the kernel for an interface', () => {
  const mistake = (name: string, value: unknown) =>
    mistakesIn({ interface: { sysctls: { [name]: value } } }).join('\n');

  it.each([
    ['net.ipv4.conf.IFNAME.arp_ignore', 9, '9 is out of range; net.ipv4.conf.IFNAME.arp_ignore takes 0 to 8'],
    ['net.ipv6.conf.IFNAME.accept_ra', 3, 'takes 0 to 2'],
    ['net.ipv4.conf.IFNAME.rp_filter', 'strict', 'interface.sysctls.net.ipv4.conf.IFNAME.rp_filter'],
    ['net.ipv4.arp_ignore', 1, 'is written net.ipv4.conf.IFNAME.arp_ignore'],
    ['net.ipv4.conf.eth0.arp_ignore', 1, 'is written net.ipv4.conf.IFNAME.arp_ignore'],
    ['net/ipv6/conf/eth0/accept_ra', 1, 'is written net.ipv6.conf.IFNAME.accept_ra'],
    ['net.ipv4.neigh.default.gc_stale_time', 1, 'is written net.ipv4.neigh.IFNAME.gc_stale_time'],
    ['net.ipv4.conf.IFNAME.forwarding', 1, 'write interface.forwarding instead'],
    ['net.ipv6.conf.IFNAME.mtu', 1280, 'write interface.mtu instead'],
    ['net.ipv4.conf.IFNAME.accept_source_route', 1, 'is no setting of an interface that claims may change'],
    ['kernel.core_pattern', 1, 'is no setting of an interface that claims may change'],
    ['net.ipv4.conf.IFNAME./../../all/forwarding', 1, 'write interface.forwarding instead'],
  ])('are checked: %s to %j', (name, value, words) => {
    expect(mistake(name, value)).toContain(words);
  });

  it('may not contradict the rest', () => {
    const sysctls = { 'net.ipv6.conf.IFNAME.disable_ipv6': 1 };
    expect(mistakesIn({ interface: { sysctls, addresses: ['2001:db8::1/64'] } }).join()).toContain(
      "1 switches IPv6 off, and '2001:db8::1/64' is IPv6",
    );
    const accepting = { 'net.ipv6.conf.IFNAME.accept_ra': 1 };
    expect(mistakesIn({ interface: { sysctls: accepting, forwarding: true } }).join()).toContain('write 2');
    expect(mistakesIn({ interface: { sysctls: accepting, forwarding: { ipv4: true } } })).toEqual([]);
  });
});

describe('routes, rules and neighbours', () => {
  const mac = '02:00:00:00:00:01';

  it.each([
    [
      { routes: [{ destination: '10.0.0.0/8', override: true }] },
      'routes[0].override: is for default routes only',
    ],
    [{ routes: [{ destination: '10.0.0.0/8', onlink: true }] }, 'routes[0].onlink: needs a gateway'],
    [{ routes: [{ destination: '2001:db8::/32', scope: 'link' }] }, 'routes[0].scope'],
    [{ routes: [{ destination: '2001:db8::/32', mtu: 1000 }] }, 'routes[0].mtu: 1000 is less than the 1280'],
    [
      { routes: [{ destination: '10.0.0.0/8' }, { destination: '10.0.0.0/8', scope: 'link' }] },
      "routes[1].destination: '10.0.0.0/8' is that of routes[0], too",
    ],
    [
      { interface: { addresses: ['192.0.2.9/24'] }, routes: [{ destination: '192.0.2.0/24' }] },
      "routes[0].destination: '192.0.2.0/24' is the network of interface.addresses 192.0.2.9/24",
    ],
    [{ rules: [{ source: '192.0.2.0/24' }] }, 'rules[0].table: is required'],
    [{ rules: [{ table: 1, priority: 32_766 }] }, 'rules[0].priority'],
    [{ rules: [{ table: 1, priority: 0 }] }, 'rules[0].priority'],
    [{ rules: [{ table: 1, fwmask: 1 }] }, 'rules[0].fwmask: needs a fwmark'],
    [{ rules: [{ table: 1, fwmark: 3, fwmask: 1 }] }, 'rules[0].fwmark: 3 has bits outside of fwmask 1'],
    [{ rules: [{ table: 1, fwmark: 2 ** 32 }] }, 'rules[0].fwmark'],
    [{ rules: [{ table: 1, source: '192.0.2.0/24', destination: '::/0' }] }, 'rules[0].destination'],
    [
      { rules: [{ table: 1, source: '192.0.2.0/24', family: 'ipv6' }] },
      "rules[0].family: 'ipv6' contradicts",
    ],
    [{ rules: [{ table: 1, iif: 'much-too-long-a-name' }] }, 'rules[0].iif'],
    [{ rules: [{ table: 1, action: 'goto' }] }, 'rules[0].action: unknown field'],
    [{ neighbours: [{ address: '192.0.2.1' }] }, 'neighbours[0].hardwareAddress: is required'],
    [{ neighbours: [{ address: '224.0.0.1', hardwareAddress: mac }] }, 'neighbours[0].address'],
    [{ neighbours: [{ address: '192.0.2.0/24', hardwareAddress: mac }] }, 'neighbours[0].address'],
    [
      {
        neighbours: [
          { address: '192.0.2.1', hardwareAddress: mac },
          { address: '192.0.2.1', hardwareAddress: mac },
        ],
      },
      "neighbours[1].address: '192.0.2.1' is given twice",
    ],
  ])('that are wrong are named: %j', (content, words) => {
    expect(mistakesIn(content).join('\n')).toContain(words);
  });

  it('may lead IPv4 over an IPv6 neighbour, and to one network by several metrics and tables', () => {
    const routes = [
      { destination: '10.0.0.0/8', gateway: 'fe80::1' },
      { destination: '10.0.0.0/8', metric: 7 },
      { destination: '10.0.0.0/8', table: 7 },
    ];
    expect(
      mistakesIn({
        routes,
        rules: [
          { table: 7, iif: 'lo' },
          { table: 7, family: 'ipv6' },
        ],
      }),
    ).toEqual([]);
  });
});
