import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRouteEvent } from '../monitor/route-event-decoder.ts';
import { decodeUevent } from '../monitor/uevent.ts';
import { BatchReplies } from '../socket/batch-replies.ts';
import { DumpReplies } from '../socket/dump-replies.ts';
import { NetlinkError } from '../socket/netlink-error.ts';
import { MalformedMessageError } from '../wire/malformed-message-error.ts';
import { MessageReader } from '../wire/message-reader.ts';
import { MessageWriter } from '../wire/message-writer.ts';
import { addressAdd } from './address/address-requests.ts';
import { decodeIpv4Configuration } from './link/ipv4-configuration-decoder.ts';
import { linkAdd } from './link/link-create.ts';
import { linkSet } from './link/link-requests.ts';
import { decodeNamespaceId } from './namespace-id/namespace-id-decoder.ts';
import { namespaceIdAssign } from './namespace-id/namespace-id-requests.ts';
import { neighbourAdd } from './neighbour/neighbour-requests.ts';
import { decodeNexthopObject } from './nexthop-object/nexthop-object-decoder.ts';
import { nexthopObjectAdd } from './nexthop-object/nexthop-object-requests.ts';
import { routeAdd } from './route/route-requests.ts';
import { ruleAdd } from './rule/rule-requests.ts';

/** Message types that monitors know, and the netlink layer's own. */
const types = [16, 17, 20, 21, 24, 25, 28, 29, 32, 33, 88, 104, 1, 2, 3];

/** Reads everything there is in the bytes, in every way that the library does. */
function decodeAll(bytes: Buffer): void {
  const events = new MessageReader(bytes, bytes.length);
  while (events.next()) {
    decodeRouteEvent(events);
    if (events.type === 88) decodeNamespaceId(events);
    if (events.type === 16) decodeIpv4Configuration(events);
    if (events.type === 104) decodeNexthopObject(events);
  }
}

/** Whatever the bytes are, the result is an object or one of the errors that say what is wrong. */
function expectNoSurprise(bytes: Buffer): void {
  const decoders = [
    () => decodeAll(bytes),
    () => new BatchReplies([{ operation: 'test' }], 0).take(bytes, bytes.length),
    () => new DumpReplies('test', 0, decodeRouteEvent).take(bytes, bytes.length),
    () => decodeUevent(bytes, bytes.length),
  ];
  for (const decode of decoders) {
    try {
      decode();
    } catch (error) {
      if (!(error instanceof MalformedMessageError || error instanceof NetlinkError)) throw error;
    }
  }
}

/** Messages as the kernel would send them: full of what the decoders look for. */
function realisticMessages(): Buffer {
  const writer = new MessageWriter();
  const requests = [
    linkAdd({
      kind: { kind: 'vlan', id: 7, protocol: '802.1Q', flags: 1 },
      name: 'eth0.7',
      parent: 2,
    }),
    linkAdd({
      kind: { kind: 'bridge', ageingTime: 3, vlanFiltering: true },
      name: 'br0',
      address: '02:00:00:00:00:01',
    }),
    linkAdd({ kind: { kind: 'vxlan', id: 1, group: 'ff05::1' }, name: 'vx' }),
    linkSet(3, { bridgePort: { isolated: true }, ipv4: { forwarding: 1, rpFilter: 2 } }),
    addressAdd({
      linkIndex: 2,
      address: '10.0.0.1/24',
      peer: '10.0.0.2',
      label: 'eth0',
      validLifetime: 60,
      metric: 5,
    }),
    nexthopObjectAdd({
      ...{ id: 1, protocol: 4, family: 4, linkIndex: 2, gateway: '10.0.0.2' },
      encap: { type: 2, attributes: '0c0001000000000000000064' },
    }),
    nexthopObjectAdd({
      ...{ id: 2, protocol: 4, group: [{ id: 1, weight: 3 }] },
      resilient: { buckets: 8, idleTimer: 1, unbalancedTimer: 2 },
    }),
    routeAdd({
      ...{ destination: '10.1.0.0/16', linkIndex: 2, realms: 5, expires: 9, mtu: 1300 },
      ...{ metrics: { window: 9, congestionControl: 'cubic' }, encap: { type: 2, attributes: '' } },
    }),
    routeAdd({
      destination: '10.0.0.0/8',
      nexthops: [
        { linkIndex: 2, gateway: '10.0.0.2', weight: 1 },
        { linkIndex: 3, gateway: 'fe80::1', weight: 2 },
      ],
      mtu: 1400,
    }),
    ruleAdd({ source: '10.0.0.0/8', table: 100, iif: 'eth0', uidRange: { start: 0, end: 1 } }),
    neighbourAdd({ linkIndex: 2, address: 'fe80::1', linkAddress: '02:00:00:00:00:01' }),
    namespaceIdAssign(3),
  ];
  for (const request of requests) {
    writer.beginMessage(request.type, 0, 0);
    request.write(writer);
    writer.endMessage();
  }
  return Buffer.from(writer.buffer.subarray(0, writer.length));
}

describe('decoders', () => {
  it('survive any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => expectNoSurprise(Buffer.from(bytes))),
      { numRuns: 3000 },
    );
  });

  it('survive messages of known types with any content', () => {
    const attribute = fc
      .tuple(fc.nat(80), fc.uint8Array({ maxLength: 40 }), fc.integer({ min: -6, max: 6 }))
      .map(([type, value, wrong]) => {
        const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
        // Some lengths are wrong.
        bytes.writeUInt16LE(Math.max(0, 4 + value.length + (wrong > 4 ? wrong : wrong < -4 ? wrong : 0)), 0);
        bytes.writeUInt16LE(type, 2);
        bytes.set(value, 4);
        return bytes;
      });
    const message = fc
      .tuple(
        fc.constantFrom(...types),
        fc.constantFrom(0, 0x10, 0x100, 0x200, 0x300),
        fc.uint8Array({ maxLength: 20 }),
        fc.array(attribute, { maxLength: 12 }),
      )
      .map(([type, flags, header, attributes]) => {
        const content = Buffer.concat([Buffer.from([2, ...header, 0, 0, 0]), ...attributes]);
        const bytes = Buffer.alloc(16);
        bytes.writeUInt32LE(16 + content.length, 0);
        bytes.writeUInt16LE(type, 4);
        bytes.writeUInt16LE(flags, 6);
        return Buffer.concat([bytes, content]);
      });
    fc.assert(
      fc.property(message, (bytes) => expectNoSurprise(bytes)),
      { numRuns: 5000 },
    );
  });

  it('survive real messages that were cut at any byte', () => {
    const bytes = realisticMessages();
    for (let length = 0; length <= bytes.length; length++) expectNoSurprise(bytes.subarray(0, length));
  });

  it('survive real messages of which any bytes changed', () => {
    const original = realisticMessages();
    const change = fc.tuple(fc.nat(original.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(original);
        for (const [offset, value] of changes) bytes[offset] = value;
        expectNoSurprise(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  it('read all of a real message', () => {
    const events: unknown[] = [];
    const bytes = realisticMessages();
    const reader = new MessageReader(bytes, bytes.length);
    while (reader.next()) events.push(decodeRouteEvent(reader)?.group);
    const links = ['link', 'link', 'link', 'link'];
    // Next-hop objects and a namespace's number are no route events.
    const others = ['address', undefined, undefined, 'route', 'route', 'rule', 'neighbour', undefined];
    expect(events).toEqual([...links, ...others]);
  });
});
