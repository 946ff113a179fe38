import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageReader } from '../wire/message-reader.ts';
import { MessageWriter, type ReferencedNamespace } from '../wire/message-writer.ts';
import { type AddressSpec, addressFlags } from './address/address.ts';
import { decodeAddress } from './address/address-decoder.ts';
import { addressAdd } from './address/address-requests.ts';
import { linkAdd } from './link/link-create.ts';
import type { LinkData } from './link/link-data.ts';
import { decodeLink } from './link/link-decoder.ts';
import { linkSet } from './link/link-requests.ts';
import { decodeNeighbour } from './neighbour/neighbour-decoder.ts';
import { neighbourAdd } from './neighbour/neighbour-requests.ts';
import type { RouteRequest } from './route-request.ts';
import type { RouteSpec } from './route/route.ts';
import { decodeRoute } from './route/route-decoder.ts';
import { routeAdd } from './route/route-requests.ts';
import { decodeRule } from './rule/rule-decoder.ts';
import { ruleAdd } from './rule/rule-requests.ts';

/** Writes a request as it would be sent, and goes to it. */
function written(request: RouteRequest): MessageReader {
  const writer = new MessageWriter();
  writer.beginMessage(request.type, request.flags, 1);
  request.write(writer);
  writer.endMessage();
  const reader = new MessageReader(Buffer.from(writer.buffer.subarray(0, writer.length)), writer.length);
  expect(reader.next()).toBe(true);
  return reader;
}

const uint32 = fc.integer({ min: 1, max: 0xffff_fffe });
const index = fc.integer({ min: 1, max: 0x7fff_ffff });
const ipv4 = fc.ipV4().filter((text) => !text.startsWith('127.'));
const ipv6 = fc.constantFrom('2001:db8::1', 'fd00::1:0:0:2', 'fe80::ff:fe00:1', '2001:db8:1:2:3:4:5:6');
const mac = fc
  .array(fc.nat(255), { minLength: 6, maxLength: 6 })
  .map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':'));
const scope = fc.constantFrom('global', 'site', 'link', 'host', 'nowhere');
/** Leaves some of the members out. */
const some = <T extends object>(record: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(record, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;

describe('what a request says is what the decoder reads', () => {
  it('for addresses', () => {
    const spec = fc
      .tuple(
        index,
        fc.oneof(
          fc.tuple(ipv4, fc.integer({ min: 1, max: 32 }), ipv4),
          fc.tuple(ipv6, fc.integer({ min: 1, max: 128 }), ipv6),
        ),
        some({
          peer: fc.constant(true),
          scope,
          flags: fc.constantFrom(addressFlags.nodad, addressFlags.noprefixroute | addressFlags.home),
          label: fc.constantFrom('eth0', 'eth0:1'),
          protocol: fc.nat(255),
          metric: uint32,
          validLifetime: fc.constantFrom(3600, 7200),
          preferredLifetime: fc.constantFrom(0, 60, 3600),
        }),
      )
      .map(([linkIndex, [address, length, peer], { peer: hasPeer, ...rest }]): AddressSpec => ({
        linkIndex,
        address: `${address}/${length}`,
        ...rest,
        ...(rest.validLifetime !== undefined && rest.preferredLifetime === undefined
          ? { preferredLifetime: 60 }
          : {}),
        ...(hasPeer === true && peer !== address ? { peer } : {}),
      }));
    fc.assert(
      fc.property(spec, (wanted) => {
        expect(decodeAddress(written(addressAdd(wanted)))).toMatchObject(wanted);
      }),
    );
  });

  it('for an IPv4 broadcast address that follows from the network', () => {
    const broadcastOf = (address: string) =>
      decodeAddress(written(addressAdd({ linkIndex: 1, address, broadcast: 'auto' })))?.broadcast;
    expect(broadcastOf('10.1.2.3/8')).toBe('10.255.255.255');
    expect(broadcastOf('192.0.2.129/25')).toBe('192.0.2.255');
    expect(broadcastOf('192.0.2.1/32')).toBe('192.0.2.1');
  });

  it('for routes', () => {
    const rest = some({
      linkIndex: index,
      table: uint32,
      scope,
      protocol: fc.integer({ min: 1, max: 255 }),
      type: fc.constantFrom('unicast', 'local', 'blackhole', 'unreachable', 'prohibit', 'throw'),
      metric: uint32,
      mtu: fc.integer({ min: 68, max: 65535 }),
      advertisedMss: fc.integer({ min: 1, max: 65535 }),
      onlink: fc.constant(true),
      tos: fc.integer({ min: 1, max: 255 }),
      nexthopId: uint32,
    });
    const spec = fc
      .tuple(
        fc.oneof(
          fc.record({
            destination: fc.tuple(ipv4, fc.integer({ min: 1, max: 32 })),
            gateway: ipv4,
            source: ipv4,
          }),
          fc.record({
            destination: fc.tuple(ipv4, fc.integer({ min: 1, max: 32 })),
            gateway: ipv6,
            source: ipv4,
          }),
          fc.record({
            destination: fc.tuple(ipv6, fc.integer({ min: 1, max: 128 })),
            gateway: ipv6,
            source: ipv6,
          }),
        ),
        rest,
      )
      .map(([{ destination, gateway, source }, more]): RouteSpec => ({
        destination: destination.join('/'),
        gateway,
        source,
        ...more,
      }));
    fc.assert(
      fc.property(spec, (wanted) => {
        expect(decodeRoute(written(routeAdd(wanted)))).toMatchObject(wanted);
      }),
    );
  });

  it('for default routes and routes by several ways', () => {
    const wanted: RouteSpec = {
      destination: '0.0.0.0/0',
      nexthops: [
        { linkIndex: 3, gateway: '192.0.2.1', weight: 1 },
        { linkIndex: 4, gateway: 'fe80::1', weight: 256, onlink: true },
        { linkIndex: 5, weight: 10 },
      ],
    };
    const route = decodeRoute(written(routeAdd(wanted)));
    expect(route).toMatchObject(wanted);
    expect(route?.linkIndex).toBeUndefined();
    expect(decodeRoute(written(routeAdd({ destination: '::/0', linkIndex: 2 })))?.destination).toBe('::/0');
  });

  it('for rules', () => {
    const range = (largest: number) =>
      fc.tuple(fc.nat(largest), fc.nat(largest)).map(([one, two]) => ({
        start: Math.min(one, two),
        end: Math.max(one, two),
      }));
    const spec = some({
      priority: uint32,
      action: fc.constantFrom('table', 'goto', 'nop', 'blackhole', 'unreachable', 'prohibit'),
      source: fc.tuple(ipv4, fc.integer({ min: 1, max: 32 })).map((parts) => parts.join('/')),
      destination: fc.tuple(ipv4, fc.integer({ min: 1, max: 32 })).map((parts) => parts.join('/')),
      table: uint32,
      goto: uint32,
      fwmark: uint32,
      fwmask: uint32,
      iif: fc.constantFrom('eth0', 'fifteen-letters'),
      oif: fc.constant('eth1'),
      tos: fc.integer({ min: 1, max: 255 }),
      l3mdev: fc.constant(true),
      uidRange: range(0xffff_ffff),
      ipProtocol: fc.nat(255),
      sourcePorts: range(0xffff),
      destinationPorts: range(0xffff),
      suppressPrefixLength: fc.nat(128),
      suppressGroup: fc.nat(1000),
      invert: fc.constant(true),
      protocol: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(spec, (wanted) => {
        expect(decodeRule(written(ruleAdd({ family: 4, ...wanted })))).toMatchObject(wanted);
      }),
    );
  });

  it('for neighbours', () => {
    const spec = fc.record({
      linkIndex: index,
      address: fc.oneof(ipv4, ipv6),
      linkAddress: mac,
      state: fc.constantFrom(2, 4, 0x80),
      flags: fc.nat(255),
      protocol: fc.nat(255),
    });
    fc.assert(
      fc.property(spec, (wanted) => {
        expect(decodeNeighbour(written(neighbourAdd(wanted)))).toMatchObject(wanted);
      }),
    );
  });

  it('for changes of a link', () => {
    const changes = some({
      up: fc.boolean(),
      name: fc.constantFrom('eth0', 'fifteen-letters'),
      mtu: fc.integer({ min: 68, max: 65535 }),
      address: mac,
      broadcast: mac,
      alias: fc.constantFrom('zürich', 'x'.repeat(255)),
      txQueueLength: uint32,
      group: uint32,
      master: index,
      gsoMaxSize: uint32,
      gsoMaxSegments: uint32,
      groMaxSize: uint32,
      gsoIpv4MaxSize: uint32,
      groIpv4MaxSize: uint32,
      protoDown: fc.boolean(),
      linkMode: fc.constantFrom('default', 'dormant'),
    });
    fc.assert(
      fc.property(index, changes, (number, wanted) => {
        expect(decodeLink(written(linkSet(number, wanted)))).toMatchObject({ index: number, ...wanted });
      }),
    );
  });

  it('for the settings of every kind of link', () => {
    const kinds: LinkData[] = [
      { kind: 'macvlan', mode: 'bridge', flags: 1 },
      { kind: 'macvtap', mode: 'passthru' },
      { kind: 'ipvlan', mode: 'l3s', isolation: 'private' },
      { kind: 'ipvtap', mode: 'l2', isolation: 'vepa' },
      { kind: 'vlan', id: 4094, protocol: '802.1ad' },
      { kind: 'vlan', id: 100, protocol: '802.1Q', flags: 1 },
      {
        kind: 'bridge',
        vlanFiltering: true,
        vlanProtocol: '802.1ad',
        vlanDefaultPvid: 7,
        stp: true,
        ageingTime: 300,
        forwardDelay: 1.5,
        multicastSnooping: false,
        groupForwardMask: 8,
      },
      { kind: 'dummy' },
      { kind: 'ifb' },
      { kind: 'vrf', table: 1000 },
      { kind: 'vxlan', id: 42, group: '239.1.1.1', local: '192.0.2.1', port: 8472, ttl: 5, learning: false },
      { kind: 'vxlan', id: 0xff_ffff, group: 'ff05::1', local: '2001:db8::1', link: 7, port: 4789 },
      { kind: 'raw', type: 'geneve', attributes: '080001002a000000' },
      { kind: 'raw', type: 'wireguard' },
      { kind: 'veth' },
    ];
    for (const kind of kinds) {
      const link = decodeLink(written(linkAdd({ kind, parent: 9, name: 'x' })));
      expect(link.data, kind.kind).toEqual(kind);
      expect(link).toMatchObject({ kind: kind.kind === 'raw' ? kind.type : kind.kind, parent: 9, name: 'x' });
    }
  });
});

describe('the decoder of links', () => {
  it('reads what hardware says of itself', () => {
    const writer = new MessageWriter();
    writer.beginMessage(16, 0, 1);
    const header = writer.header(16);
    writer.setUint16(header + 2, 32, 'type');
    writer.setUint32(header + 4, 7, 'index');
    writer.string(3, 'ib0', 15, 'name');
    writer.bytes(54, Buffer.from('80000208fe8000000000000000000000000000000000abcd', 'hex').subarray(0, 20));
    writer.string(56, '0000:3b:00.1', 63, 'device');
    writer.string(57, 'pci', 63, 'bus');
    writer.string(38, 'pf0vf3', 15, 'port');
    writer.bytes(34, Buffer.from('0c42a1', 'hex'));
    writer.bytes(36, Buffer.from('beef', 'hex'));
    writer.uint32(21, 8, 'vfs');
    writer.uint32(51, 0, 'no limit');
    writer.uint8(67, 1, 'immutable');
    writer.uint8(16, 6, 'state');
    writer.endMessage();
    const reader = new MessageReader(writer.buffer, writer.length);
    reader.next();
    expect(decodeLink(reader)).toEqual({
      index: 7,
      name: 'ib0',
      altnames: [],
      mtu: 0,
      flags: 0,
      up: false,
      carrier: false,
      operState: 'up',
      encapsulation: 'infiniband',
      permanentAddress: '80:00:02:08:fe:80:00:00:00:00:00:00:00:00:00:00:00:00:00:00',
      parentDevice: { bus: 'pci', name: '0000:3b:00.1' },
      physicalPortName: 'pf0vf3',
      physicalPortId: '0c42a1',
      physicalSwitchId: 'beef',
      vfCount: 8,
      namespaceImmutable: true,
    });
  });

  it('reads the settings of a bridge port as they are written', () => {
    const bridgePort = {
      state: 3,
      priority: 32,
      cost: 100,
      hairpin: true,
      guard: false,
      fastLeave: true,
      learning: false,
      unicastFlood: true,
      multicastFlood: false,
      broadcastFlood: true,
      proxyArp: false,
      neighbourSuppression: true,
      isolated: true,
    };
    const link = decodeLink(written(linkSet(3, { bridgePort })));
    expect(link).toMatchObject({ slaveKind: 'bridge', bridgePort });
  });
});

describe('requests', () => {
  const namespace: ReferencedNamespace = {
    fd: 42,
    path: '/run/netns/pod',
    hold: () => ({ fd: 42, path: '/run/netns/pod', release: () => undefined }),
  };

  it('tell which namespaces they refer to', () => {
    const writer = new MessageWriter();
    const request = linkAdd({ kind: { kind: 'veth', peer: { name: 'b', namespace } }, name: 'a' });
    writer.beginMessage(request.type, request.flags, 1);
    request.write(writer);
    expect(writer.namespaces).toEqual([namespace]);
  });

  it('are refused when a value cannot be right', () => {
    const wrong: [RouteRequest, RegExp][] = [
      [linkSet(-1, {}), /index must be an integer from 0/],
      [linkSet(1, { name: '' }), /name must be at least one character/],
      [linkSet(1, { address: 'x' }), /address must be a link-layer address/],
      [linkSet(1, { alias: 'x'.repeat(256) }), /alias must be at most 255 bytes/],
      [linkAdd({ kind: { kind: 'vlan', id: 4096 } }), /id must be a VLAN id from 0 to 4095/],
      [linkAdd({ kind: { kind: 'raw', type: 'x', attributes: 'abc' } }), /attributes must be hexadecimal/],
      [linkAdd({ kind: { kind: 'veth' }, up: true, namespace }), /up must be absent/],
      [
        addressAdd({ linkIndex: 1, address: '::1/64', broadcast: 'auto' }),
        /broadcast must be absent for IPv6/,
      ],
      [addressAdd({ linkIndex: 1, address: '::1/64', peer: '10.0.0.1' }), /peer must be of the family/],
      [routeAdd({ destination: '::/0', gateway: '10.0.0.1' }), /gateway must be an IPv6 address/],
      [routeAdd({ destination: 'default' }), /destination must be an IPv4 or IPv6 address/],
      [ruleAdd({ table: 1 }), /family must be 4 or 6/],
    ];
    for (const [request, message] of wrong) expect(() => written(request)).toThrow(message);
  });
});
