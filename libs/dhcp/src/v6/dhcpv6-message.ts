import { MalformedDhcpMessageError } from '../wire/malformed-dhcp-message-error.ts';

/** Message types (RFC 8415, section 7.3), as far as this client knows them. */
export const dhcpv6Types = {
  solicit: 1,
  advertise: 2,
  request: 3,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
} as const;

/** Options by number (RFC 8415, section 21; RFC 3646; RFC 4704). */
export const dhcpv6Options = {
  clientIdentifier: 1,
  serverIdentifier: 2,
  identityAssociation: 3,
  address: 5,
  optionRequest: 6,
  elapsedTime: 8,
  statusCode: 13,
  rapidCommit: 14,
  dnsServers: 23,
  domainSearch: 24,
  hostName: 39,
} as const;

/** One option; the same number may come several times. */
export interface Dhcpv6Option {
  readonly code: number;
  readonly value: Buffer;
}

/** One message between client and server (RFC 8415, section 8). */
export interface Dhcpv6Message {
  /** One of {@link dhcpv6Types}. */
  readonly type: number;
  /** 24 bits. */
  readonly transactionId: number;
  readonly options: readonly Dhcpv6Option[];
}

/** Writes a message. */
export function encodeDhcpv6({ type, transactionId, options }: Dhcpv6Message): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(((type << 24) | (transactionId & 0xff_ffff)) >>> 0, 0);
  return Buffer.concat([header, encodeDhcpv6Options(options)]);
}

/**
 * Reads a message.
 *
 * @throws MalformedDhcpMessageError when it is none
 */
export function decodeDhcpv6(bytes: Buffer): Dhcpv6Message {
  if (bytes.length < 4) throw new MalformedDhcpMessageError('no DHCPv6 message');
  return {
    type: bytes.readUInt8(0),
    transactionId: bytes.readUInt32BE(0) & 0xff_ffff,
    options: decodeDhcpv6Options(bytes.subarray(4)),
  };
}

/** Writes options one after another, as a message or an option has them. */
export function encodeDhcpv6Options(options: readonly Dhcpv6Option[]): Buffer {
  return Buffer.concat(
    options.flatMap(({ code, value }) => {
      const header = Buffer.alloc(4);
      header.writeUInt16BE(code, 0);
      header.writeUInt16BE(value.length, 2);
      return [header, value];
    }),
  );
}

/** Reads options that stand one after another. */
export function decodeDhcpv6Options(bytes: Buffer): Dhcpv6Option[] {
  const options: Dhcpv6Option[] = [];
  for (let offset = 0; offset < bytes.length;) {
    if (offset + 4 > bytes.length) throw new MalformedDhcpMessageError('an option is cut off');
    const code = bytes.readUInt16BE(offset);
    const end = offset + 4 + bytes.readUInt16BE(offset + 2);
    if (end > bytes.length) throw new MalformedDhcpMessageError(`option ${code} is cut off`);
    options.push({ code, value: bytes.subarray(offset + 4, end) });
    offset = end;
  }
  return options;
}

/** The first option of a number. */
export function findOption(options: readonly Dhcpv6Option[], code: number): Buffer | undefined {
  return options.find((each) => each.code === code)?.value;
}
