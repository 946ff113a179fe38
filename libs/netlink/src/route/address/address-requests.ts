import { familyNumbers, parseIpAddress, parseIpPrefix } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import type { RouteRequest } from '../route-request.ts';
import { type AddressSpec, addressFlags } from './address.ts';
import {
  addressAttributes as ifa,
  addressMessages,
  forever,
  labelLimit,
  scopeNumbers,
} from './address-attributes.ts';

/** What a user may set; the rest tells what the kernel has found out. */
const settableFlags =
  addressFlags.nodad |
  addressFlags.optimistic |
  addressFlags.home |
  addressFlags.mngtmpaddr |
  addressFlags.noprefixroute |
  addressFlags.autojoin;

/** Gives a link an address. Fails with EEXIST when it has it already. */
export function addressAdd(spec: AddressSpec): RouteRequest {
  return address('address add', addressMessages.new, messageFlags.create | messageFlags.exclusive, spec);
}

/** Gives a link an address, or changes lifetimes, flags and metric of one that it has. */
export function addressReplace(spec: AddressSpec): RouteRequest {
  return address('address replace', addressMessages.new, messageFlags.create | messageFlags.replace, spec);
}

/** Takes an address from a link. Fails with EADDRNOTAVAIL when it does not have it. */
export function addressDelete(spec: AddressSpec): RouteRequest {
  return address('address del', addressMessages.delete, 0, spec);
}

function address(operation: string, type: number, flags: number, spec: AddressSpec): RouteRequest {
  return { operation, type, flags, write: (writer) => writeAddress(writer, spec) };
}

function writeAddress(writer: MessageWriter, spec: AddressSpec): void {
  const { family, bytes, length } = parseIpPrefix(spec.address, 'address');
  const isLoopback =
    family === 4 ? bytes[0] === 127 : bytes[15] === 1 && bytes.findIndex((byte) => byte !== 0) === 15;
  const flags = (spec.flags ?? 0) & settableFlags;
  const start = writer.header(8);
  writer.setUint8(start, familyNumbers[family], 'family');
  writer.setUint8(start + 1, length, 'address');
  writer.setUint8(start + 3, scopeNumbers[spec.scope ?? (isLoopback ? 'host' : 'global')], 'scope');
  writer.setUint32(start + 4, spec.linkIndex, 'linkIndex');
  writer.bytes(ifa.local, bytes);
  const peer = spec.peer === undefined ? bytes : parseIpAddress(spec.peer, 'peer');
  if (peer.length !== bytes.length)
    throw new RequestInvalidError('peer', spec.peer, `of the family of ${spec.address}`);
  writer.bytes(ifa.address, peer);
  if (spec.broadcast !== undefined) writer.bytes(ifa.broadcast, broadcast(spec.broadcast, bytes, length));
  if (spec.label !== undefined) writer.string(ifa.label, spec.label, labelLimit, 'label');
  if (flags !== 0) writer.uint32(ifa.flags, flags, 'flags');
  if (spec.metric !== undefined) writer.uint32(ifa.metric, spec.metric, 'metric');
  if (spec.protocol !== undefined) writer.uint8(ifa.protocol, spec.protocol, 'protocol');
  if (spec.preferredLifetime !== undefined || spec.validLifetime !== undefined) {
    const cache = Buffer.alloc(16);
    const valid = spec.validLifetime ?? forever;
    cache.writeUInt32LE(Math.min(spec.preferredLifetime ?? forever, valid), 0);
    cache.writeUInt32LE(valid, 4);
    writer.bytes(ifa.cacheInfo, cache);
  }
}

function broadcast(text: string, address: Uint8Array, length: number): Uint8Array {
  if (address.length !== 4) throw new RequestInvalidError('broadcast', text, 'absent for IPv6');
  if (text !== 'auto') return parseIpAddress(text, 'broadcast');
  const last = Buffer.from(address);
  const hostBits = length >= 31 ? 0 : 0xffff_ffff >>> length;
  last.writeUInt32BE((last.readUInt32BE(0) | hostBits) >>> 0, 0);
  return last;
}
