import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  linkAddAltname,
  linkDelete,
  linkDeleteAltname,
  linkFlags,
  linkSet,
  NetlinkError,
  RouteSocket,
} from '../../index.ts';
import { withNamespaces } from '../../testing/index.ts';
import type { LinkSpec } from './link-spec.ts';

describe('creating links', () => {
  it('returns a veth pair with the index of its far end, which is in another namespace', () =>
    withNamespaces(([host, pod]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      const link = hostSocket.createLink({
        name: 'host0',
        up: true,
        mtu: 1400,
        alias: 'near',
        group: 5,
        txQueueLength: 10,
        address: '02:00:00:00:00:01',
        kind: {
          kind: 'veth',
          peer: { name: 'pod0', namespace: pod, mtu: 1300, address: '02:00:00:00:00:02' },
        },
      });
      expect(link).toMatchObject({
        name: 'host0',
        kind: 'veth',
        data: { kind: 'veth' },
        up: true,
        mtu: 1400,
        group: 5,
        txQueueLength: 10,
        address: '02:00:00:00:00:01',
        encapsulation: 'ether',
        minMtu: 68,
        parentNamespaceId: expect.any(Number) as number,
      });
      expect(podSocket.link({ index: link.parent ?? 0 })).toMatchObject({
        name: 'pod0',
        mtu: 1300,
        address: '02:00:00:00:00:02',
        up: false,
        parent: link.index,
      });
      expect(hostSocket.link({ name: 'host0' })).toMatchObject({ alias: 'near', up: true });
    }));

  it('returns a link that the kernel named', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const link = socket.createLink({ kind: { kind: 'veth' } });
      expect(link.name).toMatch(/^veth\d+$/);
      expect(socket.links().map(({ index }) => index)).toEqual([1, link.parent, link.index].sort());
    }));

  it('returns a link that was created in another namespace', () =>
    withNamespaces(async ([host, pod]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      const parent = hostSocket.createLink({ name: 'up0', kind: { kind: 'veth' }, up: true });
      const spec: LinkSpec = {
        name: 'net1',
        parent: parent.index,
        address: '02:00:00:00:00:03',
        namespace: pod,
        kind: { kind: 'macvlan', mode: 'bridge' },
      };
      const link = hostSocket.createLink(spec);
      expect(link).toMatchObject({
        name: 'net1',
        kind: 'macvlan',
        data: { kind: 'macvlan', mode: 'bridge' },
        address: '02:00:00:00:00:03',
        parent: parent.index,
      });
      using podSocket = RouteSocket.open({ namespace: pod });
      expect(podSocket.link({ name: 'net1' })?.index).toBe(link.index);
      const second = await hostSocket.createLinkAsync({
        ...spec,
        name: 'net2',
        address: '02:00:00:00:00:04',
      });
      expect(second.name).toBe('net2');
      const { name: _, ...nameless } = spec;
      expect(() => hostSocket.createLink(nameless)).toThrow(/name must be given/);
    }));

  it('fails when the name is taken, also by an altname, and when the kernel does not know the kind', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      socket.execute(linkAddAltname(index, ['b']));
      for (const name of ['a', 'b', 'lo']) {
        expect(() => socket.createLink({ name, kind: { kind: 'veth' } })).toThrow(
          expect.objectContaining({ code: 'EEXIST', operation: 'link add veth' }),
        );
      }
      const unknown = () => socket.createLink({ name: 'x', kind: { kind: 'raw', type: 'no-such-kind' } });
      expect(unknown).toThrow(NetlinkError);
      expect(unknown).toThrow(expect.objectContaining({ code: 'EOPNOTSUPP', extack: 'Unknown device type' }));
    }));

  it('passes the settings of a kind that it does not know as they are', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const parent = socket.createLink({ name: 'up0', kind: { kind: 'veth' } });
      // IFLA_MACVLAN_MODE of four bytes: private.
      const link = socket.createLink({
        name: 'm',
        parent: parent.index,
        kind: { kind: 'raw', type: 'macvlan', attributes: '0800010001000000' },
      });
      expect(link.data).toMatchObject({ kind: 'macvlan', mode: 'private' });
    }));
});

describe('changing a link', () => {
  it('moves, renames and configures it in one message', () =>
    withNamespaces(async ([host, pod]) => {
      using hostSocket = RouteSocket.open({ namespace: host });
      using podSocket = RouteSocket.open({ namespace: pod });
      const { index } = hostSocket.createLink({ name: 'a', kind: { kind: 'veth' }, up: true });
      hostSocket.execute(linkAddAltname(index, ['travels-along-with-it']));
      await hostSocket.executeAsync(
        linkSet(index, {
          namespace: pod,
          newIndex: 77,
          name: 'net1',
          mtu: 1234,
          address: '02:00:00:00:00:05',
          alias: 'moved',
          txQueueLength: 55,
          group: 9,
          up: true,
        }),
      );
      expect(hostSocket.link({ index })).toBeUndefined();
      expect(podSocket.link({ name: 'net1' })).toMatchObject({
        index: 77,
        altnames: ['travels-along-with-it'],
        mtu: 1234,
        address: '02:00:00:00:00:05',
        alias: 'moved',
        txQueueLength: 55,
        group: 9,
        up: true,
      });
    }));

  it('sets and clears flags without touching others', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      socket.execute(
        linkSet(index, { promiscuous: true, allMulticast: true, noArp: true, multicast: false }),
      );
      const changed = socket.link({ index });
      expect(changed).toMatchObject({ promiscuity: 1, allMulticast: 1, up: false });
      expect((changed?.flags ?? 0) & (linkFlags.noArp | linkFlags.multicast)).toBe(linkFlags.noArp);
      socket.execute(linkSet(index, { promiscuous: false, up: true }));
      expect(socket.link({ index })).toMatchObject({ promiscuity: 0, allMulticast: 1, up: true });
    }));

  it('sets offload limits and takes an alias away', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      const limits = {
        gsoMaxSize: 30_000,
        gsoMaxSegments: 100,
        groMaxSize: 31_000,
        gsoIpv4MaxSize: 29_000,
        groIpv4MaxSize: 28_000,
      };
      socket.execute(linkSet(index, { ...limits, alias: 'x' }));
      expect(socket.link({ index })).toMatchObject({ ...limits, alias: 'x' });
      socket.execute(linkSet(index, { alias: '' }));
      expect(socket.link({ index })?.alias).toBeUndefined();
    }));

  it('sets IPv4 settings, which read back as the kernel has them', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const { index } = socket.createLink({ name: 'a', kind: { kind: 'veth' } });
      const settings = {
        forwarding: 1,
        proxyArp: 1,
        arpIgnore: 2,
        arpAnnounce: 1,
        rpFilter: 2,
        acceptLocal: 1,
      };
      socket.execute(linkSet(index, { ipv4: settings, ipv6AddressGeneration: 'none', up: true }));
      expect(socket.ipv4Configuration(index)).toMatchObject(settings);
      expect(host.run(() => readFileSync('/proc/sys/net/ipv4/conf/a/arp_ignore', 'utf8'))).toBe('2\n');
      expect(socket.addresses({ linkIndex: index, family: 6 })).toEqual([]);
      expect(socket.ipv4Configuration(999)).toBeUndefined();
    }));

  it('gives it other names and takes them away', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      const long = `enp59s0f0np0-${'x'.repeat(100)}`;
      socket.execute(linkAddAltname(1, ['loop', long]));
      expect(socket.link({ altname: long })).toMatchObject({ name: 'lo', altnames: ['loop', long] });
      expect(socket.link({ name: 'loop' })).toBeUndefined();
      socket.execute(linkDeleteAltname(1, ['loop']));
      expect(socket.link({ altname: 'loop' })).toBeUndefined();
      expect(socket.links()[0]?.altnames).toEqual([long]);
    }));
});

describe('reading and deleting links', () => {
  it('finds nothing where there is nothing', () =>
    withNamespaces(([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      expect(socket.link({ name: 'missing' })).toBeUndefined();
      expect(socket.link({ index: 4711 })).toBeUndefined();
      expect(socket.link({ altname: 'missing' })).toBeUndefined();
    }));

  it('describes the same in a list, alone and in plain JSON', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      socket.createLink({ name: 'a', kind: { kind: 'veth' }, alias: 'x' });
      const links = socket.links();
      for (const link of links) expect(socket.link({ index: link.index })).toEqual(link);
      expect(await socket.linksAsync()).toEqual(links);
      expect(JSON.parse(JSON.stringify(links))).toEqual(links);
    }));

  it('deletes by index, by name and by group', () =>
    withNamespaces(async ([host]) => {
      using socket = RouteSocket.open({ namespace: host });
      for (const name of ['a', 'b']) socket.createLink({ name, kind: { kind: 'veth' } });
      for (const name of ['c', 'd', 'e']) socket.createLink({ name, group: 42, kind: { kind: 'veth' } });
      socket.execute(linkDelete({ name: 'a' }));
      await socket.executeAsync(linkDelete({ index: socket.link({ name: 'b' })?.index ?? 0 }));
      await socket.executeAsync(linkDelete({ group: 42 }));
      expect(socket.links().map(({ name }) => name)).toEqual(['lo']);
      expect(() => socket.execute(linkDelete({ name: 'a' }))).toThrow(
        expect.objectContaining({ code: 'ENODEV' }),
      );
      expect(() => socket.execute(linkDelete({ index: 1 }))).toThrow(
        expect.objectContaining({ code: 'EOPNOTSUPP' }),
      );
    }));
});
