import { messageFlags } from '../../wire/message-header.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import { parseHardwareAddress } from '../../wire/hardware-address.ts';
import type { RouteRequest } from '../route-request.ts';
import { writeBridgePort } from './bridge-port-codec.ts';
import { ipv4Settings } from './ipv4-configuration.ts';
import { linkFlags } from './link.ts';
import {
  infoAttributes,
  linkAttributes,
  linkHeaderSize,
  linkMessages,
  nameLimits,
  xdpAttributes,
} from './link-attributes.ts';
import type { LinkChanges } from './link-changes.ts';

/** `AF_INET`, `AF_INET6` and the attributes inside them (linux/if_link.h). */
const afInet = 2;
const afInet6 = 10;
const inetConfiguration = 1;
const inet6AddressGeneration = 8;
const addressGenerationModes = { eui64: 0, none: 1, stablePrivacy: 2, random: 3 } as const;

/** Changes a link, all in one message. */
export function linkSet(index: number, changes: LinkChanges): RouteRequest {
  return {
    operation: 'link set',
    type: linkMessages.new,
    flags: 0,
    write(writer) {
      writeLinkHeader(writer, index, changes);
      writeLinkChanges(writer, changes);
    },
  };
}

/** Deletes a link, or all links of a group. Kinds without a driver of their own (hardware, loopback) cannot be deleted (EOPNOTSUPP). */
export function linkDelete(
  selector: { readonly index: number } | { readonly name: string } | { readonly group: number },
): RouteRequest {
  return {
    operation: 'link delete',
    type: linkMessages.delete,
    flags: 0,
    write(writer) {
      writeLinkHeader(writer, 'index' in selector ? selector.index : 0);
      if ('name' in selector) writer.string(linkAttributes.name, selector.name, nameLimits.name, 'name');
      if ('group' in selector) writer.uint32(linkAttributes.group, selector.group, 'group');
    },
  };
}

/** Gives a link other names. The kernel adds those before the first one that is taken, too. */
export function linkAddAltname(index: number, names: readonly string[]): RouteRequest {
  const flags = messageFlags.create | messageFlags.exclusive | messageFlags.append;
  return altnames('link property add', linkMessages.newProperty, flags, index, names);
}

/** Takes other names from a link. */
export function linkDeleteAltname(index: number, names: readonly string[]): RouteRequest {
  return altnames('link property del', linkMessages.deleteProperty, 0, index, names);
}

/** Writes `struct ifinfomsg`. */
export function writeLinkHeader(writer: MessageWriter, index: number, changes: LinkChanges = {}): void {
  const start = writer.header(linkHeaderSize);
  writer.setUint32(start + 4, index, 'index');
  let flags = 0;
  let mask = 0;
  const set = (flag: number, on: boolean | undefined) => {
    if (on === undefined) return;
    mask |= flag;
    if (on) flags |= flag;
  };
  set(linkFlags.up, changes.up);
  set(linkFlags.promiscuous, changes.promiscuous);
  set(linkFlags.allMulticast, changes.allMulticast);
  set(linkFlags.multicast, changes.multicast);
  set(linkFlags.noArp, changes.noArp);
  if (mask === 0) return;
  writer.setUint32(start + 8, flags, 'flags');
  writer.setUint32(start + 12, mask, 'flags');
}

/** Writes what is the same for changing and for creating a link. */
export function writeLinkChanges(writer: MessageWriter, changes: LinkChanges): void {
  const { name, mtu, address, broadcast, alias, namespace, bridgePort } = changes;
  if (namespace !== undefined) writer.namespace(linkAttributes.namespaceFd, namespace);
  if (name !== undefined) {
    if (name === '') throw new RequestInvalidError('name', name, 'at least one character');
    writer.string(linkAttributes.name, name, nameLimits.name, 'name');
  }
  if (mtu !== undefined) writer.uint32(linkAttributes.mtu, mtu, 'mtu');
  if (address !== undefined) writer.bytes(linkAttributes.address, parseHardwareAddress(address, 'address'));
  if (broadcast !== undefined)
    writer.bytes(linkAttributes.broadcast, parseHardwareAddress(broadcast, 'broadcast'));
  if (alias !== undefined) writeAlias(writer, alias);
  for (const field of numbers) {
    const value = changes[field];
    if (value !== undefined) writer.uint32(linkAttributes[field], value, field);
  }
  if (changes.protoDown !== undefined)
    writer.uint8(linkAttributes.protoDown, Number(changes.protoDown), 'protoDown');
  if (changes.carrier !== undefined) writer.uint8(linkAttributes.carrier, Number(changes.carrier), 'carrier');
  if (changes.linkMode !== undefined) {
    writer.uint8(linkAttributes.linkMode, changes.linkMode === 'dormant' ? 1 : 0, 'linkMode');
  }
  if (bridgePort !== undefined) {
    const info = writer.beginNest(linkAttributes.linkInfo);
    writer.string(infoAttributes.slaveKind, 'bridge', nameLimits.kind, 'slaveKind');
    const data = writer.beginNest(infoAttributes.slaveData);
    writeBridgePort(writer, bridgePort);
    writer.endNest(data);
    writer.endNest(info);
  }
  writeAddressFamilies(writer, changes);
  if (changes.detachXdp === undefined) return;
  const xdp = writer.beginNest(linkAttributes.xdp);
  writer.int32(xdpAttributes.fd, -1, 'detachXdp');
  writer.uint32(xdpAttributes.flags, xdpModeFlags[changes.detachXdp], 'detachXdp');
  writer.endNest(xdp);
}

/** `XDP_FLAGS_*_MODE`. */
const xdpModeFlags = { generic: 2, driver: 4, hardware: 8 } as const;

const numbers = [
  'txQueueLength',
  'master',
  'newIndex',
  'group',
  'gsoMaxSize',
  'gsoMaxSegments',
  'groMaxSize',
  'gsoIpv4MaxSize',
  'groIpv4MaxSize',
] as const satisfies readonly (keyof LinkChanges & keyof typeof linkAttributes)[];

function writeAlias(writer: MessageWriter, alias: string): void {
  const bytes = Buffer.from(alias);
  if (bytes.length > nameLimits.alias) {
    throw new RequestInvalidError('alias', alias, `at most ${nameLimits.alias} bytes`);
  }
  // Without a terminating zero: the kernel would keep it, and only no bytes at all remove the alias.
  writer.bytes(linkAttributes.alias, bytes);
}

function writeAddressFamilies(writer: MessageWriter, { ipv4, ipv6AddressGeneration }: LinkChanges): void {
  if (ipv4 === undefined && ipv6AddressGeneration === undefined) return;
  const families = writer.beginNest(linkAttributes.addressFamilies);
  if (ipv4 !== undefined) {
    const family = writer.beginNest(afInet);
    const configuration = writer.beginNest(inetConfiguration);
    for (const setting of Object.keys(ipv4) as (keyof typeof ipv4Settings)[]) {
      const value = ipv4[setting];
      if (value !== undefined) writer.int32(ipv4Settings[setting], value, `ipv4.${setting}`);
    }
    writer.endNest(configuration);
    writer.endNest(family);
  }
  if (ipv6AddressGeneration !== undefined) {
    const family = writer.beginNest(afInet6);
    const mode = addressGenerationModes[ipv6AddressGeneration];
    writer.uint8(inet6AddressGeneration, mode, 'ipv6AddressGeneration');
    writer.endNest(family);
  }
  writer.endNest(families);
}

function altnames(
  operation: string,
  type: number,
  flags: number,
  index: number,
  names: readonly string[],
): RouteRequest {
  return {
    operation,
    type,
    flags,
    write(writer) {
      writeLinkHeader(writer, index);
      const list = writer.beginNest(linkAttributes.properties);
      for (const name of names) writer.string(linkAttributes.altname, name, nameLimits.altname, 'altname');
      writer.endNest(list);
    },
  };
}
