import { addressBytes, addressText, hardwareBytes, isUnicast } from '../wire/ip.ts';
import { MalformedDhcpMessageError } from '../wire/malformed-dhcp-message-error.ts';
import {
  decodeDhcpv6Options,
  type Dhcpv6Message,
  dhcpv6Options as option,
  encodeDhcpv6Options,
  findOption,
} from './dhcpv6-message.ts';

/** Whom the server takes the client for. Plain JSON. */
export type Dhcpv6Identity = {
  /** Of the interface that is to have the address: DUID-LL and IAID are made of it (RFC 8415, section 11.4). */
  readonly hardwareAddress: string;
  /** Sent as a name without domain (RFC 4704). */
  readonly hostName?: string | undefined;
};

/** An address that a DHCPv6 server has lent (IA_NA). Plain JSON. */
export type Dhcpv6Lease = {
  readonly family: 6;
  /** `address/128`: DHCPv6 says nothing about networks, routers do. */
  readonly address: string;
  readonly identity: Dhcpv6Identity;
  /** The server's DUID in hexadecimal. */
  readonly server: string;
  /** Milliseconds of the machine's monotonic clock. */
  readonly obtainedAt: number;
  /** Seconds from {@link obtainedAt}; absent when the lease does not end. */
  readonly renewAfter?: number;
  readonly rebindAfter?: number;
  readonly validFor?: number;
  /** Seconds after which nothing new is to use the address; absent: never. */
  readonly preferredFor?: number;
  readonly dnsServers: readonly string[];
};

/** What a server says of the one address, with the status that it gives instead when it gives none. */
export type IdentityAnswer =
  | { readonly kind: 'lease'; readonly lease: Dhcpv6Lease }
  | { readonly kind: 'refused'; readonly message: string };

const forever = 0xffff_ffff;

/** DUID-LL of an Ethernet address. */
export function clientDuid({ hardwareAddress }: Dhcpv6Identity): Buffer {
  return Buffer.from([0, 3, 0, 1, ...hardwareBytes(hardwareAddress)]);
}

/** The identity association of the client's one interface, with the address that it has or hopes for. */
export function identityAssociation({ hardwareAddress }: Dhcpv6Identity, address?: string): Buffer {
  const fixed = Buffer.alloc(12);
  fixed.set(hardwareBytes(hardwareAddress).subarray(2), 0);
  if (address === undefined) return fixed;
  const value = Buffer.alloc(24);
  value.set(addressBytes(address), 0);
  return Buffer.concat([fixed, encodeDhcpv6Options([{ code: option.address, value }])]);
}

/**
 * Reads what an ADVERTISE or REPLY says.
 *
 * @throws MalformedDhcpMessageError when it names no server or says nothing of the association
 */
export function dhcpv6AnswerFrom(
  { options }: Dhcpv6Message,
  identity: Dhcpv6Identity,
  obtainedAt: number,
): IdentityAnswer {
  const server = findOption(options, option.serverIdentifier);
  if (server === undefined) throw new MalformedDhcpMessageError('an answer that names no server');
  const whole = statusOf(findOption(options, option.statusCode));
  if (whole !== undefined) return { kind: 'refused', message: whole };
  const association = options.find(
    ({ code, value }) =>
      code === option.identityAssociation &&
      value.length >= 12 &&
      value.subarray(0, 4).equals(identityAssociation(identity).subarray(0, 4)),
  )?.value;
  if (association === undefined) throw new MalformedDhcpMessageError('an answer about other interfaces');
  const inner = decodeDhcpv6Options(association.subarray(12));
  const status = statusOf(findOption(inner, option.statusCode));
  const address = inner.find(
    ({ code, value }) => code === option.address && value.length >= 24 && value.readUInt32BE(20) > 0,
  )?.value;
  if (status !== undefined || address === undefined) {
    return { kind: 'refused', message: status ?? 'it gives no address' };
  }
  const text = addressText(address.subarray(0, 16));
  if (!isUnicast(text)) throw new MalformedDhcpMessageError(`${text} is no unicast address`);
  const [preferred, valid] = [address.readUInt32BE(16), address.readUInt32BE(20)];
  const dns = findOption(options, option.dnsServers) ?? Buffer.alloc(0);
  return {
    kind: 'lease',
    lease: {
      family: 6,
      address: `${text}/128`,
      identity,
      server: server.toString('hex'),
      obtainedAt,
      ...leaseTimes(association.readUInt32BE(4), association.readUInt32BE(8), preferred, valid),
      dnsServers: Array.from({ length: Math.floor(dns.length / 16) }, (_, index) =>
        addressText(dns.subarray(index * 16, index * 16 + 16)),
      ),
    },
  };
}

/** T1 and T2 as the server says, or where it leaves them to the client (0) half and eight tenths of the preferred lifetime. */
function leaseTimes(t1: number, t2: number, preferred: number, valid: number): Partial<Dhcpv6Lease> {
  if (valid === forever) return {};
  const base = preferred === forever || preferred === 0 ? valid : preferred;
  const rebindAfter = t2 !== 0 && t2 < valid ? t2 : Math.min(base * 0.8, valid);
  const renewAfter = t1 !== 0 && t1 <= rebindAfter ? t1 : Math.min(base * 0.5, rebindAfter);
  return {
    renewAfter,
    rebindAfter,
    validFor: valid,
    ...(preferred === forever ? {} : { preferredFor: Math.min(preferred, valid) }),
  };
}

/** The words of a status that is not success (RFC 8415, section 21.13). */
function statusOf(value: Buffer | undefined): string | undefined {
  if (value === undefined || value.length < 2) return undefined;
  const code = value.readUInt16BE(0);
  if (code === 0) return undefined;
  const name = statusNames[code] ?? `status ${code}`;
  const words = value.subarray(2).toString('utf8');
  return words === '' ? name : `${name} (${words})`;
}

const statusNames: readonly (string | undefined)[] = [
  undefined,
  'UnspecFail',
  'NoAddrsAvail',
  'NoBinding',
  'NotOnLink',
  'UseMulticast',
];
