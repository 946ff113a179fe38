import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EthtoolSocket, type Link, RouteSocket } from '@patchbay/netlink';
import { withNamespaces } from '@patchbay/netlink/testing';
import { describe, expect, it } from 'vitest';
import { InterfaceChecks } from './interface-checks.ts';
import type { InterfaceSetup } from './interface-setup.ts';

function withChecks<T>(
  test: (checks: InterfaceChecks, link: Link, host: RouteSocket) => Promise<T>,
  procfs?: string,
): Promise<T> {
  return withNamespaces(async ([namespace]) => {
    using host = RouteSocket.open({ namespace });
    const link = host.createLink({ name: 'card0', kind: { kind: 'veth' } });
    return await test(new InterfaceChecks(host, () => EthtoolSocket.open({ namespace }), procfs), link, host);
  });
}

const asked = (more: Partial<InterfaceSetup>): InterfaceSetup => ({
  name: 'net1',
  addresses: [],
  routes: [],
  ...more,
});

describe('what a link of the host cannot do', () => {
  it.each([
    [{ gsoMaxSize: 200_000 }, []],
    [{ ethtool: { features: { 'tx-tcp-segmentation': false, 'rx-vlan-filter': false } } }, []],
    [
      { ethtool: { features: { 'rx-vlan-filter': true } } },
      ['interface.ethtool.features.rx-vlan-filter: is fixed to off on link card0; leave it out'],
    ],
    [
      { ethtool: { features: { 'tx-tcp-segmentations': true } } },
      [expect.stringMatching(/features\.tx-tcp-segmentations: is no feature .* did you mean tx-tcp-/)],
    ],
    [
      { ethtool: { privateFlags: { 'legacy-rx': true } } },
      ['interface.ethtool.privateFlags.legacy-rx: is no private flag of card0; it has none'],
    ],
    [{ forwarding: { ipv4: true, ipv6: true } }, []],
    [{ sysctls: { 'net.ipv6.conf.IFNAME.accept_ra': 2 } }, []],
  ])('is told, and nothing else: %j', (more, mistakes) =>
    withChecks(async (checks, link) => {
      const issues = await checks.hostLink(link, asked(more));
      expect(issues.map(({ path, message }) => `${path}: ${message}`)).toEqual(mistakes);
    }),
  );

  it('depends on its hardware', () =>
    withChecks(async (checks, link) => {
      const issues = await checks.hostLink({ ...link, tsoMaxSize: 65_536 }, asked({ gsoMaxSize: 200_000 }));
      expect(issues).toEqual([
        {
          path: 'interface.gsoMaxSize',
          message: '200000 is more than link card0 can segment (65536); lower it',
        },
      ]);
    }));
});

describe('what the kernel of a node cannot do', () => {
  it('is told by what it answers, and nothing changes: VRFs', () =>
    withChecks(async (checks, _, host) => {
      const before = host.links();
      const issues = await checks.newLink({ kind: 'veth' }, asked({ vrf: { name: 'red', table: 10 } }));
      expect(host.links()).toEqual(before);
      const create = () => host.createLink({ name: 'red', kind: { kind: 'vrf', table: 10 } });
      if (issues.length === 0) expect(create).not.toThrow();
      else expect(create).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP' }));
      expect(issues.map(({ path }) => path)).toEqual(issues.length === 0 ? [] : ['interface.vrf']);
    }));

  it('is told by the settings that it has', async () => {
    const procfs = mkdtempSync(join(tmpdir(), 'procfs-'));
    const file = join(procfs, 'sys/net/ipv6/conf/lo/forwarding');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '0\n');
    try {
      await withChecks(async (checks) => {
        const issues = await checks.newLink(
          { kind: 'veth' },
          asked({
            addresses: ['2001:db8::1/64'],
            forwarding: { ipv6: true },
            sysctls: { 'net.ipv6.conf.IFNAME.accept_untracked_na': 1, 'net.ipv4.conf.IFNAME.arp_ignore': 1 },
          }),
        );
        expect(issues.map(({ path }) => path)).toEqual([
          'interface.sysctls.net.ipv6.conf.IFNAME.accept_untracked_na',
          'interface.addresses',
          'interface.forwarding',
        ]);
      }, procfs);
    } finally {
      rmSync(procfs, { recursive: true });
    }
  });
});

describe('what a link that is made for the pod cannot do', () => {
  it('is tried on one like it, which nobody sees', () =>
    withChecks(async (checks, parent, host) => {
      const before = host.links();
      const features = { 'tx-tcp-segmentation': false, 'rx-gro': false, 'rx-vlan-filter': true };
      const onVeth = await checks.newLink({ kind: 'veth' }, asked({ ethtool: { features } }));
      expect(onVeth).toEqual([
        {
          path: 'interface.ethtool.features.rx-vlan-filter',
          message: 'is not what a veth link can be switched to; leave it out',
        },
      ]);
      const onMacvlan = await checks.newLink({ kind: 'macvlan' }, asked({ ethtool: { features } }), parent);
      expect(onMacvlan.map(({ path }) => path)).toContain('interface.ethtool.features.tx-tcp-segmentation');
      expect(onMacvlan.map(({ path }) => path)).not.toContain('interface.ethtool.features.rx-gro');
      expect(host.links()).toEqual(before);
    }));

  it('is told before it is made', () =>
    withChecks(async (checks, parent) => {
      const issues = await checks.newLink(
        { kind: 'macvlan' },
        asked({
          inherit: { addresses: true, routes: false },
          gsoMaxSize: 200_000,
          ethtool: { features: { 'rx-vlan-filter': true, 'no-such': true }, privateFlags: { any: true } },
        }),
        { ...parent, tsoMaxSize: 65_536 },
      );
      expect(issues.map(({ path }) => path)).toEqual([
        'interface.gsoMaxSize',
        'interface.inherit',
        'interface.ethtool.features.no-such',
        'interface.ethtool.privateFlags.any',
      ]);
    }));
});
