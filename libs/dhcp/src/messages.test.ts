import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { udpv4Filter } from './socket/packet-filter.ts';
import { dhcpv4LeaseFrom } from './v4/dhcpv4-lease.ts';
import {
  decodeDhcpv4,
  type Dhcpv4Message,
  dhcpv4Options as option,
  dhcpv4Types,
  encodeDhcpv4,
} from './v4/dhcpv4-message.ts';
import { clientDuid, dhcpv6AnswerFrom, identityAssociation } from './v6/dhcpv6-lease.ts';
import {
  decodeDhcpv6,
  dhcpv6Options,
  dhcpv6Types,
  encodeDhcpv6,
  encodeDhcpv6Options,
} from './v6/dhcpv6-message.ts';
import { MalformedDhcpMessageError } from './wire/malformed-dhcp-message-error.ts';
import { readUdpv4, readUdpv6, writeUdpv4, writeUdpv6 } from './wire/udp-packet.ts';

const identity = { hardwareAddress: '02:00:5e:10:00:01' };

function ack(options: readonly (readonly [number, readonly number[]])[]): Dhcpv4Message {
  return {
    ...{ type: dhcpv4Types.ack, transactionId: 7, yourAddress: '192.0.2.50' },
    hardwareAddress: identity.hardwareAddress,
    options: new Map([
      [option.serverIdentifier, Buffer.from([192, 0, 2, 1])],
      [option.leaseTime, Buffer.from([0, 0, 0, 120])],
      ...options.map(([code, bytes]) => [code, Buffer.from(bytes)] as const),
    ]),
  };
}
const lease = (...options: readonly (readonly [number, readonly number[]])[]) =>
  dhcpv4LeaseFrom(ack(options), identity, '02:00:5e:10:00:99', 1000);

describe('DHCPv4 messages', () => {
  it('are read as they were written, also with an option that is longer than an option can be', () => {
    const long = Buffer.alloc(600, 1);
    const message: Dhcpv4Message = {
      ...{ type: dhcpv4Types.request, transactionId: 0xfedc_ba98, seconds: 3, broadcast: true },
      ...{ clientAddress: '192.0.2.7', hardwareAddress: identity.hardwareAddress },
      options: new Map([
        [option.hostName, Buffer.from('web')],
        [option.classlessRoutes, long],
      ]),
    };
    expect(decodeDhcpv4(encodeDhcpv4(message))).toEqual(message);
  });

  it('are never shorter than what relays forward', () => {
    const message = {
      type: 1,
      transactionId: 1,
      hardwareAddress: identity.hardwareAddress,
      options: new Map(),
    };
    expect(encodeDhcpv4(message)).toHaveLength(300);
  });

  it('have options also in the fields for names, where one says so', () => {
    const bytes = encodeDhcpv4({ ...ack([]), options: new Map([[option.overload, Buffer.from([3])]]) });
    bytes.set([option.leaseTime, 4, 0, 0, 0, 9, 255], 108);
    bytes.set([option.router, 4, 192, 0, 2, 1, 255], 44);
    const { options } = decodeDhcpv4(bytes);
    expect(options.get(option.leaseTime)).toEqual(Buffer.from([0, 0, 0, 9]));
    expect(options.get(option.router)).toEqual(Buffer.from([192, 0, 2, 1]));
  });

  it('say when a lease is to be prolonged, or leave it to the client', () => {
    expect(lease()).toMatchObject({
      renewAfter: 60,
      rebindAfter: 105,
      validFor: 120,
      address: '192.0.2.50/32',
    });
    expect(lease([option.renewalTime, [0, 0, 0, 10]], [option.rebindingTime, [0, 0, 0, 20]])).toMatchObject({
      renewAfter: 10,
      rebindAfter: 20,
    });
    // Times that contradict each other are the client's to choose.
    expect(lease([option.renewalTime, [0, 0, 0, 110]])).toMatchObject({ renewAfter: 60, rebindAfter: 105 });
    expect(lease([option.leaseTime, [255, 255, 255, 255]])).not.toHaveProperty('validFor');
  });

  it('give routes in the notation of RFC 3442', () => {
    const bytes = [0, 192, 0, 2, 1, 8, 10, 192, 0, 2, 2, 25, 198, 51, 100, 129, 0, 0, 0, 0];
    expect(lease([option.classlessRoutes, bytes], [option.subnetMask, [255, 255, 255, 0]])).toMatchObject({
      address: '192.0.2.50/24',
      routes: [
        { destination: '0.0.0.0/0', gateway: '192.0.2.1' },
        { destination: '10.0.0.0/8', gateway: '192.0.2.2' },
        { destination: '198.51.100.128/25' },
      ],
    });
  });

  it.each([
    ['no lease time', [option.leaseTime, []]],
    ['no server', [option.serverIdentifier, []]],
    ['routes that are cut off', [option.classlessRoutes, [24, 10, 0]]],
    ['a prefix that is too long', [option.classlessRoutes, [33, 10, 0, 0, 0, 0, 1, 2, 3, 4]]],
  ] as const)('with %s are no lease', (_, given) => {
    expect(() => lease(given)).toThrow(MalformedDhcpMessageError);
  });
});

describe('DHCPv6 messages', () => {
  const answer = (inner: readonly { readonly code: number; readonly value: Buffer }[], t1 = 0, t2 = 0) => {
    const association = identityAssociation(identity);
    association.writeUInt32BE(t1, 4);
    association.writeUInt32BE(t2, 8);
    const options = [
      { code: dhcpv6Options.serverIdentifier, value: Buffer.from('00030001aabb', 'hex') },
      {
        code: dhcpv6Options.identityAssociation,
        value: Buffer.concat([association, encodeDhcpv6Options(inner)]),
      },
    ];
    const message = decodeDhcpv6(encodeDhcpv6({ type: dhcpv6Types.reply, transactionId: 0xabcdef, options }));
    expect(message.transactionId).toBe(0xabcdef);
    return dhcpv6AnswerFrom(message, identity, 1000);
  };
  const address = (preferred: number, valid: number) => {
    const value = identityAssociation(identity, '2001:db8::7').subarray(16);
    value.writeUInt32BE(preferred, 16);
    value.writeUInt32BE(valid, 20);
    return { code: dhcpv6Options.address, value };
  };

  it('give an address with its times, or leave those to the client', () => {
    expect(answer([address(100, 200)], 30, 60)).toMatchObject({
      kind: 'lease',
      lease: {
        address: '2001:db8::7/128',
        renewAfter: 30,
        rebindAfter: 60,
        preferredFor: 100,
        validFor: 200,
      },
    });
    expect(answer([address(100, 200)])).toMatchObject({ lease: { renewAfter: 50, rebindAfter: 80 } });
    expect(answer([address(0xffff_ffff, 0xffff_ffff)])).not.toHaveProperty('lease.validFor');
  });

  it('say why there is none', () => {
    const value = Buffer.concat([Buffer.from([0, 2]), Buffer.from('pool is empty')]);
    expect(answer([{ code: dhcpv6Options.statusCode, value }])).toEqual({
      kind: 'refused',
      message: 'NoAddrsAvail (pool is empty)',
    });
    expect(answer([address(0, 0)])).toEqual({ kind: 'refused', message: 'it gives no address' });
  });

  it('name the client by its hardware address', () => {
    expect(clientDuid(identity).toString('hex')).toBe('0003000102005e100001');
  });
});

describe('packets', () => {
  const datagram = { sourcePort: 68, destinationPort: 67, payload: Buffer.from('odd') };

  it('are read as they were written, whatever the link has padded them with', () => {
    const ipv4 = { ...datagram, source: '192.0.2.1', destination: '255.255.255.255' };
    expect(readUdpv4(Buffer.concat([writeUdpv4(ipv4), Buffer.alloc(9)]))).toEqual(ipv4);
    const ipv6 = { ...datagram, source: 'fe80::1', destination: 'ff02::1:2' };
    expect(readUdpv6(Buffer.concat([writeUdpv6(ipv6), Buffer.alloc(9)]))).toEqual(ipv6);
  });

  it('have the checksums that receivers compute', () => {
    const packet = writeUdpv4({ ...datagram, source: '192.0.2.1', destination: '192.0.2.2' });
    const sum = (bytes: Buffer) => {
      let total = 0;
      for (let index = 0; index < bytes.length; index += 2)
        total += (bytes[index]! << 8) | (bytes[index + 1] ?? 0);
      while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
      return total;
    };
    expect(sum(packet.subarray(0, 20))).toBe(0xffff);
    const pseudo = Buffer.from([...packet.subarray(12, 20), 0, 17, 0, packet.length - 20]);
    expect(sum(Buffer.concat([pseudo, packet.subarray(20)]))).toBe(0xffff);
  });

  it('are filtered by programs of whole instructions', () => {
    expect(udpv4Filter(68).length % 8).toBe(0);
  });
});

describe('what a hostile host may send', () => {
  const harmless = (read: (bytes: Buffer) => unknown) =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          if (!(error instanceof MalformedDhcpMessageError)) throw error;
        }
      }),
      { numRuns: 500 },
    );

  it('is dropped as malformed or read, and nothing else', () => {
    const head = encodeDhcpv4(ack([])).subarray(0, 240);
    harmless((bytes) => dhcpv4LeaseFrom(decodeDhcpv4(Buffer.concat([head, bytes])), identity, '', 0));
    harmless(decodeDhcpv4);
    harmless((bytes) => dhcpv6AnswerFrom(decodeDhcpv6(bytes), identity, 0));
    const server = { code: dhcpv6Options.serverIdentifier, value: Buffer.from('0003', 'hex') };
    harmless((bytes) => {
      const value = Buffer.concat([identityAssociation(identity), bytes]);
      const options = [server, { code: dhcpv6Options.identityAssociation, value }];
      return dhcpv6AnswerFrom({ type: dhcpv6Types.reply, transactionId: 1, options }, identity, 0);
    });
    harmless(readUdpv4);
    harmless(readUdpv6);
    harmless((bytes) =>
      readUdpv6(
        Buffer.concat([
          writeUdpv6({
            source: '::',
            destination: '::',
            sourcePort: 1,
            destinationPort: 1,
            payload: Buffer.alloc(0),
          }).subarray(0, 7),
          bytes,
        ]),
      ),
    );
  });
});
