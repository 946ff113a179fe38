import { addressBytes, addressText, hardwareBytes } from '../wire/ip.ts';
import { MalformedDhcpMessageError } from '../wire/malformed-dhcp-message-error.ts';

/** Options by number (RFC 2132, RFC 3442, RFC 3397), as far as this client knows them. */
export const dhcpv4Options = {
  subnetMask: 1,
  router: 3,
  dnsServers: 6,
  hostName: 12,
  domainName: 15,
  mtu: 26,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequest: 55,
  message: 56,
  largestMessage: 57,
  renewalTime: 58,
  rebindingTime: 59,
  clientIdentifier: 61,
  domainSearch: 119,
  classlessRoutes: 121,
} as const;

/** `DHCP message type` (RFC 2132, section 9.6). */
export const dhcpv4Types = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
} as const;

/** One message of either side (RFC 2131, section 2). */
export interface Dhcpv4Message {
  /** One of {@link dhcpv4Types}. */
  readonly type: number;
  readonly transactionId: number;
  /** Seconds since the client began. */
  readonly seconds?: number;
  /** Whether answers are to be broadcast, because the client cannot receive others yet. */
  readonly broadcast?: boolean;
  /** `ciaddr`: the address that the client has; absent when none. */
  readonly clientAddress?: string;
  /** `yiaddr`: the address that the server gives; absent when none. */
  readonly yourAddress?: string;
  /** `chaddr`, six bytes. */
  readonly hardwareAddress: string;
  /** By number; without the type, which has its own member. */
  readonly options: ReadonlyMap<number, Buffer>;
}

const fixedSize = 236;
const cookie = 0x6382_5363;
/** Servers and relays may drop messages that are shorter than BOOTP's (RFC 1542, section 2.1). */
const smallestMessage = 300;
const [pad, end] = [0, 255];

/** Writes a client's message. */
export function encodeDhcpv4(message: Dhcpv4Message): Buffer {
  const fixed = Buffer.alloc(fixedSize + 4);
  fixed.set([1, 1, 6, 0], 0);
  fixed.writeUInt32BE(message.transactionId, 4);
  fixed.writeUInt16BE(Math.min(message.seconds ?? 0, 0xffff), 8);
  fixed.writeUInt16BE(message.broadcast === true ? 0x8000 : 0, 10);
  if (message.clientAddress !== undefined) fixed.set(addressBytes(message.clientAddress), 12);
  if (message.yourAddress !== undefined) fixed.set(addressBytes(message.yourAddress), 16);
  fixed.set(hardwareBytes(message.hardwareAddress), 28);
  fixed.writeUInt32BE(cookie, fixedSize);
  const options: Buffer[] = [Buffer.from([dhcpv4Options.messageType, 1, message.type])];
  for (const [code, value] of message.options) {
    // RFC 3396: a longer value goes on in another option of the same number.
    for (let start = 0; start === 0 || start < value.length; start += 255) {
      const piece = value.subarray(start, start + 255);
      options.push(Buffer.from([code, piece.length]), piece);
    }
  }
  const bytes = Buffer.concat([fixed, ...options, Buffer.from([end])]);
  return bytes.length >= smallestMessage
    ? bytes
    : Buffer.concat([bytes, Buffer.alloc(smallestMessage - bytes.length)]);
}

/**
 * Reads a server's message; `encodeDhcpv4`'s as well, for tests.
 *
 * @throws MalformedDhcpMessageError when it is none
 */
export function decodeDhcpv4(bytes: Buffer): Dhcpv4Message {
  if (bytes.length < fixedSize + 4 || bytes.readUInt32BE(fixedSize) !== cookie) {
    throw new MalformedDhcpMessageError('no DHCP message');
  }
  const options = new Map<number, Buffer>();
  readOptions(bytes.subarray(fixedSize + 4), options);
  const overload = options.get(dhcpv4Options.overload)?.[0] ?? 0;
  if ((overload & 1) !== 0) readOptions(bytes.subarray(108, 236), options);
  if ((overload & 2) !== 0) readOptions(bytes.subarray(44, 108), options);
  const type = options.get(dhcpv4Options.messageType)?.[0];
  if (type === undefined) throw new MalformedDhcpMessageError('BOOTP without a DHCP message type');
  options.delete(dhcpv4Options.messageType);
  const clientAddress = addressText(bytes.subarray(12, 16));
  const yourAddress = addressText(bytes.subarray(16, 20));
  return {
    type,
    transactionId: bytes.readUInt32BE(4),
    seconds: bytes.readUInt16BE(8),
    broadcast: (bytes.readUInt16BE(10) & 0x8000) !== 0,
    ...(clientAddress === '0.0.0.0' ? {} : { clientAddress }),
    ...(yourAddress === '0.0.0.0' ? {} : { yourAddress }),
    hardwareAddress: [...bytes.subarray(28, 34)].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
    options,
  };
}

function readOptions(bytes: Buffer, options: Map<number, Buffer>): void {
  let offset = 0;
  while (offset < bytes.length) {
    const code = bytes.readUInt8(offset++);
    if (code === pad) continue;
    if (code === end) return;
    const length = bytes[offset++];
    if (length === undefined || offset + length > bytes.length) {
      throw new MalformedDhcpMessageError(`option ${code} is cut off`);
    }
    const value = bytes.subarray(offset, offset + length);
    const earlier = options.get(code);
    options.set(code, Buffer.concat(earlier === undefined ? [value] : [earlier, value]));
    offset += length;
  }
}
