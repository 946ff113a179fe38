import { addressBytes, addressText } from './ip.ts';

const udpProtocol = 17;
const udpHeader = 8;
const ipv4Header = 20;
const ipv6Header = 40;

/** One UDP datagram with its addresses. */
export interface UdpDatagram {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly payload: Buffer;
}

/** Writes a UDP datagram as an IPv4 packet (RFC 791, RFC 768). */
export function writeUdpv4({
  source,
  sourcePort,
  destination,
  destinationPort,
  payload,
}: UdpDatagram): Buffer {
  const packet = Buffer.alloc(ipv4Header + udpHeader + payload.length);
  packet.writeUInt8(0x45, 0);
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt8(64, 8);
  packet.writeUInt8(udpProtocol, 9);
  packet.set(addressBytes(source), 12);
  packet.set(addressBytes(destination), 16);
  packet.writeUInt16BE(checksum([packet.subarray(0, ipv4Header)]), 10);
  writeUdp(packet, ipv4Header, 12, 8, { sourcePort, destinationPort, payload });
  return packet;
}

/** Writes a UDP datagram as an IPv6 packet (RFC 8200). */
export function writeUdpv6({
  source,
  sourcePort,
  destination,
  destinationPort,
  payload,
}: UdpDatagram): Buffer {
  const packet = Buffer.alloc(ipv6Header + udpHeader + payload.length);
  packet.writeUInt8(0x60, 0);
  packet.writeUInt16BE(udpHeader + payload.length, 4);
  packet.writeUInt8(udpProtocol, 6);
  packet.writeUInt8(255, 7);
  packet.set(addressBytes(source), 8);
  packet.set(addressBytes(destination), 24);
  writeUdp(packet, ipv6Header, 8, 32, { sourcePort, destinationPort, payload });
  return packet;
}

/**
 * Reads a UDP datagram from an IPv4 packet. Checksums are not looked at: on links of one machine the kernel leaves them unfinished.
 *
 * @returns undefined when it is none, or cut off
 */
export function readUdpv4(packet: Buffer): UdpDatagram | undefined {
  if (packet.length < ipv4Header || packet.readUInt8(0) >> 4 !== 4) return undefined;
  if (packet.readUInt8(9) !== udpProtocol) return undefined;
  const header = (packet.readUInt8(0) & 0xf) * 4;
  // Ethernet pads short frames: the packet's own length counts.
  const length = packet.readUInt16BE(2);
  if (header < ipv4Header || length > packet.length) return undefined;
  return readUdp(packet.subarray(header, length), packet.subarray(12, 16), packet.subarray(16, 20));
}

/** {@link readUdpv4} for IPv6 packets without extension headers. */
export function readUdpv6(packet: Buffer): UdpDatagram | undefined {
  if (packet.length < ipv6Header || packet.readUInt8(0) >> 4 !== 6) return undefined;
  if (packet.readUInt8(6) !== udpProtocol) return undefined;
  const end = ipv6Header + packet.readUInt16BE(4);
  if (end > packet.length) return undefined;
  return readUdp(packet.subarray(ipv6Header, end), packet.subarray(8, 24), packet.subarray(24, 40));
}

function readUdp(bytes: Buffer, source: Buffer, destination: Buffer): UdpDatagram | undefined {
  if (bytes.length < udpHeader) return undefined;
  const length = bytes.readUInt16BE(4);
  if (length < udpHeader || length > bytes.length) return undefined;
  return {
    source: addressText(source),
    sourcePort: bytes.readUInt16BE(0),
    destination: addressText(destination),
    destinationPort: bytes.readUInt16BE(2),
    payload: bytes.subarray(udpHeader, length),
  };
}

function writeUdp(
  packet: Buffer,
  start: number,
  addresses: number,
  addressesLength: number,
  { sourcePort, destinationPort, payload }: Pick<UdpDatagram, 'sourcePort' | 'destinationPort' | 'payload'>,
): void {
  const length = udpHeader + payload.length;
  packet.writeUInt16BE(sourcePort, start);
  packet.writeUInt16BE(destinationPort, start + 2);
  packet.writeUInt16BE(length, start + 4);
  packet.set(payload, start + udpHeader);
  const rest = Buffer.alloc(4);
  rest.writeUInt16BE(udpProtocol, 0);
  rest.writeUInt16BE(length, 2);
  const pseudoHeader = packet.subarray(addresses, addresses + addressesLength);
  // Zero would mean that there is no checksum.
  packet.writeUInt16BE(checksum([pseudoHeader, rest, packet.subarray(start)]) || 0xffff, start + 6);
}

/** The internet checksum (RFC 1071); all parts but the last have an even length. */
function checksum(parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let index = 0; index + 1 < part.length; index += 2) sum += part.readUInt16BE(index);
    if (part.length % 2 === 1) sum += (part[part.length - 1] ?? 0) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
